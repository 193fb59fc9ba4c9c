// Where values stand among the sorted values of a column: binary search without branches, 8 rows in
// flight, so that one row's wait for memory is hidden behind the others.

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
    var (i0, i1, i2, i3, i4, i5, i6, i7) = (0, 0, 0, 0, 0, 0, 0, 0)
    var length = count
    while length > 1 {
      let half = length &>> 1
      let middle = sorted + (half &- 1)
      i0 &+= half & less(middle[i0], x0)
      i1 &+= half & less(middle[i1], x1)
      i2 &+= half & less(middle[i2], x2)
      i3 &+= half & less(middle[i3], x3)
      i4 &+= half & less(middle[i4], x4)
      i5 &+= half & less(middle[i5], x5)
      i6 &+= half & less(middle[i6], x6)
      i7 &+= half & less(middle[i7], x7)
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
    var index = 0
    var length = count
    while length > 1 {
      let half = length &>> 1
      index &+= half & less(sorted[index &+ half &- 1], x)
      length &-= half
    }
    parts[row] = table[place(sorted, index, x)]
    row &+= 1
  }
}

/// All bits when a < b, else none.
@inline(__always)
private func less(_ a: Double, _ b: Double) -> Int { a < b ? -1 : 0 }

/// From the last value that may be less than x to the place in the table.
@inline(__always)
private func place(_ sorted: UnsafePointer<Double>, _ index: Int, _ x: Double) -> Int {
  let lower = index &+ (sorted[index] < x ? 1 : 0)
  return 2 &* lower &+ (sorted[lower] == x ? 1 : 0)
}
