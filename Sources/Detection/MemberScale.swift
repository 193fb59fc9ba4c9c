/// Makes a member's scores comparable with those of others, by what its training scores were.
struct MemberScale: Sendable {
  /// Training scores so far.
  let count: Int
  let mean: Double
  /// Their standard deviation.
  let spread: Double
  /// That, or 1 where all training scores are the same.
  let deviation: Double
  /// Training scores in ascending order, at most ``mostRanks``: evenly picked ones of one fit, a uniform sample of
  /// learning in parts. Only where ranks are wanted.
  let sorted: Buffer<Double>?

  static let mostRanks = 1 << 16
  static let mostScores = 1 << 53
  /// Standardised scores stay within this, so that their sums are finite.
  static let most = 1e100

  init(count: Int, mean: Double, spread: Double, sorted: Buffer<Double>?) {
    self.count = count
    self.mean = mean
    self.spread = spread
    // What rounding alone may make is no difference between the scores.
    deviation = spread > abs(mean) * Double(count) * .ulpOfOne && spread.isNormal ? spread : 1
    self.sorted = sorted
  }

  init(_ scores: Buffer<Double>, ranked: Bool, call: Call) throws(DetectionError) {
    let count = Double(scores.count)
    var mean = 0.0
    var (least, greatest) = (Double.infinity, -Double.infinity)
    for row in 0..<scores.count {
      mean += scores[row] / count
      least = min(least, scores[row])
      greatest = max(greatest, scores[row])
    }
    if least == greatest { mean = least }
    // By the largest difference, whose square might not be a number.
    var largest = 0.0
    for row in 0..<scores.count { largest = max(largest, abs(scores[row] / 2 - mean / 2)) }
    var squares = 0.0
    if largest > 0 {
      for row in 0..<scores.count {
        let part = (scores[row] / 2 - mean / 2) / largest
        squares += part * part / count
      }
    }
    self.init(
      count: scores.count, mean: mean,
      spread: min(2 * largest * squares.squareRoot(), .greatestFiniteMagnitude),
      sorted: ranked ? try MemberScale.ranks(scores, call) : nil)
  }

  private static func ranks(
    _ scores: Buffer<Double>, _ call: Call
  ) throws(DetectionError) -> Buffer<Double> {
    let column = try Matrix(
      base: scores.base, element: .float64, rows: scores.count, columns: 1, rowStride: 8,
      columnStride: 8 * scores.count)
    let kept = min(scores.count, mostRanks)
    let ranks = try Buffer<Double>(count: kept, zeroed: false)
    try forEachSortedColumn(column, call: call) { (_, sorted) in
      for index in 0..<kept {
        // The first and the last are kept, and those between at even distances.
        let rank = kept < 2 ? 0 : index * (scores.count - 1) / (kept - 1)
        ranks[index] = sorted.value(ofRank: rank)
      }
    }
    return ranks
  }

  /// Standard deviations above the mean of the training scores; or the share of training scores below, where
  /// scores that are equal count half.
  @inline(__always)
  func standardised(_ score: Double) -> Double {
    guard let sorted else {
      let value = (score - mean) / deviation
      return max(-MemberScale.most, min(MemberScale.most, value))
    }
    let below = MemberScale.count(sorted) { $0 < score }
    let notAbove = MemberScale.count(sorted) { $0 <= score }
    return Double(below + notAbove) / Double(2 * sorted.count)
  }

  @inline(__always)
  private static func count(_ sorted: Buffer<Double>, _ isBefore: (Double) -> Bool) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(sorted[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Combines the scores that members give the same rows, member after member.
final class Combiner {
  private let combination: Ensemble.Combination
  private let weights: [Double]
  private let rows: Int
  /// A score a row; for the median one of each member.
  private let values: Buffer<Double>

  init(
    _ combination: Ensemble.Combination, _ weights: [Double], rows: Int
  ) throws(DetectionError) {
    self.combination = combination
    self.weights = weights
    self.rows = rows
    let (size, overflow) = rows.multipliedReportingOverflow(
      by: combination == .median ? weights.count : 1)
    guard !overflow else { throw .outOfMemory(bytes: Int.max) }
    values = try Buffer(count: size, zeroed: true)
  }

  private func forEachBlock(
    threads: Int, _ body: (Range<Int>) -> Void
  ) throws(DetectionError) {
    let block = 1 << 14
    try forEachChunk((rows + block - 1) / block, threads: rows < 1 << 15 ? 1 : threads, teller: nil) {
      (chunk, _) throws(DetectionError) in
      body(chunk * block..<min((chunk + 1) * block, self.rows))
    }
  }

  func add(
    _ scores: Buffer<Double>, _ scale: MemberScale, _ member: Int, threads: Int
  ) throws(DetectionError) {
    let weight = weights[member]
    try forEachBlock(threads: threads) { block in
      switch combination {
      case .average, .weighted, .rankAverage:
        for row in block { values[row] += weight * scale.standardised(scores[row]) }
      case .maximum:
        for row in block {
          let value = scale.standardised(scores[row])
          values[row] = member == 0 ? value : max(values[row], value)
        }
      case .median:
        for row in block { values[row * weights.count + member] = scale.standardised(scores[row]) }
      }
    }
  }

  /// The combined scores, once all members have been added.
  func finish(threads: Int) throws(DetectionError) -> Buffer<Double> {
    guard combination == .median else { return values }
    let count = weights.count
    let medians = try Buffer<Double>(count: rows, zeroed: false)
    try forEachBlock(threads: threads) { block in
      for row in block {
        let own = values.base + row * count
        let high = select(own, count, count / 2)
        if count % 2 == 1 {
          medians[row] = high
        } else {
          var low = own[0]
          for index in 1..<(count / 2) { low = max(low, own[index]) }
          medians[row] = (low + high) / 2
        }
      }
    }
    return medians
  }
}
