import CKernels
import Glibc
import Kernels

#if arch(x86_64)
  import KernelsV3
#endif

/// The inner loops of the detectors that look at columns, of the build that ``KernelTable/chosen`` is of.
struct ColumnKernels: Sendable {
  typealias Load =
    @Sendable (UnsafeRawPointer, Int, Int, UnsafeMutablePointer<Double>) -> Bool
  let load32: Load
  let load64: Load
  let addColumn: @Sendable (UnsafePointer<Double>, Int, UnsafeMutablePointer<Double>) -> Void
  let columnRange: @Sendable (UnsafePointer<Double>, Int, inout Double, inout Double) -> Void
  let countKeys: @Sendable (UnsafeMutablePointer<UInt64>, Int, UnsafeMutablePointer<UInt32>) -> Void
  let placeKeys: @Sendable (UnsafePointer<UInt64>, Int, UnsafeMutablePointer<UInt32>, Int) -> Bool
  let moveKeys:
    @Sendable (
      UnsafePointer<UInt64>, Int, UnsafeMutablePointer<UInt32>, Int, UnsafeMutablePointer<UInt64>
    ) -> Void
  let distinctKeys:
    @Sendable (
      UnsafePointer<UInt64>, Int, Int, Int, UnsafeMutablePointer<UInt64>,
      UnsafeMutablePointer<UInt32>, Int
    ) -> Int
  let lookUpParts:
    @Sendable (
      UnsafePointer<Double>, Int, UnsafePointer<Double>, Int, UnsafePointer<Double>,
      UnsafeMutablePointer<Double>
    ) -> Void

  let countBins:
    @Sendable (
      UnsafePointer<Double>, Int, UnsafePointer<Double>, Int, Double, Double,
      UnsafeMutablePointer<Int>
    ) -> Void
  let codeBins:
    @Sendable (
      UnsafePointer<Double>, Int, UnsafePointer<Double>, Int, Double, Double,
      UnsafeMutablePointer<Int>, UnsafeMutablePointer<UInt8>
    ) -> Void
  let addCodedParts:
    @Sendable (
      UnsafePointer<UInt8>, Int, UnsafePointer<Double>, UnsafeMutablePointer<Double>
    ) -> Void
  let binParts:
    @Sendable (
      UnsafePointer<Double>, Int, UnsafePointer<Double>, Int, Double, Double, Double, Double,
      Double, UnsafePointer<Double>, UnsafeMutablePointer<Double>
    ) -> Void
  let projectRows:
    @Sendable (
      UnsafePointer<Double>, Int, Int, UnsafePointer<UInt32>, UnsafePointer<Double>, Int,
      UnsafeMutablePointer<Double>
    ) -> Void
  let clampValues: @Sendable (UnsafeMutablePointer<Double>, Int, Double) -> Void
  let robustDistances:
    @Sendable (
      UnsafePointer<Double>, Int, Double, Double, Double, UnsafeMutablePointer<Double>
    ) -> Void
  let takeLarger: @Sendable (UnsafePointer<Double>, Int, UnsafeMutablePointer<Double>) -> Void
  let leavingShare: @Sendable (Int, Int, Int, UnsafeMutablePointer<Double>) -> Double

  static let baseline = ColumnKernels(
    load32: Kernels.loadColumn32, load64: Kernels.loadColumn64, addColumn: Kernels.addColumn,
    columnRange: Kernels.columnRange, countKeys: Kernels.countKeys, placeKeys: Kernels.placeKeys,
    moveKeys: Kernels.moveKeys, distinctKeys: Kernels.distinctKeys,
    lookUpParts: Kernels.lookUpParts, countBins: Kernels.countBins, codeBins: Kernels.codeBins,
    addCodedParts: Kernels.addCodedParts, binParts: Kernels.binParts,
    projectRows: Kernels.projectRows, clampValues: Kernels.clampValues,
    robustDistances: Kernels.robustDistances, takeLarger: Kernels.takeLarger,
    leavingShare: Kernels.leavingShare)

  #if arch(x86_64)
    static let x86v3 = ColumnKernels(
      load32: KernelsV3.loadColumn32, load64: KernelsV3.loadColumn64,
      addColumn: KernelsV3.addColumn, columnRange: KernelsV3.columnRange,
      countKeys: KernelsV3.countKeys, placeKeys: KernelsV3.placeKeys, moveKeys: KernelsV3.moveKeys,
      distinctKeys: KernelsV3.distinctKeys, lookUpParts: KernelsV3.lookUpParts,
      countBins: KernelsV3.countBins, codeBins: KernelsV3.codeBins,
      addCodedParts: KernelsV3.addCodedParts, binParts: KernelsV3.binParts,
      projectRows: KernelsV3.projectRows,
      clampValues: KernelsV3.clampValues, robustDistances: KernelsV3.robustDistances,
      takeLarger: KernelsV3.takeLarger, leavingShare: KernelsV3.leavingShare)
  #endif

  static let chosen: ColumnKernels = {
    #if arch(x86_64)
      if KernelTable.chosen.name.description == KernelTable.x86v3.name.description { return x86v3 }
    #endif
    return baseline
  }()

  /// Load a column of `rows` rows from `first` on; the error when a value is not finite.
  func load(
    _ X: Matrix, column: Int, from first: Int, rows: Int, into values: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let start = X.start(ofRow: first) + column * X.columnStride
    let finite =
      X.element == .float32
      ? load32(start, X.rowStride, rows, values) : load64(start, X.rowStride, rows, values)
    if !finite, let error = X.firstNotFinite(in: first..<(first + rows), nanAllowed: false) {
      throw error
    }
  }
}
