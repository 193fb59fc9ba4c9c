// From the caller's matrix to a block: columns one after another, each value less its column's centre,
// in single precision. Centring keeps what matters of values that single precision could not tell
// apart as they are (time stamps, large offsets).

import CKernels

/// Load rows of doubles into `block[column * blockStride + row]`: the rows that `rowNumbers` names, or
/// the first `rows` when it is nil. Returns whether every value was finite; NaN is written for those
/// that were not.
public func loadBlock64(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rowNumbers: UnsafePointer<Int>?,
  rows: Int, columns: Int, centres: UnsafePointer<Double>,
  block: UnsafeMutablePointer<Float>, blockStride: Int
) -> Bool {
  load(
    base, rowStride: rowStride, columnStride: columnStride, rowNumbers: rowNumbers, rows: rows,
    columns: columns, centres: centres, block: block, blockStride: blockStride,
    element: ck_centre_doubles, cells: ck_centre_doubles_of_row)
}

/// Load rows of floats; as ``loadBlock64``.
public func loadBlock32(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rowNumbers: UnsafePointer<Int>?,
  rows: Int, columns: Int, centres: UnsafePointer<Double>,
  block: UnsafeMutablePointer<Float>, blockStride: Int
) -> Bool {
  load(
    base, rowStride: rowStride, columnStride: columnStride, rowNumbers: rowNumbers, rows: rows,
    columns: columns, centres: centres, block: block, blockStride: blockStride,
    element: ck_centre_floats, cells: ck_centre_floats_of_row)
}

@inline(__always)
private func load(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rowNumbers: UnsafePointer<Int>?,
  rows: Int, columns: Int, centres: UnsafePointer<Double>,
  block: UnsafeMutablePointer<Float>, blockStride: Int,
  element: (
    UnsafePointer<UnsafeRawPointer?>, Int64, Double, UnsafeMutablePointer<Float>,
    UnsafeMutablePointer<ck_floats8>
  ) -> Void,
  cells: (
    UnsafePointer<UnsafeRawPointer?>, UnsafePointer<Double>, UnsafeMutablePointer<Float>,
    UnsafeMutablePointer<ck_floats8>
  ) -> Void
) -> Bool {
  @inline(__always) func start(_ row: Int) -> UnsafeRawPointer {
    base + (rowNumbers.map { $0[row] } ?? row) &* rowStride
  }
  var residue = ck_floats8()  // stays zero as long as all is finite
  var eight = ck_floats8()
  return withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 8) { starts in
    guard let starts = starts.baseAddress else { return false }
    var row = 0
    while row &+ 8 <= rows {
      for lane in 0..<8 { starts[lane] = start(row &+ lane) }
      if rowNumbers != nil { prefetch(row &+ 8) }
      for column in 0..<columns {
        element(
          starts, Int64(column &* columnStride), centres[column],
          block + (column &* blockStride &+ row), &residue)
      }
      row &+= 8
    }
    // The last rows, the last of them in the lanes that are too many; a single row by its columns first.
    if row < rows {
      var column = 0
      if rows == 1, blockStride == 1 {
        while column &+ 8 <= columns {
          for lane in 0..<8 { starts[lane] = start(0) + (column &+ lane) &* columnStride }
          cells(starts, centres + column, block + column, &residue)
          column &+= 8
        }
      }
      for lane in 0..<8 { starts[lane] = start(min(row &+ lane, rows &- 1)) }
      withUnsafeMutableBytes(of: &eight) { lanes in
        let lanes = lanes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
        while column < columns {
          element(starts, Int64(column &* columnStride), centres[column], lanes, &residue)
          (block + (column &* blockStride &+ row)).update(from: lanes, count: rows &- row)
          column &+= 1
        }
      }
    }
    return residue.sum() == 0
  }

  /// Rows here and there: ask for the next ones before these are worked on.
  @inline(__always) func prefetch(_ first: Int) {
    for next in first..<max(first, min(first &+ 8, rows)) {
      var line = 0
      while line < columns &* columnStride {
        ck_prefetch(start(next) + line)
        line &+= 64
      }
    }
  }
}
