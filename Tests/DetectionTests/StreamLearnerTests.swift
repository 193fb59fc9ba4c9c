import Testing

@testable import Detection

/// Hand rows to a learner in batches of so many.
private func learn(
  _ detector: Detector, _ X: Table, batch: Int, continuing: Bool = false, call: Call = Call(threads: 1)
) throws {
  let learner = try StreamLearner(detector, columns: X.columns, continuing: continuing, call: call)
  for first in stride(from: 0, to: X.rows, by: batch) {
    let rows = min(batch, X.rows - first)
    let values = try Buffer<Double>(count: rows * X.columns)
    for row in 0..<rows {
      for column in 0..<X.columns {
        values[column * rows + row] = X.values[(first + row) * X.columns + column]
      }
    }
    try learner.take(values.base, rows: rows, columnStride: rows)
  }
  try learner.finish()
}

private func make(_ name: String, _ options: [String: OptionValue] = [:]) throws -> Detector {
  let detector = Detector(try Registry.find(name))
  if name == "RobustRandomCutForest" { try detector.set("n_estimators", .int(2)) }
  if name == "HalfSpaceTrees" { try detector.set("n_trees", .int(3)) }
  for (name, value) in options { try detector.set(name, value) }
  return detector
}

struct StreamLearnerTests {
  static let learners = ["HalfSpaceTrees", "RobustRandomCutForest"]

  @Test(arguments: learners)
  func everyRowIsLearntHoweverTheBatchesAreCut(_ name: String) throws {
    let X = Table.cloud(17_000, 2)
    let whole = try make(name)
    try whole.fit(Training(try X.matrix), call: Call(threads: 1))
    let some = Table(200, 2) { X.values[$0 * 2 + $1] }
    let expected = try scores(whole, some)
    for batch in [999, 17_000] {
      let detector = try make(name)
      try learn(detector, X, batch: batch)
      #expect(try scores(detector, some) == expected)
      #expect(abs(detector.threshold - whole.threshold) < 0.2 * whole.threshold)
    }
    if name == "RobustRandomCutForest" {
      #expect((whole.model as? CutForestModel)?.seen == 17_000)
    }
  }

  /// The last part has fewer rows than a tree.
  @Test func slidingTreesDoNotDependOnTheParts() throws {
    let X = Table.cloud((1 << 14) + 100, 2)
    let detector = try make("RobustRandomCutForest", ["sampling": .string("sliding")])
    try learn(detector, X, batch: 5000)
    let whole = try make("RobustRandomCutForest", ["sampling": .string("sliding")])
    try whole.fit(Training(try X.matrix), call: Call(threads: 1))
    #expect(try scores(detector, X) == scores(whole, X))
  }

  @Test(arguments: learners)
  func goingOnIsTheSameAsOneStream(_ name: String) throws {
    let X = Table.cloud(900, 3)
    let one = try make(name)
    try learn(one, X, batch: 100)
    let two = try make(name)
    try learn(two, Table(300, 3) { X.values[$0 * 3 + $1] }, batch: 70, continuing: true)
    let between = try scores(two, X)
    try learn(two, Table(600, 3) { X.values[(300 + $0) * 3 + $1] }, batch: 70, continuing: true)
    #expect(try scores(two, X) == scores(one, X))
    #expect(try scores(two, X) != between)
    // Fitting begins anew.
    try learn(two, X, batch: 100)
    #expect(try scores(two, X) == scores(one, X))
  }

  @Test func fewRowsAreFittedAsInMemory() throws {
    let X = Table.cloud(700, 3)
    let detector = try make("SGDOneClassSVM")
    try learn(detector, X, batch: 100)
    let whole = try fitted("SGDOneClassSVM", X)
    #expect(try scores(detector, X) == scores(whole, X))
    #expect(detector.threshold == whole.threshold)
  }

