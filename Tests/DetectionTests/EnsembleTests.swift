import Testing

@testable import Detection

struct EnsembleTests {
  private static let three = "[KNN(n_neighbors=3), MAD, PCA]"

  private func ensemble(
    _ X: Table, _ detectors: String = three, _ options: [String: OptionValue] = [:], threads: Int = 1
  ) throws -> Detector {
    try fitted(
      "Ensemble", X, options.merging(["detectors": .string(detectors)]) { $1 }, threads: threads)
  }

  /// What the members score, each as the header says: less the mean of its training scores, by their deviation.
  private func standardised(_ X: Table, _ Y: Table) throws -> [[Double]] {
    try [("KNN", ["n_neighbors": OptionValue.int(3)]), ("MAD", [:]), ("PCA", [:])].map { name, options in
      let detector = try fitted(name, X, options)
      let own = try scores(detector, X)
      let mean = own.reduce(0, +) / Double(own.count)
      let variance = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(own.count)
      return try scores(detector, Y).map { ($0 - mean) / variance.squareRoot() }
    }
  }

  private func close(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-12 * max(1, abs($1)) }
  }

  @Test func combinations() throws {
    let X = Table.cloud(200, 3)
    let Y = Table.cloud(50, 3, seed: 9)
    let parts = try standardised(X, Y)
    func combined(_ name: String, _ options: [String: OptionValue] = [:]) throws -> [Double] {
      try scores(
        ensemble(X, Self.three, options.merging(["combination": .string(name)]) { $1 }), Y)
    }
    let rows = (0..<50).map { row in parts.map { $0[row] } }
    #expect(close(try combined("average"), rows.map { ($0[0] + $0[1] + $0[2]) / 3 }))
    #expect(close(try combined("maximum"), rows.map { $0.max()! }))
    #expect(close(try combined("median"), rows.map { $0.sorted()[1] }))
    #expect(close(try combined("weighted"), rows.map { ($0[0] + $0[1] + $0[2]) / 3 }))
    #expect(
      close(
        try combined("weighted", ["weights": .string("[3, 0, 1]")]),
        rows.map { (3 * $0[0] + $0[2]) / 4 }))
    let two = try scores(ensemble(X, "[KNN(n_neighbors=3), MAD]", ["combination": .string("median")]), Y)
    #expect(close(two, rows.map { ($0[0] + $0[1]) / 2 }))
  }

  @Test func ranks() throws {
    let X = Table.cloud(200, 3)
    let Y = Table.cloud(50, 3, seed: 9)
    let found = try scores(ensemble(X, Self.three, ["combination": .string("rank_average")]), Y)
    var expected = [Double](repeating: 0, count: 50)
    for (name, options) in [("KNN", ["n_neighbors": OptionValue.int(3)]), ("MAD", [:]), ("PCA", [:])] {
      let detector = try fitted(name, X, options)
      let own = try scores(detector, X)
      for (row, score) in try scores(detector, Y).enumerated() {
        let below = own.count { $0 < score }
        let equal = own.count { $0 == score }
        expected[row] += (Double(below) + Double(equal) / 2) / 200 / 3
      }
    }
    #expect(close(found, expected))
    #expect(found.allSatisfy { (0...1).contains($0) })
  }

  /// Of very many training scores some are kept: ranks are off by no more than one place among these.
  @Test func ranksOfManyRows() throws {
    let count = MemberScale.mostRanks * 3
    let all = try Buffer<Double>(count: count)
    for row in 0..<count { all[row] = Double((row * 7919) % count) }
    let scale = try MemberScale(all, ranked: true, call: Call(threads: 1))
    for score in [-1.0, 0, 1, 1000, 77_777, Double(count - 1), 1e9] {
      let exact = max(0, min(1, (score + 0.5) / Double(count)))
      #expect(abs(scale.standardised(score) - exact) <= 1.5 / Double(MemberScale.mostRanks))
    }
    #expect(scale.standardised(-1) == 0)
    #expect(scale.standardised(1e9) == 1)
  }

  @Test func theThresholdIsTheQuantileOfTheTrainingScores() throws {
    let X = Table.cloud(200, 3)
    for combination in Ensemble.Combination.allCases {
      let detector = try ensemble(
        X, Self.three,
        ["combination": .string(combination.rawValue), "contamination": .double(0.05)])
      let sorted = try scores(detector, X).sorted()
      #expect(abs(detector.threshold - (sorted[189] + (sorted[190] - sorted[189]) * 0.05)) < 1e-12)
    }
  }

  @Test func runsRepeatAndMembersDiffer() throws {
    let X = Table.cloud(300, 4)
    let pair = "[IsolationForest(n_estimators=10), IsolationForest(n_estimators=10)]"
    let first = try ensemble(X, pair)
    #expect(try ModelFile.bytes(of: first) == ModelFile.bytes(of: ensemble(X, pair, threads: 3)))
    #expect(try scores(first, X, threads: 3) == scores(first, X))
    let model = try #require(first.model as? EnsembleModel)
    let own = try model.members.map { member in
      let scores = try Buffer<Double>(count: X.rows)
      try member.model.score(try X.matrix, call: Call(threads: 1), into: scores.base)
      return (0..<X.rows).map { scores[$0] }
    }
    #expect(own[0] != own[1])
    #expect(try scores(ensemble(X, pair, ["random_state": .int(1)]), X) != scores(first, X))
    let fixed = try ensemble(X, "[IsolationForest(n_estimators=10, random_state=5)]")
    let alone = try fitted(X, ["n_estimators": .int(10), "random_state": .int(5)])
    let inside = try #require((fixed.model as? EnsembleModel)?.members[0].model as? ForestModel)
    #expect(inside.fitted.map(\.value) == alone.model?.fitted.map(\.value))
  }

  @Test func explanationsSumToTheScore() throws {
    let X = Table.cloud(120, 3)
    for combination in Ensemble.Combination.allCases {
      let detector = try ensemble(X, Self.three, ["combination": .string(combination.rawValue)])
      let found = try scores(detector, X)
      let parts = try shares(detector, X)
      for (row, score) in found.enumerated() {
        #expect(abs(parts[row].reduce(0, +) - score) < 1e-9)
      }
    }
    // One member alone: its shares, less what its mean is for each feature.
    let alone = try ensemble(X, "[MAD]")
    let scale = try #require((alone.model as? EnsembleModel)?.scales[0])
    let member = try shares(fitted("MAD", X), X)
    for (row, parts) in try shares(alone, X).enumerated() {
      for (feature, part) in parts.enumerated() {
        let expected = member[row][feature] / scale.deviation - scale.mean / scale.deviation / 3
        #expect(abs(part - expected) < 1e-9)
      }
    }
  }

  @Test func weightsWhereAllMembersTakeThem() throws {
    let X = Table.cloud(100, 2)
    let weights = [Double](repeating: 1, count: 99) + [50]
    func weighed(_ detectors: String) throws -> Detector {
      let detector = Detector(try Registry.find("Ensemble"))
      try detector.set("detectors", .string(detectors))
      try weights.withUnsafeBufferPointer {
        try detector.fit(Training(try X.matrix, weights: $0), call: Call(threads: 1))
      }
      return detector
    }
    let forest = "IsolationForest(n_estimators=20, max_samples=16)"
    #expect(try scores(weighed(forest), X) != scores(ensemble(X, forest), X))
    let error = #expect(throws: DetectionError.self) { try weighed("[\(forest), KNN]") }
    #expect(error?.status == .notSupported)
    #expect(error?.message == "member 2 (KNN): KNN takes no sample weights")
  }

  @Test func partsWhereAllMembersTakeThem() throws {
    let X = Table.cloud(100, 2)
    let detector = Detector(try Registry.find("Ensemble"))
    let error = #expect(throws: DetectionError.self) {
      try detector.partialFit(Training(try X.matrix), call: Call(threads: 1))
    }
    #expect(error?.status == .notSupported)
    #expect(error?.message.hasPrefix("member 1 (IsolationForest): ") == true)

    #expect([nil, RunningMean.taken].contains(Registry.add([RunningMean()])))
    try detector.set("detectors", .string("[RunningMean]"))
    try detector.partialFit(Training(try X.matrix.slice(0..<40)), call: Call(threads: 1))
    try detector.set("detectors", .string("[KNN, KNN]"))  // waits for the next fit
    try detector.partialFit(Training(try X.matrix.slice(40..<100)), call: Call(threads: 1))
    let member = try #require((detector.model as? EnsembleModel)?.members.first?.model as? RunningMeanModel)
    #expect(member.rows == 100)
    #expect((detector.model as? EnsembleModel)?.members.count == 1)
  }

  /// A member whose scores do not change with what it learns, so that parts can be held against the whole.
  private func inParts(
    _ X: Table, _ ends: [Int], _ combination: String, threads: Int = 1
  ) throws -> EnsembleModel {
    #expect([nil, RunningMean.taken].contains(Registry.add([RunningMean()])))
    let detector = Detector(try Registry.find("Ensemble"))
    try detector.set("detectors", .string("[RunningMean, RunningMean]"))
    try detector.set("combination", .string(combination))
    try detector.set("random_state", .int(7))
    var first = 0
    for end in ends {
      try detector.partialFit(Training(try X.matrix.slice(first..<end)), call: Call(threads: threads))
      first = end
    }
    return try #require(detector.model as? EnsembleModel)
  }

  @Test func rowByRowTheStatisticsAreThoseOfTheWhole() throws {
    let X = Table(500, 1) { row, _ in Double((row * 7919) % 1009) / 7 + 1e6 }
    for combination in ["average", "rank_average"] {
      let whole = try inParts(X, [500], combination).scales[1]
      for ends in [Array(1...500), [1, 2, 300, 301, 500], [499, 500]] {
        let scale = try inParts(X, ends, combination).scales[1]
        #expect(scale.count == 500)
        #expect(abs(scale.mean - whole.mean) <= 1e-12 * whole.mean)
        #expect(abs(scale.deviation - whole.deviation) <= 1e-8 * whole.deviation)
        for score in [0, 1e6, 1e6 + 33, 1e6 + 100, 2e6] {
          #expect(abs(scale.standardised(score) - whole.standardised(score)) <= 1e-6)
        }
        #expect((0..<(scale.sorted?.count ?? 0)).allSatisfy { scale.sorted?[$0] == whole.sorted?[$0] })
        #expect(scale.sorted?.count == whole.sorted?.count)
      }
    }
  }

  /// Ranks of more scores than are kept: a uniform sample, the same in every run.
  @Test func ranksOfManyParts() throws {
    let count = MemberScale.mostRanks * 4
    let X = Table(count, 1) { row, _ in Double((row * 7919) % count) }
    let ends = Array(stride(from: 16384, through: count, by: 16384))
    let scale = try inParts(X, ends, "rank_average").scales[0]
    let sorted = try #require(scale.sorted)
    #expect(scale.count == count)
    #expect(sorted.count == MemberScale.mostRanks)
    #expect((1..<sorted.count).allSatisfy { sorted[$0 - 1] < sorted[$0] })
    for share in [0.01, 0.1, 0.5, 0.9, 0.99] {
      #expect(abs(scale.standardised(share * Double(count)) - share) < 0.01)
    }
    let again = try inParts(X, ends, "rank_average", threads: 3).scales[0]
    #expect((0..<sorted.count).allSatisfy { again.sorted?[$0] == sorted[$0] })
  }

  @Test func partsWithScoresOfAnySize() throws {
    let X = Table(4, 1) { row, _ in [-1.7e308, 1.7e308, 1e-310, 1.7e308][row] }
    let scale = try inParts(X, [1, 2, 3, 4], "average").scales[0]
    #expect(scale.mean.isFinite && scale.deviation.isFinite && scale.deviation > 1e307)
    let same = try inParts(Table(9, 1) { _, _ in 0.1 }, Array(1...9), "average").scales[0]
    #expect(same.deviation == 1 && abs(same.mean - 0.1) < 1e-15)
  }

  @Test func aStreamIsLearntInPartsWhereAllMembersDo() throws {
    let ensemble = Ensemble()
    func learns(_ text: String) throws -> Bool {
      var options = Options(ensemble.info.options)
      try options.set("detectors", .string(text))
      return ensemble.learnsInParts(options)
    }
    #expect(try learns("[HalfSpaceTrees, Ensemble(detectors=[RobustRandomCutForest])]"))
    #expect(try !learns("[HalfSpaceTrees, KNN]"))
    #expect(try !learns("[HalfSpaceTrees, Ensemble(detectors=[HBOS])]"))
  }

  @Test func wrongWeights() throws {
    let X = Table.cloud(30, 2)
    for (weights, combination) in [
      ("[1, 2]", "weighted"), ("[0, 0, 0]", "weighted"), ("[1, 2, 3]", "average"),
    ] {
      let error = #expect(throws: DetectionError.self) {
        try ensemble(
          X, Self.three,
          ["combination": .string(combination), "weights": .string(weights)])
      }
      #expect(error?.status == .invalidOption)
      #expect(error?.message.contains("option weights") == true)
    }
  }

  @Test func allRowsEqual() throws {
    let X = Table(50, 3) { _, column in Double(column) / 3 }
    for combination in ["average", "maximum", "median"] {
      let found = try scores(
        ensemble(X, "[IsolationForest, KNN, ECOD]", ["combination": .string(combination)]), X)
      #expect(found.allSatisfy { $0 == 0 })
    }
    let ranks = try scores(
      ensemble(X, "[IsolationForest, KNN]", ["combination": .string("rank_average")]), X)
    #expect(ranks.allSatisfy { $0 == 0.5 })
  }

  @Test func scoresOfAnySizeAreBroughtToScale() throws {
    let scores = try Buffer<Double>(count: 4)
    for (row, score) in [-1e308, 1e308, 1.7e308, -1.7e308].enumerated() { scores[row] = score }
    let scale = try MemberScale(scores, ranked: false, call: Call(threads: 1))
    #expect(scale.mean.isFinite && scale.deviation.isFinite && scale.deviation > 0)
    #expect(abs(scale.standardised(1.7e308)) < 2)
    for row in 0..<4 { scores[row] = 1e-310 * Double(row) }
    let tiny = try MemberScale(scores, ranked: false, call: Call(threads: 1))
    #expect(tiny.standardised(1e308).isFinite)
  }

  @Test func progressAndCancelling() throws {
    let X = Table.cloud(60_000, 10)
    var told: [Double] = []
    let detector = Detector(try Registry.find("Ensemble"))
    try detector.set("detectors", .string("[IsolationForest, ECOD, HBOS, LODA]"))
    try detector.fit(
      Training(try X.matrix),
      call: Call(threads: 1) { fraction, _ in
        told.append(fraction)
        return true
      })
    #expect(told.last == 1)
    #expect(told == told.sorted())
    let before = detector.threshold
    var asked = 0
    let error = #expect(throws: DetectionError.self) {
      try detector.fit(
        Training(try X.matrix.slice(0..<50_000)),
        call: Call(threads: 2) { _, _ in
          asked += 1
          return false
        })
    }
    #expect(error?.status == .cancelled)
    #expect(asked == 1)
    #expect(detector.threshold == before)
  }
}

/// A detector that can go on learning, for want of a built-in one.
struct RunningMean: DetectorClass {
  static let taken = "RunningMean"
  let info = DetectorInfo(
    name: "RunningMean", description: "For tests: the distance from the mean.", reference: "None.",
    capabilities: [.partialFit], options: [])

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    try partialFit(training, options: options, previous: nil, call: call)
  }

  func partialFit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    RunningMeanModel(
      featureCount: training.X.columns,
      rows: training.X.rows + ((previous as? RunningMeanModel)?.rows ?? 0))
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model { throw reader.damaged("none is written") }
}

final class RunningMeanModel: Model {
  let featureCount: Int
  let rows: Int
  let naturalThreshold = 0.0
  var fitted: [(name: String, value: Double)] { [] }

  init(featureCount: Int, rows: Int) {
    self.featureCount = featureCount
    self.rows = rows
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    for row in 0..<X.rows { scores[row] = X.value(row, 0) }
  }

  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {}

  func write(to writer: inout ModelWriter) {}
}
