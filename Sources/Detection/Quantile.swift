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

/// The same, where the values are needed no more: of many, a sample brackets the two that count, and the others
/// are only looked at.
func quantile(consuming values: Buffer<Double>, _ share: Double) -> Double {
  let count = values.count
  let step = count / 1024
  guard step >= 8 else { return quantile(values, share) }
  let position = share * Double(count - 1)
  let lower = min(Int(position.rounded(.down)), count - 1)
  let upper = min(lower + 1, count - 1)
  let sampled = count / step
  return withUnsafeTemporaryAllocation(of: Double.self, capacity: sampled) { sample in
    guard let sample = sample.baseAddress else { return quantile(values, share) }
    for index in 0..<sampled { sample[index] = values[index * step] }
    let place = Int(Double(sampled) * Double(lower) / Double(count))
    let low = select(sample, sampled, max(0, place - 64))
    let high = select(sample, sampled, min(sampled - 1, place + 65))
    // Those between go to the front; a write never overtakes a read.
    let all = values.base
    var (below, between) = (0, 0)
    for index in 0..<count {
      below += all[index] < low ? 1 : 0
      between += all[index] <= high ? 1 : 0
    }
    between -= below
    guard lower >= below, upper < below + between else { return quantile(values, share) }
    between = 0
    for index in 0..<count {
      let value = all[index]
      all[between] = value
      between += value >= low && value <= high ? 1 : 0
    }
    let first = select(all, between, lower - below)
    guard upper > lower else { return first }
    let second = select(all, between, upper - below)
    return first + (second - first) * (position - Double(lower))
  }
}

/// The value that would stand at `rank` if the values were sorted (Hoare's quickselect): afterwards
/// nothing before it is greater and nothing behind it less.
@_optimize(speed)
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

extension Buffer where Element == Double {
  /// From the least to the greatest; nil where there are none, or they cannot be ordered.
  var range: ClosedRange<Double>? {
    var (least, greatest) = (Double.infinity, -Double.infinity)
    for index in 0..<count {
      least = Swift.min(least, self[index])
      greatest = Swift.max(greatest, self[index])
    }
    return least <= greatest ? least...greatest : nil
  }
}
