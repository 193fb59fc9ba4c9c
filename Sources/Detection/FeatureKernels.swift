import CKernels
import Kernels

#if arch(x86_64)
  import KernelsV3
#endif

/// The inner loops of kernel features, of the build that ``KernelTable/chosen`` names.
struct FeatureKernels: Sendable {
  typealias Floats = UnsafePointer<Float>
  typealias Doubles = UnsafePointer<Double>
  typealias Sums = UnsafeMutablePointer<Double>
  let radialFeatures: @Sendable (Floats, Int, Floats, Int, UnsafeMutablePointer<Float>, Int) -> Void
  let cosineFeatures: @Sendable (Floats, Int, Floats, Floats, Int, UnsafeMutablePointer<Float>, Int) -> Void
  let rowProducts: @Sendable (Doubles, Int, Int, Doubles, Sums) -> Void
  let rowProductsOfFloats: @Sendable (Floats, Int, Int, Doubles, Sums) -> Void
  let hingeBatch: @Sendable (Doubles, Int, Int, Doubles, Double, Doubles, Sums, inout Double) -> Double
  let hingeBatchOfFloats: @Sendable (Floats, Int, Int, Doubles, Double, Doubles, Sums, inout Double) -> Double

  static let baseline = FeatureKernels(
    radialFeatures: Kernels.radialFeatures, cosineFeatures: Kernels.cosineFeatures,
    rowProducts: Kernels.rowProducts, rowProductsOfFloats: Kernels.rowProductsOfFloats,
    hingeBatch: Kernels.hingeBatch, hingeBatchOfFloats: Kernels.hingeBatchOfFloats)

  #if arch(x86_64)
    static let x86v3 = FeatureKernels(
      radialFeatures: KernelsV3.radialFeatures, cosineFeatures: KernelsV3.cosineFeatures,
      rowProducts: KernelsV3.rowProducts, rowProductsOfFloats: KernelsV3.rowProductsOfFloats,
      hingeBatch: KernelsV3.hingeBatch, hingeBatchOfFloats: KernelsV3.hingeBatchOfFloats)
  #endif

  static let chosen: FeatureKernels = {
    #if arch(x86_64)
      if KernelTable.chosen.name.description == KernelTable.x86v3.name.description { return x86v3 }
    #endif
    return baseline
  }()
}
