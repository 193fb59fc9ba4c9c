// Growing trees: the range of a feature over a node's rows, and the rows' partition by a threshold.

/// Gather `count` values of a column and find the least and the greatest, NaN left aside. With no other
/// value least is +inf and greatest -inf.
public func gatherRange(
  column: UnsafePointer<Float>, rows: UnsafePointer<UInt32>, count: Int,
  values: UnsafeMutablePointer<Float>, least: inout Float, greatest: inout Float
) {
  var low = SIMD8<Float>(repeating: .infinity)
  var high = SIMD8<Float>(repeating: -.infinity)
  var index = 0
  while index &+ 8 <= count {
    let row = rows + index
    let gathered = SIMD8<Float>(
      column[Int(row[0])], column[Int(row[1])], column[Int(row[2])], column[Int(row[3])],
      column[Int(row[4])], column[Int(row[5])], column[Int(row[6])], column[Int(row[7])])
    UnsafeMutableRawPointer(values + index).storeBytes(of: gathered, as: SIMD8<Float>.self)
    low.replace(with: gathered, where: gathered .< low)
    high.replace(with: gathered, where: gathered .> high)
    index &+= 8
  }
  var lowest = low[0]
  var highest = high[0]
  for lane in 1..<8 {
    lowest = low[lane] < lowest ? low[lane] : lowest
    highest = high[lane] > highest ? high[lane] : highest
  }
  while index < count {
    let value = column[Int(rows[index])]
    values[index] = value
    lowest = value < lowest ? value : lowest
    highest = value > highest ? value : highest
    index &+= 1
  }
  least = lowest
  greatest = highest
}

/// Stable partition of `rows` by values[i] > threshold; no value is NaN. `right` is room for `count`.
/// Returns how many stay left.
///
/// Thresholds are random, so a branch would be guessed wrong every other time: every row is written to
/// both sides, and the sign of the difference says which one counts.
public func partitionRows(
  _ rows: UnsafeMutablePointer<UInt32>, values: UnsafePointer<Float>, count: Int,
  threshold: Float, right: UnsafeMutablePointer<UInt32>
) -> Int {
  var rights = 0
  for index in 0..<count {
    let row = rows[index]
    rows[index &- rights] = row
    right[rights] = row
    rights &+= Int(truncatingIfNeeded: (threshold - values[index]).bitPattern &>> 31)
  }
  (rows + (count &- rights)).update(from: right, count: rights)
  return count &- rights
}
