/// The quantile by linear interpolation (NumPy's default). Reorders the values.
public func quantile(_ values: Buffer<Double>, _ share: Double) -> Double {
  let position = share * Double(values.count - 1)
  let lower = min(Int(position.rounded(.down)), values.count - 1)
  let (first, second) = neighbours(in: values.base, values.count, rank: lower)
  return second > first ? first + (second - first) * (position - Double(lower)) : first
}

/// The values that would stand at `rank` and behind it if the values were sorted; the last one twice. Reorders the
/// values. Of many, a sample brackets the two that count, and the others are only looked at.
@_optimize(speed)
func neighbours(
  in all: UnsafeMutablePointer<Double>, _ count: Int, rank lower: Int
) -> (Double, Double) {
  let upper = min(lower + 1, count - 1)
  func both(_ count: Int, _ lower: Int, _ upper: Int) -> (Double, Double) {
    let first = select(all, count, lower)
    return (first, upper > lower ? select(all, count, upper) : first)
  }
  let step = count / 1024
  guard step >= 8 else { return both(count, lower, upper) }
  let sampled = count / step
  return withUnsafeTemporaryAllocation(of: Double.self, capacity: sampled) { sample in
    guard let sample = sample.baseAddress else { return both(count, lower, upper) }
    for index in 0..<sampled { sample[index] = all[index &* step] }
    let place = Int(Double(sampled) * Double(lower) / Double(count))
    let low = select(sample, sampled, max(0, place - 64))
    let high = select(sample, sampled, min(sampled - 1, place + 65))
    let (below, above) = countOutside(all, count, low, high)
    let between = count - above - below
    guard lower >= below, upper < below + between else { return both(count, lower, upper) }
    keep(all, count, from: low, to: high)
    return both(between, lower - below, upper - below)
  }
}

@_optimize(speed)
private func countOutside(
  _ values: UnsafePointer<Double>, _ count: Int, _ low: Double, _ high: Double
) -> (below: Int, above: Int) {
  var (below, above) = (0, 0)
  for index in 0..<count {
    below &+= values[index] < low ? 1 : 0
    above &+= values[index] > high ? 1 : 0
  }
  return (below, above)
}

/// Move the values of a range to the front, by exchanges.
@_optimize(speed)
private func keep(
  _ values: UnsafeMutablePointer<Double>, _ count: Int, from low: Double, to high: Double
) {
  var kept = 0
  for index in 0..<count {
    let (value, first) = (values[index], values[kept])
    let counts = value >= low && value <= high
    values[index] = counts ? first : value
    values[kept] = counts ? value : first
    kept &+= counts ? 1 : 0
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
  var random: UInt64 = 1
  while low < high {
    // The median of three, anywhere, so that no order of the values makes it slow.
    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let size = high - low + 1
    let a = values[low + Int(truncatingIfNeeded: (random >> 33) % UInt64(size))]
    let b = values[low + size / 2]
    let c = values[low + Int(truncatingIfNeeded: (random >> 12) % UInt64(size))]
    let pivot = max(min(a, b), min(max(a, b), c))
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
