import CPynomaly

extension CheckContext {
  /// Shares are finite, not negative, add up to the score, and belong to the row alone.
  func checkExplain() throws -> String {
    guard can("explain") else { throw NotApplicable("the detector has no explain") }
    let subject = try fitted()
    let X = try scoringData.matrix()
    let scores = try subject.score(X)
    let shares = try subject.explain(X)
    try checkShares(shares, of: scores)
    try checkSame(shares, try subject.explain(X, threads: 3)) {
      "row \($0 / columns) is explained otherwise by 3 threads than by 1"
    }
    for row in stride(from: 0, to: scoringData.rows, by: 50) {
      let alone = try subject.explain(TestMatrix(scoringData.row(row), columns: columns))
      try checkSame(Array(shares[row * columns..<(row + 1) * columns]), alone) { _ in
        "row \(row) is explained otherwise among others than alone"
      }
    }
    try checkSame(shares, try subject.explain(scoringData.matrix(.columnMajor))) {
      "row \($0 / columns) is explained otherwise column-major than row-major"
    }
    return "\(scoringData.rows) rows: not negative, adding up to the scores"
  }

  func checkShares(_ shares: [Double], of scores: [Double]) throws {
    for (row, score) in scores.enumerated() {
      var sum = 0.0
      for column in 0..<columns {
        let share = shares[row * columns + column]
        guard share.isFinite, share >= 0 else {
          throw CheckFailure(
            "explain gives row \(row), column \(column) the share \(share); shares are finite and not"
              + " negative")
        }
        sum += share
      }
      // Shares are not negative, so those of a score that is cannot add up to it.
      guard score < 0 || abs(sum - score) <= 1e-9 * max(abs(score), 1) else {
        throw CheckFailure(
          "the shares of row \(row) add up to \(sum), its score is \(score)")
      }
    }
  }

  /// Learning in two parts: possible from the start, the same each time, unharmed by save and load.
  func checkPartialFit() throws -> String {
    guard can("partial_fit") else { throw NotApplicable("the detector has no partial_fit") }
    let first = trainingData
    let second = TestData(rows: rows, columns: columns, seed: 12)
    let X = try scoringData.matrix()
    func learn(_ subject: Subject, _ data: TestData) throws {
      var training = training(data)
      training.isPartial = true
      try subject.fit(data.matrix(), training)
    }
    let subject = try make()
    try learn(subject, first)
    let before = try subject.score(X)
    try checkFinite(before, "score after one partial_fit")
    let kept = try load(subject.save())
    try learn(subject, second)
    let after = try subject.score(X)
    try checkFinite(after, "score after two partial_fits")
    try learn(kept, second)
    try checkSame(after, try kept.score(X)) {
      "row \($0) scores otherwise when the model was saved and loaded between two partial_fits"
    }
    let again = try make()
    try learn(again, first)
    try learn(again, second)
    try checkSame(after, try again.score(X)) {
      "row \($0) scores otherwise when the same parts are learnt again"
    }
    try mustRefuse("partial_fit on \(columns + 1) columns after \(columns)", PYN_ERROR_SHAPE_MISMATCH) {
      let other = TestData(rows: 50, columns: columns + 1)
      try learn(subject, other)
    }
    try checkSame(after, try subject.score(X)) {
      "row \($0) scores otherwise after a partial_fit was refused"
    }
    let grown = try fitted()
    try learn(grown, second)
    try checkFinite(try grown.score(X), "score after fit and partial_fit")
    return "two parts; the second \(firstDifference(before, after) == nil ? "changes nothing" : "changes the scores")"
  }

  /// A detector that needs labels says so when they are missing, and reads them.
  func checkLabels() throws -> String {
    guard can("needs_labels") else { throw NotApplicable("the detector learns without labels") }
    let data = trainingData
    let X = try data.matrix()
    func refuses(_ what: String, _ labels: [Int32]?) throws {
      let words = try refusal(what) { try make().fit(X, Subject.Training(labels: labels)) }
      if words == nil { throw CheckFailure("\(what) succeeds; it must be refused") }
    }
    try refuses("fit without labels", nil)
    try refuses("fit with one label too few", Array(data.labels.dropLast()))
    var wrong = data.labels
    wrong[3] = 2
    try refuses("fit with a label of 2", wrong)
    let scored = try scoringData.matrix()
    let right = try fitted().score(scored)
    let turned = try make()
    let words = try refusal("fit with the labels turned round") {
      try turned.fit(X, Subject.Training(labels: data.labels.map { 1 - $0 }))
    }
    if words == nil, firstDifference(right, try turned.score(scored)) == nil {
      throw CheckFailure("the scores are the same with all labels turned round: fit does not read them")
    }
    return "needed, checked and read"
  }

  /// Sample weights are checked, read, and may be 0.
  func checkWeights() throws -> String {
    let data = trainingData
    let X = try data.matrix()
    func training(_ weights: [Double]) -> Subject.Training {
      var training = self.training(data)
      training.weights = weights
      return training
    }
    guard can("sample_weight") else {
      try mustRefuse("fit with sample weights", PYN_ERROR_NOT_SUPPORTED) {
        try make().fit(X, training([Double](repeating: 1, count: data.rows)))
      }
      throw NotApplicable("the detector takes none, and says so")
    }
    for (what, weights) in [
      ("one weight too few", [Double](repeating: 1, count: data.rows - 1)),
      ("a negative weight", [-1] + [Double](repeating: 1, count: data.rows - 1)),
      ("a weight of NaN", [.nan] + [Double](repeating: 1, count: data.rows - 1)),
      ("weights of 0 alone", [Double](repeating: 0, count: data.rows)),
    ] {
      let words = try refusal("fit with \(what)") { try make().fit(X, training(weights)) }
      if words == nil { throw CheckFailure("fit with \(what) succeeds; it must be refused") }
    }
    let scored = try scoringData.matrix()
    let equal = try make()
    try equal.fit(X, training([Double](repeating: 1, count: data.rows)))
    let scores = try equal.score(scored)
    try checkFinite(scores, "score after a fit with weights of 1")
    let half = try make()
    try half.fit(X, training(data.labels.indices.map { $0 % 3 == 0 ? 0 : 1 }))
    let other = try half.score(scored)
    try checkFinite(other, "score after a fit with some weights of 0")
    if firstDifference(scores, other) == nil {
      throw CheckFailure("the scores are the same whatever the weights: fit does not read them")
    }
    return "checked and read"
  }
}
