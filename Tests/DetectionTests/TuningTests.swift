import Glibc
import Testing

@testable import Detection

/// Labels of Table.cloud: the last rows are far away, and a few more here and there.
private func labels(_ rows: Int) -> [Int32] { (0..<rows).map { $0 >= rows - 5 ? 1 : 0 } }

private func run(
  _ tuning: Tuning, _ X: Table, _ labels: [Int32]? = nil, _ plan: TuningPlan = TuningPlan(),
  threads: Int = 1, progress: Call.Progress? = nil
) throws {
  let call = Call(threads: threads, progress: progress)
  guard let labels else { return try tuning.run(X.matrix, labels: nil, plan: plan, call: call) }
  try labels.withUnsafeBufferPointer { labels throws in
    try tuning.run(X.matrix, labels: labels, plan: plan, call: call)
  }
}

private func tuning(_ name: String, _ grid: [(String, [OptionValue])]) throws -> Tuning {
  let tuning = Tuning(Detector(try Registry.find(name)))
  for (option, values) in grid {
    for value in values { try tuning.add(option, value) }
  }
  return tuning
}

/// The message of the failure.
private func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no failure"
  } catch {
    return (error as? DetectionError)?.message ?? "\(error)"
  }
}

struct RankCorrelationTests {
  private func ranks(_ scores: [Double]) throws -> [Double] {
    let ranks = try Buffer<Double>(count: scores.count)
    try RankCorrelation.rank(scores, scores.count, into: ranks.base)
    return (0..<scores.count).map { ranks[$0] }
  }

  @Test func ranksShareTies() throws {
    #expect(try ranks([3, 1, 2]) == [2, 0, 1])
    #expect(try ranks([5, 1, 5, 5, 0]) == [3, 1, 3, 3, 0])
    #expect(try ranks([.infinity, -.infinity, 0]) == [2, 0, 1])
  }

  @Test func correlationIsSpearmans() throws {
    func correlation(_ a: [Double], _ b: [Double]) throws -> Double {
      RankCorrelation.ofRanks(try ranks(a), try ranks(b), a.count)
    }
    #expect(try correlation([1, 2, 3, 4], [10, 20, 30, 1000]) == 1)
    #expect(try correlation([1, 2, 3, 4], [4, 3, 2, 1]) == -1)
    // 1 - 6 * (0 + 1 + 1 + 0) / (4 * 15)
    #expect(abs(try correlation([1, 2, 3, 4], [1, 3, 2, 4]) - 0.8) < 1e-15)
    #expect(try correlation([1, 2, 3, 4], [7, 7, 7, 7]) == 0)
  }
}

struct TuningRoundTests {
  @Test func everyRowIsHeldOutOnceAndFoldsAreStratified() throws {
    let X = Table(103, 2) { row, column in Double(row * 2 + column) }
    let known = (0..<103).map { Int32($0 % 9 == 0 ? 1 : 0) }
    var plan = TuningPlan()
    plan.folds = 4
    try known.withUnsafeBufferPointer { labels throws in
      let round = try TuningRound(X.matrix, labels: labels, plan: plan, round: 0)
      var seen: [Int] = []
      for fold in 0..<4 {
        let held = try round.heldOut(fold)
        let rows = (0..<held.rows).map { Int(held.value($0, 0)) / 2 }
        let training = try round.training(fold)
        let rest = (0..<training.X.rows).map { Int(training.X.value($0, 1)) / 2 }
        #expect(Set(rows).union(rest) == Set(0..<103) && rows.count + rest.count == 103)
        #expect((25...26).contains(rows.count))
        #expect((2...4).contains(rows.count { known[$0] == 1 }))
        #expect(rows.map { known[$0] } == round.heldOutLabels(fold).map(Array.init))
        #expect(rest.map { known[$0] } == training.labels.map(Array.init))
        seen += rows
      }
      #expect(seen.sorted() == Array(0..<103))
    }
  }

  @Test func holdoutTakesItsShareOfEachKind() throws {
    let X = Table.cloud(100, 2)
    var plan = TuningPlan()
    plan.holdout = 0.2
    let known = (0..<100).map { Int32($0 < 10 ? 1 : 0) }
    try known.withUnsafeBufferPointer { labels throws in
      let round = try TuningRound(X.matrix, labels: labels, plan: plan, round: 1)
      #expect(try round.heldOut(0).rows == 20)
      #expect(round.heldOutLabels(0)?.count { $0 == 1 } == 2)
    }
  }

