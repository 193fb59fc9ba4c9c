import CPynomaly

extension CheckContext {
  /// Fits and scores ordinary data; finds the shape that the other checks use.
  func checkFit() throws -> String {
    var refusals: [String] = []
    for (rows, columns) in [(400, 4), (400, 1), (3000, 4), (3000, 1), (400, 16)] {
      var trial = self
      (trial.rows, trial.columns) = (rows, columns)
      let refused = try refusal("fit on \(rows) x \(columns)") { _ = try trial.fitted() }
      if let refused {
        refusals.append(refused)
        continue
      }
      report.fact("rows", "\(rows)")
      report.fact("columns", "\(columns)")
      let subject = try trial.fitted()
      let data = trial.scoringData
      let scores = try subject.score(data.matrix())
      try checkFinite(scores, "score")
      let threshold = try subject.threshold
      guard threshold.isFinite else { throw CheckFailure("the threshold is \(threshold)") }
      let auc = try Measure.rocAUC(scores, data.labels)
      return "\(rows) x \(columns), area under the ROC curve \(Number.rounded(auc, 3))"
        + (refusals.first.map { "; other data refused: \($0)" } ?? "")
    }
    throw CheckFailure("ordinary data are refused: \(refusals[0])")
  }

  /// Small, wide and long data, and every layout in memory.
  func checkShapes() throws -> String {
    var refused: [String] = []
    var taken = 0
    for (rows, columns) in [(1, columns), (2, columns), (3, 1), (50, 1), (40, 120), (20_000, columns)] {
      let data = TestData(rows: rows, columns: columns, seed: 5)
      let what = "fit on \(rows) x \(columns)"
      var training = training(data)
      if training.labels != nil && rows > 1 { training.labels?[0] = 1 }
      let words = try refusal(what) {
        let subject = try make()
        try subject.fit(data.matrix(), training)
        for count in [0, 1, min(rows, 2000)] {
          let part = TestData(rows: count, columns: columns, seed: 6)
          try checkFinite(try subject.score(part.matrix()), "score after \(what)")
        }
      }
      if let words { refused.append("\(rows) x \(columns) (\(words))") } else { taken += 1 }
    }

    let data = trainingData
    let scored = scoringData
    for float in [false, true] {
      var first: [Double]?
      for layout in Layout.allCases {
        let subject = try make()
        let X = try data.matrix(layout, float: float)
        try subject.fit(X, training(data))
        let rows = try scored.matrix(layout, float: float)
        let scores = try subject.score(rows)
        try checkFinite(scores, "fit and score of \(rows.words)")
        try checkSame(first ?? scores, scores) {
          "row \($0) scores otherwise row-major than \(layout.rawValue)"
            + " (\(float ? "f32" : "f64")), though the numbers are the same"
        }
        first = scores
      }
      if float, let first { try checkAgainstDoubles(first) }
    }
    let subject = try fitted()
    let repeated = try subject.score(TestMatrix(repeating: scored.row(3), rows: 64))
    let once = try subject.score(TestMatrix(scored.row(3), columns: columns))
    try checkSame([Double](repeating: once[0], count: 64), repeated) {
      "a row with a row stride of 0 scores otherwise than once (row \($0))"
    }
    return "\(taken) shapes, \(Layout.allCases.count * 2 + 1) layouts"
      + (refused.isEmpty ? "" : "; refused with a reason: \(refused.joined(separator: ", "))")
  }

  /// The same numbers as floats: a detector may work in single precision, but not read something else.
  private func checkAgainstDoubles(_ floats: [Double]) throws {
    let doubles = try fitted().score(scoringData.matrix())
    let scale = doubles.map { abs($0) }.max() ?? 1
    let far = floats.indices.filter { abs(floats[$0] - doubles[$0]) > 1e-3 * max(scale, 1e-300) }
    guard far.count > floats.count / 20 else { return }
    throw CheckFailure(
      "\(far.count) of \(floats.count) rows score otherwise as f32 than as f64, though the numbers are the"
        + " same: row \(far[0]) has \(Number.shortest(floats[far[0]])) and"
        + " \(Number.shortest(doubles[far[0]])); mind X->dtype, or use host->read_rows")
  }

  /// A row's score is that of the row alone, however a call is cut.
  func checkRows() throws -> String {
    let subject = try fitted()
    let data = TestData(rows: 5000, columns: columns, seed: 2)
    let X = try data.matrix()
    let whole = try subject.score(X)
    try checkFinite(whole, "score")
    let asked = "; a row's score depends on the model and that row alone"
    for size in [1, 2, 7, 64, 999] {
      report.step("score of \(X.words), \(size) rows a call")
      var first = 0
      while first < (size == 1 ? 300 : data.rows) {
        let end = min(first + size, data.rows)
        let part = try subject.score(X.rows(first, end))
        try checkSame(Array(whole[first..<end]), part) {
          "row \(first + $0) scores otherwise among \(data.rows) rows than among \(end - first)\(asked)"
        }
        first = end
      }
    }
    var numbers: [Double] = []
    for row in (0..<data.rows).reversed() { numbers += data.row(row) }
    let reversed = try subject.score(TestMatrix(numbers, columns: columns))
    try checkSame(whole, reversed.reversed()) {
      "row \($0) scores otherwise when the rows come in reverse order\(asked)"
    }
    let again = try subject.score(X)
    try checkSame(whole, again) { "row \($0) scores otherwise the second time\(asked)" }
    return "\(data.rows) rows in calls of 1 to \(data.rows), and in reverse"
  }

  /// Numbers at the ends of their range: a finite score, or a refusal with a reason.
  func checkExtremes() throws -> String {
    let ordinary = try fitted()
    let data = trainingData
    var refused: [String] = []
    func trial(_ what: String, _ numbers: [Double], fit: Bool) throws {
      let words = try refusal(what) {
        let X = try TestMatrix(numbers, columns: columns)
        if fit {
          let subject = try make()
          try subject.fit(X, training(data))
          try checkFinite(try subject.score(X), "fit and score of \(what)")
        } else {
          try checkFinite(try ordinary.score(X), "score of \(what)")
        }
      }
      if words != nil { refused.append(what) }
    }
    let cells = data.numbers.count
    try trial("equal rows", (0..<cells).map { data.numbers[$0 % columns] }, fit: true)
    try trial("zeros", [Double](repeating: 0, count: cells), fit: true)
    try trial("numbers around 1e9", data.numbers.map { 1e9 + $0 }, fit: true)
    try trial("numbers below 1e-300", data.numbers.map { $0 * 1e-305 }, fit: true)
    try trial("numbers up to 1e150", data.numbers.map { $0 * 1e149 }, fit: true)
    try trial("numbers up to 1e308", data.numbers.map { $0 * 1e306 }, fit: true)
    for number in [0, -0.0, Double.leastNonzeroMagnitude, 1e30, 1e200, -1.7976931348623157e308, 1.7976931348623157e308] {
      try trial(
        "rows of \(Number.shortest(number))", [Double](repeating: number, count: 8 * columns),
        fit: false)
    }
    return "equal rows, numbers from 5e-324 to 1.8e308"
      + (refused.isEmpty ? "" : "; refused with a reason: \(refused.joined(separator: ", "))")
  }
}
