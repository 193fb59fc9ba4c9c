import CPynomaly
import Detection
import Glibc
import Plugins

/// The caller's matrix, checked.
func matrix(_ pointer: UnsafePointer<pyn_matrix>?) throws(DetectionError) -> Matrix {
  let source = try required(pointer, "X")
  try check(
    structSize: source.pointee.struct_size, atLeast: MemoryLayout<pyn_matrix>.size, "pyn_matrix")
  let matrix = try Matrix(source)
  try checkMapped(matrix)
  return matrix
}

/// A claim of many more rows than there are ends in memory that is not there. For large matrices, where
/// it costs nothing against the work, look whether both ends are mapped.
private func checkMapped(_ matrix: Matrix) throws(DetectionError) {
  guard matrix.rows > 0, matrix.columns > 0 else { return }
  let rowSpan = (matrix.rows - 1) * matrix.rowStride
  let columnSpan = (matrix.columns - 1) * matrix.columnStride
  guard rowSpan.magnitude + columnSpan.magnitude >= 16 << 20 else { return }
  let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
  for offset in [min(rowSpan, 0) + min(columnSpan, 0), max(rowSpan, 0) + max(columnSpan, 0)] {
    let address = UInt(bitPattern: matrix.base + offset) & ~(page - 1)
    var resident: UInt8 = 0
    if mincore(UnsafeMutableRawPointer(bitPattern: address), 1, &resident) != 0, errno == ENOMEM {
      throw DetectionError(
        .invalidData,
        "the matrix of \(matrix.rows) x \(matrix.columns) elements reaches into memory that is not"
          + " mapped; its dimensions or strides are wrong")
    }
  }
}

/// Check that the caller's buffer takes `needed` values.
func check<Value>(
  _ buffer: UnsafeMutablePointer<Value>?, count: Int64, needed: Int, _ name: StaticString
) throws(DetectionError) -> UnsafeMutablePointer<Value> {
  guard count >= Int64(needed) else {
    throw DetectionError(
      .shapeMismatch, "the buffer \(name) has room for \(count) values; \(needed) are needed")
  }
  guard needed > 0 else {
    return buffer ?? UnsafeMutablePointer(bitPattern: MemoryLayout<Value>.alignment).unsafelyUnwrapped
  }
  return try required(buffer, name)
}