  @Test func float32AndStridesGiveTheSameRows() throws {
    let X = Table.cloud(60, 3)
    let narrow = (0..<180).map { Float(X.values[($0 % 60) * 3 + $0 / 60]) }  // by columns
    try narrow.withUnsafeBytes { bytes throws in
      let columns = try Matrix(
        base: bytes.baseAddress, element: .float32, rows: 60, columns: 3, rowStride: 4,
        columnStride: 240)
      let rounds = try [X.matrix, columns].map {
        try TuningRound($0, labels: nil, plan: TuningPlan(), round: 0)
      }
      try withExtendedLifetime(rounds) {
        let (a, b) = (try rounds[0].heldOut(2), try rounds[1].heldOut(2))
        for row in 0..<20 {
          for column in 0..<3 { #expect(Float(a.value(row, column)) == Float(b.value(row, column))) }
        }
      }
    }
  }
}

struct TuningTests {
  /// What tuning takes for granted: these options move the threshold, and no score.
  @Test(arguments: DetectorProfile.all.map(\.name))
  func contaminationMovesNoScore(_ name: String) throws {
    let specs = try Registry.find(name).info.options
    let X = Table.cloud(200, 3)
    let before = try scores(fitted(name, X), X)
    for (option, value) in [("contamination", 0.27), ("threshold", 1.25)]
    where specs.contains(where: { $0.name == option }) && (option == "contamination" || name == "MAD") {
      #expect(try scores(fitted(name, X, [option: .double(value)]), X) == before)
    }
  }

  @Test func foldsAreMeasuredAsByHand() throws {
    let X = Table.cloud(120, 3)
    let known = labels(120)
    let tuning = try tuning("KNN", [("n_neighbors", [.int(3), .int(9)])])
    try run(tuning, X, known)
    try known.withUnsafeBufferPointer { labels throws in
      let round = try TuningRound(X.matrix, labels: labels, plan: TuningPlan(), round: 0)
      for (index, neighbours) in [3, 9].enumerated() {
        for fold in 0..<3 {
          let detector = Detector(try Registry.find("KNN"))
          try detector.set("n_neighbors", .int(neighbours))
          try detector.fit(round.training(fold), call: Call(threads: 1))
          let held = try round.heldOut(fold)
          let found = try Buffer<Double>(count: held.rows)
          try detector.score(held, call: Call(threads: 1), into: found.base)
          let kinds = try #require(round.heldOutLabels(fold))
          let auc = try RankingMeasure.rocAUC(
            UnsafeBufferPointer(start: found.base, count: held.rows), kinds)
          #expect(tuning.results[index].folds[fold] == auc)
        }
        let folds = tuning.results[index].folds
        #expect(abs(tuning.results[index].mean - folds.reduce(0, +) / 3) < 1e-15)
      }
    }
  }

  @Test(arguments: [nil, 0.25])
  func threadsChangeNothing(_ holdout: Double?) throws {
    let X = Table.cloud(150, 4)
    var plan = TuningPlan()
    plan.repeats = 2
    plan.holdout = holdout
    for known in [nil, labels(150)] {
      let found = try [1, 2, 7].map { threads in
        let tuning = try tuning(
          "IsolationForest",
          [("n_estimators", [.int(5), .int(20)]), ("max_features", [.double(0.5), .double(1)])])
        try run(tuning, X, known, plan, threads: threads)
        return tuning.results.map(\.folds)
      }
      #expect(found[0] == found[1] && found[0] == found[2])
      #expect(found[0].allSatisfy { $0.count == (holdout == nil ? 6 : 2) })
    }
  }

  @Test func stabilityIsHighForManyTreesAndZeroForConstantScores() throws {
    let X = Table.cloud(300, 4)
    let trees = try tuning("IsolationForest", [("n_estimators", [.int(2), .int(300)])])
    try run(trees, X)
    #expect(trees.criterion == .stability)
    #expect(trees.results[1].mean > trees.results[0].mean + 0.1)
    #expect(trees.results[1].mean > 0.9 && trees.results[1].mean <= 1)
    // One bin for everything tells no row from another: that is not stable, but useless.
    let bins = try tuning("HBOS", [("n_bins", [.int(1), .int(10)]), ("tol", [.double(0.5)])])
    try run(bins, Table(90, 1) { row, _ in Double(row) })
    #expect(bins.results[0].mean == 0)
  }

  @Test func thresholdOptionsAreNotFittedAgain() throws {
    let X = Table.cloud(90, 2)
    let shares = try tuning(
      "IsolationForest",
      [("n_estimators", [.int(5), .int(9)]), ("contamination", [.double(0.1), .double(0.2)])])
    try run(shares, X, labels(90))
    #expect(shares.results.map(\.sameAs) == [nil, 0, nil, 2])
    #expect(shares.results[0].folds == shares.results[1].folds)
    #expect(shares.results.map(\.values)[1] == [.int(5), .double(0.2)])
    let detector = try shares.detector(1)
    #expect(try detector.options.value("contamination") == .double(0.2))
    let cutoffs = try tuning("MAD", [("threshold", [.double(2), .double(3)])])
    try run(cutoffs, X, labels(90))
    #expect(cutoffs.results.map(\.sameAs) == [nil, 0])
    #expect(cutoffs.results.map(\.rank) == [1, 1] && cutoffs.best == 0)
  }

