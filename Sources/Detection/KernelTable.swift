import CKernels
import Glibc
import Kernels

#if arch(x86_64)
  import KernelsV3
#endif

/// The inner loops of the build that suits this processor; every build gives the same bits.
public struct KernelTable: Sendable {
  public let name: StaticString

  typealias LoadBlock =
    @Sendable (
      UnsafeRawPointer, Int, Int, UnsafePointer<Int>?, Int, Int, UnsafePointer<Double>,
      UnsafeMutablePointer<Float>, Int
    ) -> Bool
  let loadBlock32: LoadBlock
  let loadBlock64: LoadBlock
  let isFinite32: @Sendable (UnsafeRawPointer, Int, Int) -> Bool
  let isFinite64: @Sendable (UnsafeRawPointer, Int, Int) -> Bool
  let orderKeys: @Sendable (UnsafeMutablePointer<Float>, Int, UInt32) -> Void
  let addHeapPaths:
    @Sendable (
      UnsafePointer<UInt32>, Int, UnsafePointer<ck_heap_node>, UnsafePointer<UInt32>, Int, Int,
      UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<Double>
    ) -> Void
  let heapPath:
    @Sendable (
      UnsafePointer<UInt32>, Int, UnsafePointer<ck_heap_node>, UnsafePointer<UInt32>, Int, Int
    ) -> Double
  let addLinkedPaths:
    @Sendable (
      UnsafePointer<UInt32>, Int, UnsafePointer<ck_linked_node>, UnsafePointer<Int>, Int, Int,
      UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<Double>
    ) -> Void
  let addHyperplanePaths:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<ck_linked_node>, UnsafePointer<Int>,
      UnsafePointer<ck_term>, Int, Int, Int, UnsafeMutablePointer<UInt32>,
      UnsafeMutablePointer<Double>
    ) -> Void
  let gatherRange:
    @Sendable (
      UnsafePointer<Float>, UnsafePointer<UInt32>, Int, UnsafeMutablePointer<Float>, inout Float,
      inout Float
    ) -> Void
  let partitionRows:
    @Sendable (
      UnsafeMutablePointer<UInt32>, UnsafePointer<Float>, Int, Float, UnsafeMutablePointer<UInt32>
    ) -> Int

  public static let baseline = KernelTable(
    name: "baseline", loadBlock32: Kernels.loadBlock32, loadBlock64: Kernels.loadBlock64,
    isFinite32: Kernels.isFinite32, isFinite64: Kernels.isFinite64, orderKeys: Kernels.orderKeys,
    addHeapPaths: Kernels.addHeapPaths, heapPath: Kernels.heapPath,
    addLinkedPaths: Kernels.addLinkedPaths, addHyperplanePaths: Kernels.addHyperplanePaths,
    gatherRange: Kernels.gatherRange, partitionRows: Kernels.partitionRows)

  #if arch(x86_64)
    public static let x86v3 = KernelTable(
      name: "x86-64-v3", loadBlock32: KernelsV3.loadBlock32, loadBlock64: KernelsV3.loadBlock64,
      isFinite32: KernelsV3.isFinite32, isFinite64: KernelsV3.isFinite64, orderKeys: KernelsV3.orderKeys,
      addHeapPaths: KernelsV3.addHeapPaths,
      heapPath: KernelsV3.heapPath, addLinkedPaths: KernelsV3.addLinkedPaths,
      addHyperplanePaths: KernelsV3.addHyperplanePaths, gatherRange: KernelsV3.gatherRange,
      partitionRows: KernelsV3.partitionRows)
  #endif

  /// Chosen once for the process.
  public static let chosen: KernelTable = {
    #if arch(x86_64)
      let forced = getenv("PYNOMALY_KERNELS").map { String(cString: $0) }
      if ck_has_x86_64_v3() != 0, forced != "baseline" { return x86v3 }
    #endif
    return baseline
  }()

  /// Load rows of a matrix, whichever its element type, as ``Kernels/loadBlock64`` does.
  func load(
    _ matrix: Matrix, from first: Int, rowNumbers: UnsafePointer<Int>?, rows: Int,
    centres: UnsafePointer<Double>, block: UnsafeMutablePointer<Float>, blockStride: Int
  ) -> Bool {
    let kernel = matrix.element == .float32 ? loadBlock32 : loadBlock64
    return kernel(
      matrix.start(ofRow: first), matrix.rowStride, matrix.columnStride, rowNumbers,
      rows, matrix.columns, centres, block, blockStride)
  }
}
