import CPynomaly

/// What the checks of one detector work with, in the child.
struct CheckContext {
  let description: DetectorDescription
  let report: Reporter
  /// The shape of ordinary data that the detector takes; found by the first fit.
  var rows = 400
  var columns = 4
  /// Which of several children with the same work this is.
  var run = 0

  var name: String { description.name }

  func can(_ capability: String) -> Bool { description.capabilities.contains(capability) }

  func option(_ name: String) -> OptionDescription? {
    description.options.first { $0.name == name }
  }

  var hasSeed: Bool { option("random_state") != nil }

  /// A detector with default options and a seed.
  func make(seed: Int64 = 7) throws -> Subject {
    let subject = try Subject(name, report)
    if hasSeed { try subject.set("random_state", .int(seed)) }
    return subject
  }

  /// Rows to learn from, and others to score.
  var trainingData: TestData { TestData(rows: rows, columns: columns, seed: 1) }
  var scoringData: TestData { TestData(rows: 257, columns: columns, seed: 2) }

  /// What a fit on this data is given.
  func training(_ data: TestData, threads: Int = 1) -> Subject.Training {
    Subject.Training(threads: threads, labels: can("needs_labels") ? data.labels : nil)
  }

  /// A detector that has learnt the training data.
  func fitted(seed: Int64 = 7, threads: Int = 1) throws -> Subject {
    let subject = try make(seed: seed)
    let data = trainingData
    try subject.fit(data.matrix(), training(data, threads: threads))
    return subject
  }

  /// Runs what may be refused for its data; nil when it went well, else the refusal in words.
  func refusal(_ what: String, _ body: () throws -> Void) throws -> String? {
    do {
      try body()
      return nil
    } catch let error as LibraryError {
      try checkRefusal(error, what)
      return error.words
    }
  }

  /// A refusal has a status that fits and says why.
  func checkRefusal(_ error: LibraryError, _ what: String) throws {
    let allowed = [
      PYN_ERROR_INVALID_DATA, PYN_ERROR_INVALID_OPTION, PYN_ERROR_SHAPE_MISMATCH,
      PYN_ERROR_NOT_SUPPORTED, PYN_ERROR_OUT_OF_MEMORY, PYN_ERROR_INVALID_ARGUMENT,
    ]
    if error.has(PYN_ERROR_PLUGIN) { throw CheckFailure("\(what): \(error.words)") }
    guard allowed.contains(where: error.has) else {
      throw CheckFailure(
        "\(what): \(error.words) (data that a detector cannot use is refused with INVALID_DATA or"
          + " INVALID_OPTION and a reason)")
    }
    try checkMessage(error, what)
  }

  /// An error says something, in UTF-8.
  func checkMessage(_ error: LibraryError, _ what: String) throws {
    if error.message.hasSuffix("did not say why") {
      throw CheckFailure("\(what): \(error.words); say why with host->fail")
    }
    if error.message.unicodeScalars.contains("\u{FFFD}") {
      throw CheckFailure("\(what) failed with a message that is not UTF-8: \(error.message)")
    }
  }

  /// Every score was written and is finite.
  func checkFinite(_ scores: [Double], _ what: String) throws {
    for (row, score) in scores.enumerated() {
      if score.bitPattern == Subject.unset.bitPattern {
        throw CheckFailure("\(what): no score was written for row \(row); one a row is asked for")
      }
      if !score.isFinite {
        throw CheckFailure("\(what): the score of row \(row) is \(score); scores must be finite")
      }
    }
  }

  /// The same numbers, to the bit.
  func checkSame(_ first: [Double], _ second: [Double], _ words: (_ row: Int) -> String) throws {
    guard let row = firstDifference(first, second) else { return }
    throw CheckFailure(
      "\(words(row)): \(Number.shortest(first[row])) and \(Number.shortest(second[row]))")
  }
}

/// The first place where the bits differ.
func firstDifference(_ first: [Double], _ second: [Double]) -> Int? {
  for index in 0..<min(first.count, second.count)
  where first[index].bitPattern != second[index].bitPattern {
    return index
  }
  return first.count == second.count ? nil : min(first.count, second.count) - 1
}
