// Growing trees: the range of a feature over a node's rows, and the rows' partition by a threshold.

/// Gather `count` values of a column and find the least and the greatest, NaN left aside.
/// Returns the number of NaN. With no other value least is +inf and greatest -inf.
public func gatherRange(
  column: UnsafePointer<Float>, rows: UnsafePointer<UInt32>, count: Int,
  values: UnsafeMutablePointer<Float>, least: inout Float, greatest: inout Float
) -> Int {
  var low = Float.infinity
  var high = -Float.infinity
  var missing = 0
  for index in 0..<count {
    let value = column[Int(rows[index])]
    values[index] = value
    low = value < low ? value : low
    high = value > high ? value : high
    missing &+= value != value ? 1 : 0
  }
  least = low
  greatest = high
  return missing
}

/// Stable partition of `rows` by values[i] > threshold, NaN going right when `missingRight`.
/// `right` is room for `count`. Returns how many stay left.
public func partitionRows(
  _ rows: UnsafeMutablePointer<UInt32>, values: UnsafePointer<Float>, count: Int,
  threshold: Float, missingRight: Bool, right: UnsafeMutablePointer<UInt32>
) -> Int {
  var lefts = 0
  var rights = 0
  for index in 0..<count {
    let row = rows[index]
    let value = values[index]
    let goesRight = missingRight ? !(value <= threshold) : value > threshold
    rows[lefts] = row
    right[rights] = row
    lefts &+= goesRight ? 0 : 1
    rights &+= goesRight ? 1 : 0
  }
  (rows + lefts).update(from: right, count: rights)
  return lefts
}
