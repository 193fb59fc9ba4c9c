import CKernels
import Kernels

#if arch(x86_64)
  import KernelsV3
#endif

/// The inner loops of dense products, of the build that ``KernelTable/chosen`` names.
struct DenseKernels: Sendable {
  typealias LoadRows =
    @Sendable (
      UnsafeRawPointer, Int, Int, UnsafePointer<Int>?, Int, UnsafePointer<Int>, Int,
      UnsafePointer<Double>, UnsafePointer<Double>, UnsafeMutablePointer<Double>, Int
    ) -> Bool
  let loadRows32: LoadRows
  let loadRows64: LoadRows
  let addCrossProducts:
    @Sendable (
      UnsafePointer<Double>, Int, Int, Int, UnsafeMutablePointer<Double>,
      UnsafeMutablePointer<Double>
    ) -> Void
  let squaredNorms:
    @Sendable (
      UnsafePointer<Double>, Int, Int, Int, UnsafePointer<Double>, Int, Bool,
      UnsafeMutablePointer<Double>
    ) -> Void
  let weightedDistances:
    @Sendable (
      UnsafePointer<Double>, Int, Int, UnsafePointer<Int>, Int, UnsafePointer<Double>, Int,
      UnsafePointer<Double>, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>
    ) -> Void

  static let baseline = DenseKernels(
    loadRows32: Kernels.loadRows32, loadRows64: Kernels.loadRows64,
    addCrossProducts: Kernels.addCrossProducts, squaredNorms: Kernels.squaredNorms,
    weightedDistances: Kernels.weightedDistances)

  #if arch(x86_64)
    static let x86v3 = DenseKernels(
      loadRows32: KernelsV3.loadRows32, loadRows64: KernelsV3.loadRows64,
      addCrossProducts: KernelsV3.addCrossProducts, squaredNorms: KernelsV3.squaredNorms,
      weightedDistances: KernelsV3.weightedDistances)
  #endif

  static let chosen: DenseKernels = {
    #if arch(x86_64)
      if KernelTable.chosen.name.description == KernelTable.x86v3.name.description { return x86v3 }
    #endif
    return baseline
  }()
}
