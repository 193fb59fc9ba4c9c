import Testing

@testable import Detection

struct IsolationForestTests {
  static let variants: [[String: OptionValue]] = [
    [:],
    ["max_samples": .double(1), "n_estimators": .int(20)],  // deep trees: the linked layout
    ["ndim": .int(2)],
    ["missing_values": .string("native")],
    ["max_features": .double(0.5), "bootstrap": .bool(true)],
  ]

  @Test(arguments: variants) func farRowsScoreHighest(options: [String: OptionValue]) throws {
    let X = Table.cloud(3000, 4)
    let found = try scores(try fitted(X, options), X)
    let order = found.indices.sorted { found[$0] > found[$1] }
    #expect(Set(order.prefix(5)) == Set(2995..<3000))
    #expect(found.allSatisfy { $0 > 0 && $0 <= 1 })
  }

  @Test(arguments: variants) func threadsChangeNothing(options: [String: OptionValue]) throws {
    let X = Table.cloud(9000, 3)
    let one = try fitted(X, options, threads: 1)
    let four = try fitted(X, options, threads: 4)
    let expected = try scores(one, X, threads: 1)
    #expect(try scores(four, X, threads: 1) == expected)
    #expect(try scores(one, X, threads: 3) == expected)
  }

  @Test(arguments: variants) func oneRowScoresAsAmongMany(options: [String: OptionValue]) throws {
    let X = Table.cloud(600, 21)
    let detector = try fitted(X, options)
    let all = try scores(detector, X)
    for row in [0, 1, 299, 599] {
      let single = Table(1, 21) { _, column in X.values[row * 21 + column] }
      #expect(try scores(detector, single) == [all[row]])
    }
  }

  @Test(arguments: variants) func sharesSumToTheScore(options: [String: OptionValue]) throws {
    let X = Table.cloud(300, 4)
    let detector = try fitted(X, options)
    let shares = try Buffer<Double>(count: 300 * 4)
    try detector.explain(try X.matrix, call: Call(threads: 2), into: shares.base)
    for (row, score) in try scores(detector, X).enumerated() {
      let own = (0..<4).map { shares[row * 4 + $0] }
      #expect(own.allSatisfy { $0 >= 0 })
      #expect(abs(own.reduce(0, +) - score) < 1e-12)
    }
  }

  @Test func theResponsibleFeatureHasTheLargestShare() throws {
    var random = Random(seed: 2, stream: 0)
    let X = Table(1000, 6) { row, column in random.normal() + (row == 0 && column == 4 ? 12 : 0) }
    let detector = try fitted(X)
    let shares = try Buffer<Double>(count: 6000)
    try detector.explain(try X.matrix, call: Call(threads: 1), into: shares.base)
    let own = (0..<6).map { shares[$0] }
    #expect(own.max() == own[4])
    #expect(own[4] > 2 * (own.reduce(0, +) - own[4]) / 5)
  }

  @Test func largeOffsetsDoNotHideOutliers() throws {
    // Time stamps in nanoseconds: single precision alone could not tell any two of these apart.
    var random = Random(seed: 9, stream: 0)
    let X = Table(2000, 1) { row, _ in 1.7e18 + random.normal() * 1e6 + (row == 7 ? 1e8 : 0) }
    let found = try scores(try fitted(X, ["max_samples": .double(1)]), X)
    #expect(found.firstIndex(of: found.max() ?? 0) == 7)
    #expect(Set(found).count > 100)
  }

  @Test func constantDataScoreOneHalf() throws {
    let X = Table(100, 3) { _, _ in 4 }
    #expect(try scores(try fitted(X), X) == Array(repeating: 0.5, count: 100))
    let one = Table(1, 1) { _, _ in 1 }
    #expect(try scores(try fitted(one), one) == [0.5])
  }

  @Test func contaminationSetsTheThresholdAtItsQuantile() throws {
    let X = Table.cloud(1000, 3)
    let detector = try fitted(X, ["contamination": .double(0.1)])
    let sorted = try scores(detector, X).sorted()
    let expected = sorted[899] + (sorted[900] - sorted[899]) * (0.9 * 999 - 899)
    #expect(abs(detector.threshold - expected) < 1e-15)
    #expect(try fitted(X).threshold == 0.5)
  }

  @Test func warmStartAddsTheTreesThatAColdStartGrows() throws {
    let X = Table.cloud(1000, 3)
    let detector = try fitted(X, ["n_estimators": .int(10), "warm_start": .bool(true)])
    try detector.set("n_estimators", .int(30))
    try detector.fit(Training(try X.matrix), call: Call(threads: 2))
    let cold = try fitted(X, ["n_estimators": .int(30)])
    #expect(try scores(detector, X) == scores(cold, X))
    try detector.set("n_estimators", .int(20))
    #expect(throws: DetectionError.self) { try detector.fit(Training(try X.matrix), call: Call()) }
  }

  @Test func weightsOfZeroLeaveRowsOut() throws {
    let X = Table(400, 2) { row, column in Double(row % 20 + column) + (row < 200 ? 0 : 1000) }
    var weights = [Double](repeating: 1, count: 400)
    for row in 200..<400 { weights[row] = 0 }
    let detector = Detector(try Registry.find("IsolationForest"))
    try weights.withUnsafeBufferPointer { weights in
      try detector.fit(Training(try X.matrix, weights: weights), call: Call(threads: 1))
    }
    let found = try scores(detector, X)
    // Fitted with them, the two halves would be alike.
    #expect(found[10] < found[210] - 0.05)
  }

  @Test func aSampleOfManyRowsIsCheckedAndFitted() throws {
    // Above ForestGrower.checkedValues the trees take only the rows they draw.
    let rows = ForestGrower.checkedValues / 4 + 1000
    let X = Table(rows, 4) { row, column in Double((row &* 7919 &+ column &* 31) % 1009) }
    let one = try scores(try fitted(X, threads: 1), Table(50, 4) { Double($0 * $1) })
    let two = try scores(try fitted(X, threads: 2), Table(50, 4) { Double($0 * $1) })
    #expect(one == two)
    for index in 0..<(rows * 4) { X.values[index] = .nan }
    #expect(throws: DetectionError.self) { try fitted(X) }
  }

  @Test func cancellingLeavesTheEarlierModel() throws {
    let X = Table.cloud(2000, 3)
    let detector = try fitted(X)
    let before = try scores(detector, X)
    try detector.set("n_estimators", .int(3000))
    let error = #expect(throws: DetectionError.self) {
      try detector.fit(Training(try X.matrix), call: Call(threads: 2, progress: { _, _ in false }))
    }
    #expect(error?.status == .cancelled)
    #expect(try scores(detector, X) == before)
  }
}
