import CPynomaly

/// How a threshold is found from scores, as the user says it.
struct ThresholdRule {
  let text: String
  private var rule = pyn_threshold_rule()

  init(_ text: String) throws {
    self.text = text
    rule.struct_size = MemoryLayout<pyn_threshold_rule>.stride
    try callLibrary { pyn_threshold_rule_from_text(text, &rule, $0) }
  }

  /// A number needs no scores.
  var value: Double? { Int(rule.method) == PYN_THRESHOLD_VALUE ? rule.parameter : nil }

  func find(in scores: [Double]) throws -> FoundThreshold {
    var rule = rule
    var found = pyn_threshold()
    found.struct_size = MemoryLayout<pyn_threshold>.stride
    try callLibrary { pyn_threshold_from_scores(scores, Int64(scores.count), &rule, &found, $0) }
    return FoundThreshold(
      method: text, found: Int(rule.method) == PYN_THRESHOLD_POT ? found : nil, value: found.value)
  }
}

/// A threshold that was asked for, and the tail it was found from.
struct FoundThreshold {
  let method: String
  let found: pyn_threshold?
  let value: Double

  var words: String {
    guard let found else { return "threshold by \(method)\n" }
    let peaks = Int(found.peak_count)
    return "threshold by \(method): \(Number.grouped(peaks)) \(peaks == 1 ? "peak" : "peaks") above"
      + " \(Number.rounded(found.initial_threshold)), shape \(Number.rounded(found.shape, 3)),"
      + " scale \(Number.rounded(found.scale, 3))\n"
  }

  var json: JSON {
    var members: [(String, JSON)] = [("method", .string(method))]
    if let found {
      members += [
        ("initial_threshold", .number(found.initial_threshold)), ("peaks", .int(Int(found.peak_count))),
        ("shape", .number(found.shape)), ("scale", .number(found.scale)),
        ("log_likelihood", .number(found.log_likelihood)),
      ]
    }
    return .object(members)
  }
}

extension Detector {
  /// Set the threshold by a rule from the scores of the table's rows, in a pass of its own.
  func setThreshold(
    by rule: ThresholdRule, _ features: FeatureTable, _ session: Session
  ) throws -> FoundThreshold {
    if let value = rule.value {
      try setThreshold(value)
      return FoundThreshold(method: rule.text, found: nil, value: value)
    }
    let (scores, _) = try scores(of: features, "threshold", session)
    return try features.explaining {
      let found = try rule.find(in: scores)
      try setThreshold(found.value)
      return found
    }
  }

  /// The scores of all rows, and their labels where the table has them: 8 and 4 bytes a row.
  func scores(
    of features: FeatureTable, _ stage: String, _ session: Session
  ) throws -> (scores: [Double], labels: [Int32]) {
    var (scores, labels): ([Double], [Int32]) = ([], [])
    let source = features.table.source
    let small = features.isSmall
    let whole = readsSeries ? try WholeSeries(self, features, session) : nil
    let chunks = features.chunks(session, threads: small ? 1 : session.threads) {
      if whole == nil { try self.score($0, session, threads: small ? session.threads : 1) }
    }
    defer { chunks.stop() }
    try features.explaining {
      while let chunk = try chunks.next() {
        whole?.copyScores(to: chunk)
        scores.append(contentsOf: UnsafeBufferPointer(start: chunk.scores, count: chunk.rows))
        if features.plan.hasLabel {
          labels.append(contentsOf: UnsafeBufferPointer(start: chunk.labels, count: chunk.rows))
        }
        chunks.recycle(chunk)
        session.progress.update(
          stage, Double(chunks.offset - source.start) / Double(source.end - source.start))
      }
    }
    session.progress.clear()
    return (scores, labels)
  }
}
