import CKernels
import Kernels

#if arch(x86_64)
  import KernelsV3
#endif

/// The inner loops of joins of series, of the build that ``KernelTable/chosen`` names.
struct SeriesKernels: Sendable {
  typealias Join = @Sendable (UnsafePointer<ck_join>) -> Void
  let correlate: Join
  let measure: Join
  let takeRowBest: @Sendable (UnsafePointer<Double>, Int, UnsafeMutablePointer<Double>) -> Void

  static let baseline = SeriesKernels(
    correlate: Kernels.correlateDiagonals, measure: Kernels.measureDiagonals,
    takeRowBest: Kernels.takeRowBest)

  #if arch(x86_64)
    static let x86v3 = SeriesKernels(
      correlate: KernelsV3.correlateDiagonals, measure: KernelsV3.measureDiagonals,
      takeRowBest: KernelsV3.takeRowBest)
  #endif

  static let chosen: SeriesKernels = {
    #if arch(x86_64)
      if KernelTable.chosen.name.description == KernelTable.x86v3.name.description { return x86v3 }
    #endif
    return baseline
  }()
}
