import CPynomaly

extension CheckContext {
  /// NaN and infinity are refused with their place; NaN is taken where the detector says so.
  func checkMissing() throws -> String {
    let data = trainingData
    let subject = try fitted()
    let expected = try subject.score(scoringData.matrix())
    for value in [Double.nan, .infinity, -.infinity] {
      try mustRefuse("fit on data with \(value)", PYN_ERROR_INVALID_DATA) {
        try subject.fit(TestMatrix(with(value, in: data.numbers), columns: columns), training(data))
      }
      try mustRefuse("score of data with \(value)", PYN_ERROR_INVALID_DATA) {
        _ = try subject.score(
          TestMatrix(with(value, in: scoringData.numbers), columns: columns))
      }
    }
    try checkSame(expected, try subject.score(scoringData.matrix())) {
      "row \($0) scores otherwise after data with NaN were refused"
    }
    guard option("missing_values") != nil else { return "NaN and infinity are refused" }
    return try checkNative()
  }

  private func checkNative() throws -> String {
    let data = trainingData
    let subject = try make()
    try subject.set("missing_values", .string("native"))
    var numbers = data.numbers
    for cell in stride(from: 0, to: numbers.count, by: 7) { numbers[cell] = .nan }
    try subject.fit(TestMatrix(numbers, columns: columns), training(data))
    var scored = scoringData.numbers
    for cell in stride(from: 3, to: scored.count, by: 5) { scored[cell] = .nan }
    for column in 0..<columns { scored[column] = .nan }
    let X = try TestMatrix(scored, columns: columns)
    let scores = try subject.score(X)
    try checkFinite(scores, "score of rows with NaN (missing_values \"native\")")
    try checkSame(scores, try load(subject.save()).score(X)) {
      "row \($0), with NaN, scores otherwise after save and load"
    }
    if can("explain") { try checkShares(try subject.explain(X), of: scores) }
    try mustRefuse("score of infinity (missing_values \"native\")", PYN_ERROR_INVALID_DATA) {
      _ = try subject.score(TestMatrix(with(.infinity, in: scoringData.numbers), columns: columns))
    }
    return "NaN and infinity are refused; with missing_values \"native\" NaN has finite scores"
  }

  private func with(_ value: Double, in numbers: [Double]) -> [Double] {
    var numbers = numbers
    if !numbers.isEmpty { numbers[numbers.count / 2] = value }
    return numbers
  }

  /// The call must fail with that status, and say why.
  func mustRefuse(_ what: String, _ status: Int, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as LibraryError {
      guard error.has(status) else {
        throw CheckFailure(
          "\(what) fails with \(error.words); \(libraryString(pyn_status_name(pyn_status(status)))) is"
            + " asked for")
      }
      return try checkMessage(error, what)
    }
    throw CheckFailure(
      "\(what) succeeds; it must fail with \(libraryString(pyn_status_name(pyn_status(status))))")
  }

  /// Rows with more or fewer columns than the fit's, no rows, no columns.
  func checkMismatch() throws -> String {
    let subject = try fitted()
    let expected = try subject.score(scoringData.matrix())
    for other in [columns + 1, columns - 1] where other > 0 {
      let X = try TestMatrix([Double](repeating: 1, count: other * 3), columns: other)
      try mustRefuse("score of \(other) columns after a fit on \(columns)", PYN_ERROR_SHAPE_MISMATCH) {
        _ = try subject.score(X)
      }
      if can("explain") {
        try mustRefuse(
          "explain of \(other) columns after a fit on \(columns)", PYN_ERROR_SHAPE_MISMATCH
        ) { _ = try subject.explain(X) }
      }
    }
    let empty = try TestMatrix([], columns: columns)
    guard try subject.score(empty).isEmpty else { throw CheckFailure("no rows have scores") }
    try mustRefuse("fit on no rows", PYN_ERROR_INVALID_DATA) {
      try make().fit(empty, Subject.Training(labels: can("needs_labels") ? [] : nil))
    }
    try mustRefuse("score before fit", PYN_ERROR_NOT_FITTED) {
      _ = try make().score(scoringData.matrix())
    }
    try checkSame(expected, try subject.score(scoringData.matrix())) {
      "row \($0) scores otherwise after other shapes were refused"
    }
    return "refused; no rows score nothing"
  }

  /// After a call that failed the detector is as it was.
  func checkErrors() throws -> String {
    let subject = try fitted()
    let X = try scoringData.matrix()
    let expected = try subject.score(X)
    let bytes = try subject.save()
    func stillWorks(_ after: String) throws {
      try checkSame(expected, try subject.score(X)) { "row \($0) scores otherwise after \(after)" }
      guard firstDifference(bytes, try subject.save()) == nil else {
        throw CheckFailure("the detector saves other bytes after \(after)")
      }
    }
    var failures = 0

    let large = TestData(rows: 20_000, columns: columns, seed: 4)
    let watch = Subject.Watch()
    watch.progress = { _ in 1 }
    var training = training(large)
    training.watch = watch
    do {
      try subject.fit(large.matrix(), training)
      // Too fast to be asked; it is another model now.
      let data = trainingData
      try subject.fit(data.matrix(), self.training(data))
    } catch let error as LibraryError {
      guard error.isCancelled else {
        throw CheckFailure(
          "a fit that is cancelled fails with \(error.words); PYN_ERROR_CANCELLED is asked for")
      }
      failures += 1
    }
    try stillWorks("a cancelled fit")
    do {
      _ = try subject.score(large.matrix(), watch: watch)
    } catch let error as LibraryError {
      guard error.isCancelled else {
        throw CheckFailure(
          "a score that is cancelled fails with \(error.words); PYN_ERROR_CANCELLED is asked for")
      }
      failures += 1
    }
    try stillWorks("a cancelled score")
    for (rows, width) in [(1, columns), (2, columns), (3, 3 * columns)] {
      let data = TestData(rows: rows, columns: width, seed: 8)
      let what = "a fit on \(rows) x \(width)"
      let words = try refusal(what) { try subject.fit(data.matrix(), self.training(data)) }
      if words != nil {
        failures += 1
      } else {
        let data = trainingData
        try subject.fit(data.matrix(), self.training(data))
      }
      try stillWorks(words == nil ? "\(what) and one on the first data again" : "\(what) was refused")
    }
    do {
      _ = try load(SavedModel(bytes).bytes([]))
      throw CheckFailure("load takes a model of no bytes; MODEL_FORMAT is asked for")
    } catch let error as LibraryError {
      try checkMessage(error, "load of a model of no bytes")
      failures += 1
    }
    try stillWorks("a load that failed")
    return "\(failures) failing calls said why; the detector went on as before"
  }
}
