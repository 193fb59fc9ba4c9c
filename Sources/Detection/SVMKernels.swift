import CKernels
import Kernels

#if arch(x86_64)
  import KernelsV3
#endif

/// The inner loops of support vector machines, of the build that ``KernelTable/chosen`` names.
struct SVMKernels: Sendable {
  let radialRow:
    @Sendable (UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>) ->
      Void
  let addRadialSums:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<Float>, UnsafePointer<Double>, Int,
      UnsafeMutablePointer<Double>
    ) -> Void
  let dotRow:
    @Sendable (
      UnsafePointer<Double>, Int, UnsafePointer<Double>, Int, UnsafeMutablePointer<Double>
    ) -> Void
  let moveGradient:
    @Sendable (
      UnsafeMutablePointer<Double>, UnsafePointer<Float>, UnsafePointer<Float>, Double, Int
    ) -> Void
  let leastGradient: @Sendable (UnsafePointer<Double>, UnsafePointer<Double>, Int, inout Double) -> Int
  let bestPartner:
    @Sendable (
      UnsafePointer<Double>, UnsafePointer<Double>, UnsafePointer<Float>, UnsafePointer<Float>,
      Float, Double, Int, inout Double
    ) -> Int

  static let baseline = SVMKernels(
    radialRow: Kernels.radialRow, addRadialSums: Kernels.addRadialSums, dotRow: Kernels.dotRow,
    moveGradient: Kernels.moveGradient, leastGradient: Kernels.leastGradient,
    bestPartner: Kernels.bestPartner)

  #if arch(x86_64)
    static let x86v3 = SVMKernels(
      radialRow: KernelsV3.radialRow, addRadialSums: KernelsV3.addRadialSums,
      dotRow: KernelsV3.dotRow, moveGradient: KernelsV3.moveGradient,
      leastGradient: KernelsV3.leastGradient, bestPartner: KernelsV3.bestPartner)
  #endif

  static let chosen: SVMKernels = {
    #if arch(x86_64)
      if KernelTable.chosen.name.description == KernelTable.x86v3.name.description { return x86v3 }
    #endif
    return baseline
  }()
}
