import CKernels
import Kernels

#if arch(x86_64)
  import KernelsV3
#endif

/// The inner loops over panels, of the build that ``KernelTable/chosen`` names.
struct PanelKernels: Sendable {
  typealias Load =
    @Sendable (UnsafeRawPointer, Int, Int, Int, Int, UnsafeMutablePointer<Double>) -> Bool
  let load32: Load
  let load64: Load
  let nearestCentres:
    @Sendable (
      UnsafePointer<Double>, Int, Int, UnsafePointer<Double>, Int, UnsafeMutablePointer<Int32>,
      UnsafeMutablePointer<Double>
    ) -> Void
  typealias Assign =
    @Sendable (UnsafePointer<ck_cluster_rows>, Int, Int, UnsafePointer<Double>, Int) -> Int
  let assignRows: Assign
  let assignSingles:
    @Sendable (
      UnsafePointer<ck_cluster_rows>, Int, Int, UnsafePointer<Double>, Int,
      UnsafePointer<ck_single_centres>, Bool
    ) -> Int
  let makeSingles:
    @Sendable (
      UnsafePointer<Double>, Int, Int, UnsafePointer<Double>, Double, UnsafeMutablePointer<Float>,
      UnsafeMutablePointer<Float>
    ) -> Double
  let potentialsOfSingles:
    @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, Int, Int, UnsafePointer<Float>,
      UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Double>
    ) -> Void
  let bringSinglesCloser:
    @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, Int, Int, UnsafePointer<Float>, Float,
      UnsafeMutablePointer<Float>
    ) -> Double
  let moveRows:
    @Sendable (
      UnsafePointer<ck_cluster_sums>, Int, UnsafePointer<Int32>, UnsafePointer<Int32>, Int, Int
    ) -> Void
  let addRows: @Sendable (UnsafePointer<ck_cluster_sums>, Int, Int, Int) -> Void
  let bringCloser:
    @Sendable (
      UnsafePointer<Double>, Int, Int, UnsafePointer<Double>, UnsafeMutablePointer<Double>
    ) -> Double
  let potentials:
    @Sendable (
      UnsafePointer<Double>, Int, Int, UnsafePointer<Double>, UnsafePointer<Double>,
      UnsafeMutablePointer<Double>
    ) -> Void
  let addPanels: @Sendable (UnsafePointer<Double>, Int, Int, UnsafeMutablePointer<Double>) -> Void
  let standardise:
    @Sendable (
      UnsafeMutablePointer<Double>, Int, Int, UnsafePointer<Double>, UnsafePointer<Double>
    ) -> Void
  let addProducts: @Sendable (UnsafePointer<Double>, Int, Int, UnsafeMutablePointer<Double>) -> Void
  let weightedDistances:
    @Sendable (
      UnsafePointer<Double>, Int, Int, UnsafePointer<Double>, Int, Int, UnsafePointer<Double>,
      UnsafeMutablePointer<Double>
    ) -> Void

  static let baseline = PanelKernels(
    load32: Kernels.loadPanels32, load64: Kernels.loadPanels64,
    nearestCentres: Kernels.nearestCentres, assignRows: Kernels.assignRows,
    assignSingles: Kernels.assignSingles,
    makeSingles: Kernels.makeSingles, potentialsOfSingles: Kernels.potentialsOfSingles,
    bringSinglesCloser: Kernels.bringSinglesCloser, moveRows: Kernels.moveRows, addRows: Kernels.addRows,
    bringCloser: Kernels.bringCloser,
    potentials: Kernels.potentials, addPanels: Kernels.addPanels, standardise: Kernels.standardisePanels,
    addProducts: Kernels.addPanelProducts, weightedDistances: Kernels.weightedPanelDistances)

  #if arch(x86_64)
    static let x86v3 = PanelKernels(
      load32: KernelsV3.loadPanels32, load64: KernelsV3.loadPanels64,
      nearestCentres: KernelsV3.nearestCentres, assignRows: KernelsV3.assignRows,
      assignSingles: KernelsV3.assignSingles,
      makeSingles: KernelsV3.makeSingles, potentialsOfSingles: KernelsV3.potentialsOfSingles,
      bringSinglesCloser: KernelsV3.bringSinglesCloser, moveRows: KernelsV3.moveRows,
      addRows: KernelsV3.addRows,
      bringCloser: KernelsV3.bringCloser,
      potentials: KernelsV3.potentials, addPanels: KernelsV3.addPanels,
      standardise: KernelsV3.standardisePanels,
      addProducts: KernelsV3.addPanelProducts, weightedDistances: KernelsV3.weightedPanelDistances)
  #endif

  static let chosen: PanelKernels = {
    #if arch(x86_64)
      if KernelTable.chosen.name.description == KernelTable.x86v3.name.description { return x86v3 }
    #endif
    return baseline
  }()

  /// Load rows from `first` on; the error when a value is not finite.
  func load(
    _ X: Matrix, from first: Int, rows: Int, into target: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let kernel = X.element == .float32 ? load32 : load64
    if !kernel(X.start(ofRow: first), X.rowStride, X.columnStride, rows, X.columns, target),
      let error = X.firstNotFinite(in: first..<(first + rows), nanAllowed: false)
    {
      throw error
    }
  }
}
