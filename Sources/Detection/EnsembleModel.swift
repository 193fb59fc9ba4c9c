/// The fitted members, and how their scores become one.
final class EnsembleModel: Model, @unchecked Sendable {
  let members: [Member]
  let scales: [MemberScale]
  let combination: Ensemble.Combination
  /// Of the members; they sum to 1.
  let weights: [Double]
  let seed: UInt64
  let featureCount: Int
  /// Until whoever fitted has taken them.
  private var ownScores: Buffer<Double>?

  init(
    _ members: [Member], _ scales: [MemberScale], _ combination: Ensemble.Combination,
    _ weights: [Double], seed: UInt64, featureCount: Int, trainingScores: Buffer<Double>?
  ) {
    self.members = members
    self.scales = scales
    self.combination = combination
    self.weights = weights
    self.seed = seed
    self.featureCount = featureCount
    ownScores = trainingScores
  }

  var naturalThreshold: Double { 0 }

  var fitted: [(name: String, value: Double)] {
    [("n_detectors", Double(members.count)), ("random_state", Double(seed))]
  }

  func takeTrainingScores() -> Buffer<Double>? {
    defer { ownScores = nil }
    return ownScores
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let combiner = try Combiner(combination, weights, rows: X.rows)
    let own = try Buffer<Double>(count: X.rows, zeroed: false)
    for (index, member) in members.enumerated() {
      try score(X, with: member, index, of: members.count, call, into: own.base)
      try combiner.add(own, scales[index], index, threads: call.threads)
    }
    let combined = try combiner.finish(threads: call.threads)
    withExtendedLifetime(combined) { scores.update(from: combined.base, count: X.rows) }
  }

  /// `index` of `count` steps of the whole call.
  private func score(
    _ X: Matrix, with member: Member, _ index: Int, of count: Int, _ call: Call,
    into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    do throws(DetectionError) {
      let part = call.part(step(index, count))
      try member.model.score(X, call: part, into: scores)
    } catch {
      throw error.of("member \(index + 1) (\(member.name))")
    }
  }

  private func step(_ index: Int, _ count: Int) -> ClosedRange<Double> {
    Double(index) / Double(count)...Double(index + 1) / Double(count)
  }

  // -------------------------------------------------------------------------------- explanation

  /// The members' shares, each by what its score adds to the combined one. What is left of the score, which is
  /// mostly the means that were taken off, all features share alike; so shares may be negative.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    if let member = members.first(where: { !$0.explains }) {
      throw DetectionError(
        .notSupported, "Ensemble explains its scores where all members do; \(member.name) cannot")
    }
    // A series is explained as a whole; other rows in parts that bound the memory for members' shares.
    let isSeries = members.contains { $0.readsSeries }
    let block = isSeries ? max(X.rows, 1) : max(1, (1 << 20) / max(featureCount, members.count))
    var first = 0
    while first < X.rows {
      let last = min(X.rows, first + block)
      let part = call.part(Double(first) / Double(X.rows)...Double(last) / Double(X.rows))
      try explainBlock(
        X.slice(first..<last), part, into: shares + first * featureCount)
      first = last
    }
  }

  private func explainBlock(
    _ X: Matrix, _ call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let count = members.count
    let (cells, overflow) = X.rows.multipliedReportingOverflow(by: count)
    guard !overflow else { throw .outOfMemory(bytes: Int.max) }
    let steps = 2 * count
    // The standardised scores, member after member; then what each adds to the row's score.
    let parts = try Buffer<Double>(count: cells, zeroed: false)
    let combiner = try Combiner(combination, weights, rows: X.rows)
    let own = try Buffer<Double>(count: X.rows, zeroed: false)
    for (index, member) in members.enumerated() {
      try score(X, with: member, index, of: steps, call, into: own.base)
      try combiner.add(own, scales[index], index, threads: call.threads)
      for row in 0..<X.rows { parts[index * X.rows + row] = scales[index].standardised(own[row]) }
    }
    let scores = try combiner.finish(threads: call.threads)
    weigh(parts, rows: X.rows)
    shares.update(repeating: 0, count: X.rows * featureCount)
    let memberShares = try Buffer<Double>(count: X.rows * featureCount, zeroed: false)
    defer { withExtendedLifetime(memberShares) {} }
    for (index, member) in members.enumerated() {
      do throws(DetectionError) {
        let part = call.part(step(count + index, steps))
        try member.model.explain(X, call: part, into: memberShares.base)
      } catch {
        throw error.of("member \(index + 1) (\(member.name))")
      }
      for row in 0..<X.rows {
        add(
          memberShares.base + row * featureCount, scales[index], parts[index * X.rows + row],
          to: shares + row * featureCount)
      }
    }
    for row in 0..<X.rows {
      let target = shares + row * featureCount
      var sum = 0.0
      for feature in 0..<featureCount { sum += target[feature] }
      let left = (scores[row] - sum) / Double(featureCount)
      for feature in 0..<featureCount {
        target[feature] = left.isFinite ? target[feature] + left : scores[row] / Double(featureCount)
      }
    }
  }

  /// From standardised scores to the share that they have in the combination: ranks times weight, else the
  /// weight alone.
  private func weigh(_ parts: Buffer<Double>, rows: Int) {
    let count = members.count
    var order = [Int](0..<count)
    for row in 0..<rows {
      switch combination {
      case .average, .weighted:
        for member in 0..<count { parts[member * rows + row] = weights[member] }
      case .rankAverage:
        for member in 0..<count { parts[member * rows + row] *= weights[member] }
      case .maximum, .median:
        order.sort {
          let (a, b) = (parts[$0 * rows + row], parts[$1 * rows + row])
          return a == b ? $0 < $1 : a < b
        }
        let chosen =
          combination == .maximum
          ? order.first { parts[$0 * rows + row] == parts[order[count - 1] * rows + row] } : nil
        let low = chosen ?? order[(count - 1) / 2]
        let high = chosen ?? order[count / 2]
        for member in 0..<count { parts[member * rows + row] = 0 }
        parts[low * rows + row] += 0.5
        parts[high * rows + row] += 0.5
      }
    }
  }

  private func add(
    _ own: UnsafeMutablePointer<Double>, _ scale: MemberScale, _ weight: Double,
    to target: UnsafeMutablePointer<Double>
  ) {
    guard weight > 0 else { return }
    var factor = weight / scale.deviation
    if scale.sorted != nil {
      var sum = 0.0
      for feature in 0..<featureCount { sum += max(own[feature], 0) }
      guard sum > 0, sum.isFinite else { return }
      factor = weight / sum
      for feature in 0..<featureCount { target[feature] += max(own[feature], 0) * factor }
    } else {
      for feature in 0..<featureCount { target[feature] += own[feature] * factor }
    }
  }
}