  @Test func refusals() throws {
    let X = Table.cloud(50, 3)
    let forest = try make("IsolationForest")
    do {
      try learn(forest, X, batch: 10, continuing: true)
      Issue.record("it went on")
    } catch let error as DetectionError {
      #expect(error.status == .notSupported && error.message.contains("warm_start"))
    }
    for name in Self.learners {
      let detector = try make(name)
      try learn(detector, X, batch: 10)
      let before = try scores(detector, X)
      let empty = Table(0, 3) { _, _ in 0 }
      for (other, status) in [(Table.cloud(5, 2), Status.shapeMismatch), (empty, .invalidData)] {
        do {
          try learn(detector, other, batch: 10, continuing: true)
          Issue.record("\(name) took it")
        } catch let error as DetectionError {
          #expect(error.status == status)
        }
      }
      // A stream that is given up half-way.
      let learner = try StreamLearner(detector, columns: 3, continuing: true, call: Call(threads: 1))
      for _ in 0..<400 { try learner.take(X.values, rows: 50, columnStride: 50) }
      let cancel = Call(threads: 1) { _, _ in false }
      do {
        try learn(detector, X, batch: 10, call: cancel)
        Issue.record("\(name) was not cancelled")
      } catch let error as DetectionError {
        #expect(error.status == .cancelled)
      }
      #expect(try scores(detector, X) == before)
    }
  }

  @Test func othersLearnFromASampleAndWarmStartGrows() throws {
    let X = Table.cloud(3000, 3)
    let forest = try make("IsolationForest", ["warm_start": .bool(true), "n_estimators": .int(10)])
    try learn(forest, X, batch: 100)
    #expect(try scores(forest, X) == scores(fitted(X, ["n_estimators": .int(10)]), X))
    try forest.set("n_estimators", .int(25))
    try learn(forest, Table.cloud(2000, 3, seed: 4), batch: 100)
    #expect((forest.model as? ForestModel)?.forest.treeCount == 25)
  }

  /// Rows are learnt in parts only when there are more than the sample holds; then the same parts as ever.
  @Test func partsAreHeldBackUntilTheSampleIsFull() throws {
    let columns = 2
    for rows in [131_072, 131_073] {
      let X = Table(rows, columns) { row, column in Double((row * 7919 + column * 104_729) % 1009) / 1009 }
      let detector = try make("SGDOneClassSVM", ["kernel": .string("linear"), "max_iter": .int(1)])
      let learner = try StreamLearner(
        detector, columns: columns, continuing: false, call: Call(threads: 1))
      let batch = try Buffer<Double>(count: 50_000 * columns)
      for first in stride(from: 0, to: rows, by: 50_000) {
        let count = min(50_000, rows - first)
        for index in 0..<(count * columns) {
          batch[index] = X.values[(first + index % count) * columns + index / count]
        }
        try learner.take(batch.base, rows: count, columnStride: count)
      }
      #expect((learner.firstRow > 0) == (rows > 131_072))
      try learner.finish()
      let parts = try make("SGDOneClassSVM", ["kernel": .string("linear"), "max_iter": .int(1)])
      if rows > 131_072 {
        let size = StreamLearner.partRows(columns: columns)
        for first in stride(from: 0, to: rows, by: size) {
          try parts.partialFit(
            Training(try X.matrix.slice(first..<min(first + size, rows))), call: Call(threads: 1))
        }
      } else {
        try parts.fit(Training(try X.matrix), call: Call(threads: 1))
      }
      let some = Table(100, columns) { X.values[$0 * columns + $1] }
      #expect(try scores(detector, some) == scores(parts, some), "\(rows) rows")
    }
  }

  @Test func partsOfVeryManyColumns() {
    for columns in [1, 128, 129, 32_768, 32_769, 1 << 20, 1 << 21, 1 << 30] {
      let rows = StreamLearner.partRows(columns: columns)
      #expect(rows >= 1 && rows <= 1 << 14)
      #expect(rows == 1 || rows * columns <= 1 << 21)
    }
  }
}