  @Test func failuresAreResults() throws {
    let X = Table.cloud(60, 2)
    let tuning = try tuning("IsolationForest", [("max_features", [.int(9), .int(1)])])
    try run(tuning, X, labels(60))
    #expect(tuning.results[0].error?.message.contains("the data have 2 columns") == true)
    #expect(tuning.results[0].mean.isNaN && tuning.results[0].rank == 2 && tuning.best == 1)
    let all = try self.tuning2("IsolationForest", "max_features", [.int(9), .int(8)])
    #expect(message { try run(all, X) }.contains("9 features a tree"))
    #expect(all.results.isEmpty)
  }

  private func tuning2(_ name: String, _ option: String, _ values: [OptionValue]) throws -> Tuning {
    try tuning(name, [(option, values)])
  }

  @Test func missingValuesAreTheBusinessOfTheConfiguration() throws {
    let X = Table(60, 2) { row, column in row == 17 && column == 1 ? .nan : Double(row % 7) }
    let tuning = try tuning(
      "IsolationForest", [("missing_values", [.string("error"), .string("native")])])
    try run(tuning, X)
    // The row is that of the caller's data, not of the shuffled ones.
    #expect(tuning.results[0].error?.row == 17 && tuning.results[0].error?.column == 1)
    #expect(tuning.results[1].error == nil)
    #expect(message { try run(tuning2("KNN", "n_neighbors", [.int(2)]), X) }.contains("row 17, column 1"))
    let infinite = Table(60, 2) { row, column in row == 3 ? .infinity : 0 }
    #expect(message { try run(tuning, infinite) }.contains("row 3, column 0 is infinite"))
  }

  @Test func budgetsDrawDifferentConfigurationsInTheirOrder() throws {
    var grid = try tuning(
      "KNN", [("n_neighbors", (1...30).map { .int($0) }), ("leaf_size", (1...30).map { .int($0) })]
    ).grid
    let some = try grid.configurations(budget: 40, seed: 3)
    #expect(some.count == 40 && Set(some).count == 40)
    #expect(some == some.sorted { $0.lexicographicallyPrecedes($1) })
    #expect(try grid.configurations(budget: 40, seed: 3) == some)
    #expect(try grid.configurations(budget: 40, seed: 4) != some)
    #expect(try grid.configurations(budget: 5000, seed: 3).count == 900)
    for (option, count) in [("p", 200), ("novelty", 2)] {
      for value in 1...count {
        try grid.add(option, option == "p" ? .double(Double(value)) : .bool(value > 1))
      }
    }
    #expect(message { _ = try grid.configurations(budget: nil, seed: 0) }.contains("360000 configurations"))
  }

  @Test func ranksAreSharedAndTheFailedComeLast() throws {
    let X = Table.cloud(80, 2)
    let tuning = try tuning(
      "IsolationForest",
      [
        ("max_features", [.int(9), .int(1), .int(2)]),
        ("contamination", [.double(0.1), .double(0.2), .double(0.3)]),
      ])
    try run(tuning, X, labels(80))
    let means = tuning.results.map(\.mean)
    for (index, result) in tuning.results.enumerated() {
      let better = means.count { means[index].isNaN ? !$0.isNaN : $0 > means[index] }
      #expect(result.rank == 1 + better)
    }
    #expect(tuning.results[0].rank == 7 && means[0].isNaN)
  }

  @Test func whatIsNotJudgedIsNotChosen() throws {
    let X = Table.cloud(90, 2)
    let base = Detector(try Registry.find("IsolationForest"))
    try base.set("contamination", .double(0.07))
    let tuning = Tuning(base)
    for trees in [4, 30] { try tuning.add("n_estimators", .int(trees)) }
    for share in [0.1, 0.2] { try tuning.add("contamination", .double(share)) }
    #expect(message { _ = try tuning.bestDetector() }.contains("run the tuning first"))
    try run(tuning, X)
    #expect(tuning.judges("n_estimators") && !tuning.judges("contamination"))
    let chosen = try tuning.bestDetector().options
    #expect(try chosen.value("contamination") == .double(0.07))
    #expect(try chosen.value("n_estimators") == tuning.results[#require(tuning.best)].values[0])
    let deviations = Tuning(Detector(try Registry.find("MAD")))
    #expect(!deviations.judges("threshold") && Tuning(base).judges("threshold"))
  }

