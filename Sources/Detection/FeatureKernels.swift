import CKernels
import Kernels

#if arch(x86_64)
  import KernelsV3
#endif

/// The inner loops of kernel features, of the build that ``KernelTable/chosen`` names.
struct FeatureKernels: Sendable {
  typealias Out = UnsafeMutablePointer<Double>
  let radialFeatures:
    @Sendable (UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, Out, Int) -> Void
  let cosineFeatures:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<Float>, UnsafePointer<Float>, Int, Double, Out, Int
    ) -> Void
  let rowProducts: @Sendable (UnsafePointer<Double>, Int, Int, UnsafePointer<Double>, Out) -> Void
  let addMultiples: @Sendable (UnsafePointer<Double>, Int, Int, UnsafePointer<Double>, Out) -> Void
  let hingeBatch:
    @Sendable (
      UnsafePointer<Double>, Int, Int, UnsafePointer<Double>, Double, UnsafePointer<Double>, Out,
      inout Double
    ) -> Double

  static let baseline = FeatureKernels(
    radialFeatures: Kernels.radialFeatures, cosineFeatures: Kernels.cosineFeatures,
    rowProducts: Kernels.rowProducts, addMultiples: Kernels.addMultiples,
    hingeBatch: Kernels.hingeBatch)

  #if arch(x86_64)
    static let x86v3 = FeatureKernels(
      radialFeatures: KernelsV3.radialFeatures, cosineFeatures: KernelsV3.cosineFeatures,
      rowProducts: KernelsV3.rowProducts, addMultiples: KernelsV3.addMultiples,
      hingeBatch: KernelsV3.hingeBatch)
  #endif

  static let chosen: FeatureKernels = {
    #if arch(x86_64)
      if KernelTable.chosen.name.description == KernelTable.x86v3.name.description { return x86v3 }
    #endif
    return baseline
  }()
}
