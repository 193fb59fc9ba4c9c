import CKernels
import Kernels

#if arch(x86_64)
  import KernelsV3
#endif

/// The inner loops of the detectors that learn from streams, of the build that ``KernelTable/chosen`` is of.
struct StreamKernels: Sendable {
  typealias Points = UnsafePointer<Double>
  let halfSpaceLeaves:
    @Sendable (
      Points, Int, Int, UnsafePointer<ck_half_node>, Int, UnsafeMutablePointer<UInt32>
    ) -> Void
  let boxGrowth: @Sendable (Points, Points, Int) -> Double
  let widenBox: @Sendable (Points, UnsafeMutablePointer<Double>, Int) -> Double
  let joinBoxes: @Sendable (Points, Points, Points, Points, Int, UnsafeMutablePointer<Double>) -> Double
  let areSame: @Sendable (Points, Points, Int) -> Bool
  let addDisplacements:
    @Sendable (
      Points, Int, Int, Int, Int32, UnsafePointer<ck_cut_node>, Points, Points, UnsafePointer<Int32>,
      UnsafeMutablePointer<Double>
    ) -> Void
  let addDisplacementShares:
    @Sendable (
      Points, Int, Int, Int32, UnsafePointer<ck_cut_node>, Points, Points, UnsafePointer<Int32>,
      UnsafeMutablePointer<Double>
    ) -> Void

  static let baseline = StreamKernels(
    halfSpaceLeaves: Kernels.halfSpaceLeaves, boxGrowth: Kernels.boxGrowth,
    widenBox: Kernels.widenBox, joinBoxes: Kernels.joinBoxes, areSame: Kernels.areSame,
    addDisplacements: Kernels.addDisplacements,
    addDisplacementShares: Kernels.addDisplacementShares)

  #if arch(x86_64)
    static let x86v3 = StreamKernels(
      halfSpaceLeaves: KernelsV3.halfSpaceLeaves, boxGrowth: KernelsV3.boxGrowth,
      widenBox: KernelsV3.widenBox, joinBoxes: KernelsV3.joinBoxes, areSame: KernelsV3.areSame,
      addDisplacements: KernelsV3.addDisplacements,
      addDisplacementShares: KernelsV3.addDisplacementShares)
  #endif

  static let chosen: StreamKernels = {
    #if arch(x86_64)
      if KernelTable.chosen.name.description == KernelTable.x86v3.name.description { return x86v3 }
    #endif
    return baseline
  }()
}