  /// Otherwise there is nothing to compare.
  @Test(arguments: Registry.classes.map(\.info.name))
  func defaultGridsChangeScores(_ name: String) throws {
    let detectorClass = try Registry.find(name)
    let tuning = Tuning(Detector(detectorClass))
    do throws(DetectionError) {
      try tuning.addDefaults()
    } catch {
      #expect(error.status == .notSupported && error.message.contains("no default grid"))
      #expect(["COPOD", "ECOD", "MAD"].contains(name) || detectorClass.info.capabilities.contains(.series))
      return
    }
    guard detectorClass.info.origin == nil, !detectorClass.info.capabilities.contains(.series) else { return }
    let X = Table.cloud(400, 4)
    for axis in tuning.grid.axes where tuning.judges(axis.option) {
      let found = try axis.values.map { try scores(fitted(name, X, [axis.option: $0]), X) }
      let moved = found.contains { $0 != found[0] }
      #expect(moved || axis.values.count == 1, "\(axis.option) changes no score")
    }
    let own = [
      "CBLOF": 2, "Ensemble": 2, "HalfSpaceTrees": 3, "RobustRandomCutForest": 2, "SGDOneClassSVM": 3,
    ]
    if let count = own[name] { #expect(tuning.grid.axes.count == count) }
  }

  @Test func defaultGrids() throws {
    let forest = Tuning(Detector(try Registry.find("IsolationForest")))
    try forest.addDefaults()
    #expect(try forest.grid.configurations(budget: nil, seed: 0).count == 27)
    for detectorClass in Registry.classes where detectorClass.info.origin == nil {
      let tuning = Tuning(Detector(detectorClass))
      do {
        try tuning.addDefaults()
        #expect(tuning.grid.axes.allSatisfy { $0.values.count > 1 })
      } catch {
        #expect(error.status == .notSupported)
      }
    }
  }

  @Test func badRequestsAreNamed() throws {
    let X = Table.cloud(30, 2)
    let one = try tuning2("KNN", "n_neighbors", [.int(2)])
    func plan(_ change: (inout TuningPlan) -> Void) -> TuningPlan {
      var plan = TuningPlan()
      change(&plan)
      return plan
    }
    func refused(_ labels: [Int32]?, _ plan: TuningPlan) -> String {
      message { try run(one, X, labels, plan) }
    }
    #expect(
      refused([Int32](repeating: 0, count: 30), TuningPlan()).contains("0 of the 30 labels are outliers"))
    #expect(
      refused([Int32](repeating: 1, count: 30), TuningPlan()).contains("0 of the 30 labels are inliers"))
    #expect(
      refused(labels(30), plan { $0.folds = 6 }).contains(
        "5 of the 30 labels are outliers; 6 folds need at least 6"))
    #expect(refused(nil, plan { $0.folds = 31 }).contains("the data have 30 rows; 31 folds need at least 31"))
    #expect(refused(nil, plan { $0.folds = 1 }).contains("folds is 1"))
    #expect(refused(nil, plan { $0.holdout = 1 }).contains("holdout is 1.0"))
    #expect(refused(nil, plan { $0.holdout = 0.5 }).contains("needs repeats of 2"))
    #expect(refused(nil, plan { $0.criterion = .rocAUC }).contains("need labels"))
    #expect(refused(nil, plan { $0.budget = 0 }).contains("budget is 0"))
    #expect(refused(labels(29), TuningPlan()).contains("29 labels for 30 rows"))
    #expect(refused(labels(30).map { $0 * 2 }, TuningPlan()).contains("label of row 25 is 2"))
    let empty = Tuning(Detector(try Registry.find("KNN")))
    #expect(message { try run(empty, X) }.contains("the grid is empty"))
    #expect(message { try one.add("depth", .int(1)) }.contains("no option \"depth\""))
    #expect(message { try one.add("n_neighbors", .int(0)) }.contains("allowed: int"))
    #expect(message { try one.add("n_neighbors", .int(2)) }.contains("in the grid already"))
  }

  @Test(arguments: [1, 3])
  func cancellingLeavesTheEarlierResults(_ threads: Int) throws {
    let X = Table.cloud(2000, 5)
    let tuning = try tuning2("IsolationForest", "n_estimators", [.int(1), .int(2)])
    try run(tuning, X)
    let before = tuning.results.map(\.folds)
    for count in [2000, 2001, 2002] { try tuning.add("n_estimators", .int(count)) }
    let said = message { try run(tuning, X, threads: threads) { fraction, _ in fraction < 0.02 } }
    #expect(said.contains("cancelled"))
    #expect(tuning.results.map(\.folds) == before)
  }
}
