// Histograms with bins of equal width: which bin a value lies in, decided by the edges themselves.

/// Add one to the count of each value's bin. Values lie in [edges[0], edges[bins]).
///
/// - edges: bins + 1 ascending numbers; bin i is [edges[i], edges[i + 1]).
/// - halfLow, scale: (value / 2 - halfLow) * scale is the bin, at most one off.
/// - counts: 4 for each bin, to be added up: equal bins in a row do not wait for each other.
public func countBins(
  _ values: UnsafePointer<Double>, rows: Int, edges: UnsafePointer<Double>, bins: Int,
  halfLow: Double, scale: Double, counts: UnsafeMutablePointer<Int>
) {
  let last = Double(bins &- 1)
  for row in 0..<rows {
    let bin = bin(values[row], edges, last, halfLow, scale)
    counts[4 &* bin &+ (row & 3)] &+= 1
  }
}

/// The same, and codes[row] = the bin, of 256 at most.
public func codeBins(
  _ values: UnsafePointer<Double>, rows: Int, edges: UnsafePointer<Double>, bins: Int,
  halfLow: Double, scale: Double, counts: UnsafeMutablePointer<Int>,
  codes: UnsafeMutablePointer<UInt8>
) {
  let last = Double(bins &- 1)
  for row in 0..<rows {
    let bin = bin(values[row], edges, last, halfLow, scale)
    counts[4 &* bin &+ (row & 3)] &+= 1
    codes[row] = UInt8(truncatingIfNeeded: bin)
  }
}

/// sums[row] += table[codes[row]].
public func addCodedParts(
  _ codes: UnsafePointer<UInt8>, rows: Int, table: UnsafePointer<Double>,
  sums: UnsafeMutablePointer<Double>
) {
  for row in 0..<rows { sums[row] += table[Int(codes[row])] }
}

/// parts[row] = table[1 + bin of values[row]]. Left of all bins it is table[1] up to `nearLow` below
/// edges[0] and else table[0]; right of them table[bins] up to `nearHigh` above `high`, else
/// table[bins + 1].
///
/// The other arguments are as in ``countBins``; edges[bins] is the next number after `high`.
public func binParts(
  _ values: UnsafePointer<Double>, rows: Int, edges: UnsafePointer<Double>, bins: Int,
  halfLow: Double, scale: Double, high: Double, nearLow: Double, nearHigh: Double,
  table: UnsafePointer<Double>, parts: UnsafeMutablePointer<Double>
) {
  let last = Double(bins &- 1)
  for row in 0..<rows {
    let value = values[row]
    var place = bin(value, edges, last, halfLow, scale) &+ 1
    if place == 0 { place = edges[0] - value <= nearLow ? 1 : 0 }
    if place > bins { place = value - high <= nearHigh ? bins : bins &+ 1 }
    parts[row] = table[place]
  }
}

/// -1 left of all bins, `bins` right of them.
@inline(__always)
private func bin(
  _ value: Double, _ edges: UnsafePointer<Double>, _ last: Double, _ halfLow: Double,
  _ scale: Double
) -> Int {
  var guess = (value * 0.5 - halfLow) * scale
  guess = guess < last ? guess : last
  guess = guess > 0 ? guess : 0
  let index = Int(guess)
  return index &- (value < edges[index] ? 1 : 0) &+ (value >= edges[index &+ 1] ? 1 : 0)
}

/// sums[row] = the sum over the terms of weight * block[feature * stride + row], in their order.
public func projectRows(
  _ block: UnsafePointer<Double>, stride: Int, rows: Int, features: UnsafePointer<UInt32>,
  weights: UnsafePointer<Double>, terms: Int, sums: UnsafeMutablePointer<Double>
) {
  var row = 0
  while row &+ 8 <= rows {
    var low = SIMD4<Double>()
    var high = SIMD4<Double>()
    for term in 0..<terms {
      let column = UnsafeRawPointer(block + (Int(features[term]) &* stride &+ row))
      let weight = SIMD4<Double>(repeating: weights[term])
      low += weight * column.loadUnaligned(as: SIMD4<Double>.self)
      high += weight * column.loadUnaligned(fromByteOffset: 32, as: SIMD4<Double>.self)
    }
    UnsafeMutableRawPointer(sums + row).storeBytes(of: low, as: SIMD4<Double>.self)
    UnsafeMutableRawPointer(sums + (row &+ 4)).storeBytes(of: high, as: SIMD4<Double>.self)
    row &+= 8
  }
  while row < rows {
    var sum = 0.0
    for term in 0..<terms { sum += weights[term] * block[Int(features[term]) &* stride &+ row] }
    sums[row] = sum
    row &+= 1
  }
}

/// Bring values into [-limit, limit].
public func clampValues(_ values: UnsafeMutablePointer<Double>, count: Int, limit: Double) {
  for index in 0..<count {
    var value = values[index]
    value = value < limit ? value : limit
    values[index] = value > -limit ? value : -limit
  }
}

/// parts[row] = 0.6745 |values[row] - median| / spread, at most `limit`. The spread is above 0.
public func robustDistances(
  _ values: UnsafePointer<Double>, rows: Int, median: Double, spread: Double, limit: Double,
  parts: UnsafeMutablePointer<Double>
) {
  for row in 0..<rows {
    let distance = 0.6745 * (values[row] - median).magnitude / spread
    parts[row] = distance < limit ? distance : limit
  }
}

/// The larger of each two.
public func takeLarger(
  _ values: UnsafePointer<Double>, count: Int, into largest: UnsafeMutablePointer<Double>
) {
  for index in 0..<count {
    largest[index] = values[index] > largest[index] ? values[index] : largest[index]
  }
}
