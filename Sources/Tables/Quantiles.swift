/// The value at a quantile of numbers without NaN, interpolated linearly between its two neighbours
/// (type 7 of Hyndman and Fan 1996, the default of NumPy and R). Orders the numbers in part. NaN when
/// there are none.
public func quantile(_ q: Double, of values: UnsafeMutableBufferPointer<Double>) -> Double {
  guard !values.isEmpty else { return .nan }
  let position = Double(values.count - 1) * min(1, max(0, q))
  let below = Int(position)
  select(below, values)
  let share = position - Double(below)
  guard share > 0, below + 1 < values.count else { return values[below] }
  var above = values[below + 1]
  for index in (below + 2)..<max(below + 2, values.count) { above = min(above, values[index]) }
  // Not the difference times the share where both are the same infinity: that is NaN.
  return above == values[below] ? above : values[below] + (above - values[below]) * share
}

/// Brings the value of that rank to its place, with none greater before it and none less behind.
func select(_ rank: Int, _ values: UnsafeMutableBufferPointer<Double>) {
  var low = 0
  var high = values.count - 1
  // Twice the steps that fair pivots need; from then on sorting bounds the time.
  var patience = 2 * (Int.bitWidth - values.count.leadingZeroBitCount)
  while low < high {
    if patience == 0 {
      var rest = UnsafeMutableBufferPointer(rebasing: values[low...high])
      rest.sort()
      return
    }
    patience -= 1
    let pivot = middle(values[low], values[(low + high) / 2], values[high])
    // Less, equal, greater: columns are full of equal values.
    var less = low
    var index = low
    var greater = high
    while index <= greater {
      let value = values[index]
      if value < pivot {
        values[index] = values[less]
        values[less] = value
        less += 1
        index += 1
      } else if value > pivot {
        values[index] = values[greater]
        values[greater] = value
        greater -= 1
      } else {
        index += 1
      }
    }
    if rank < less {
      high = less - 1
    } else if rank > greater {
      low = greater + 1
    } else {
      return
    }
  }
}

private func middle(_ a: Double, _ b: Double, _ c: Double) -> Double {
  max(min(a, b), min(max(a, b), c))
}
