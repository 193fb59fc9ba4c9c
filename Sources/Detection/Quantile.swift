/// The quantile by linear interpolation (NumPy's default). Reorders the values.
public func quantile(_ values: Buffer<Double>, _ share: Double) -> Double {
  let position = share * Double(values.count - 1)
  let lower = min(Int(position.rounded(.down)), values.count - 1)
  let low = select(values.base, values.count, lower)
  guard lower + 1 < values.count else { return low }
  var high = values[lower + 1]
  for index in (lower + 1)..<values.count { high = min(high, values[index]) }
  return low + (high - low) * (position - Double(lower))
}

/// The value that would stand at `rank` if the values were sorted (Hoare's quickselect): afterwards
/// nothing before it is greater and nothing behind it less.
func select<Value: Comparable>(
  _ values: UnsafeMutablePointer<Value>, _ count: Int, _ rank: Int
) -> Value {
  var low = 0
  var high = count - 1
  while low < high {
    let pivot = values[low + (high - low) / 2]
    var i = low
    var j = high
    while i <= j {
      while values[i] < pivot { i += 1 }
      while values[j] > pivot { j -= 1 }
      if i <= j {
        (values[i], values[j]) = (values[j], values[i])
        i += 1
        j -= 1
      }
    }
    if rank <= j { high = j } else if rank >= i { low = i } else { break }
  }
  return values[rank]
}
