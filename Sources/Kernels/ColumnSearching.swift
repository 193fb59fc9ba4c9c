// Where values stand among the sorted values of a column: binary search without branches, 8 rows in
// flight, so that one row's wait for memory is hidden behind the others.

import CKernels

/// parts[row] = table[2 i] where values[row] lies before sorted[i] (and behind those before), table[2 i + 1]
/// where it equals sorted[i].
///
/// - sorted: `count` (at least 1) ascending values and behind them infinity.
/// - table: 2 count + 1 numbers.
public func lookUpParts(
  _ values: UnsafePointer<Double>, rows: Int, sorted: UnsafePointer<Double>, count: Int,
  table: UnsafePointer<Double>, parts: UnsafeMutablePointer<Double>
) {
  var row = 0
  while row &+ 8 <= rows {
    let lane = values + row
    let (x0, x1, x2, x3) = (lane[0], lane[1], lane[2], lane[3])
    let (x4, x5, x6, x7) = (lane[4], lane[5], lane[6], lane[7])
    var (i0, i1, i2, i3) = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    var (i4, i5, i6, i7) = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    var length = UInt64(truncatingIfNeeded: count)
    while length > 1 {
      let half = length &>> 1
      let middle = sorted + (Int(truncatingIfNeeded: half) &- 1)
      i0 = ck_search_step(i0, half, middle, x0)
      i1 = ck_search_step(i1, half, middle, x1)
      i2 = ck_search_step(i2, half, middle, x2)
      i3 = ck_search_step(i3, half, middle, x3)
      i4 = ck_search_step(i4, half, middle, x4)
      i5 = ck_search_step(i5, half, middle, x5)
      i6 = ck_search_step(i6, half, middle, x6)
      i7 = ck_search_step(i7, half, middle, x7)
      length &-= half
    }
    let part = parts + row
    part[0] = table[place(sorted, i0, x0)]
    part[1] = table[place(sorted, i1, x1)]
    part[2] = table[place(sorted, i2, x2)]
    part[3] = table[place(sorted, i3, x3)]
    part[4] = table[place(sorted, i4, x4)]
    part[5] = table[place(sorted, i5, x5)]
    part[6] = table[place(sorted, i6, x6)]
    part[7] = table[place(sorted, i7, x7)]
    row &+= 8
  }
  while row < rows {
    let x = values[row]
    var index: UInt64 = 0
    var length = UInt64(truncatingIfNeeded: count)
    while length > 1 {
      let half = length &>> 1
      index = ck_search_step(index, half, sorted + (Int(truncatingIfNeeded: half) &- 1), x)
      length &-= half
    }
    parts[row] = table[place(sorted, index, x)]
    row &+= 1
  }
}

/// From the last value that may be less than x to the place in the table.
@inline(__always)
private func place(_ sorted: UnsafePointer<Double>, _ index: UInt64, _ x: Double) -> Int {
  let lower = Int(truncatingIfNeeded: ck_search_step(index, 1, sorted, x))
  return 2 &* lower &+ (sorted[lower] == x ? 1 : 0)
}
