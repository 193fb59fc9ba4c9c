import Testing

@testable import Detection

/// LocalOutlierFactor and KNN against the formulas of their papers, worked out pair by pair.
struct NeighbourDetectorTests {
  static let names = ["KNN", "LocalOutlierFactor"]
  static let variants: [[String: OptionValue]] = [
    [:], ["algorithm": .string("brute")], ["metric": .string("cosine")],
    ["metric": .string("manhattan"), "algorithm": .string("kd_tree")],
    ["p": .double(3), "n_neighbors": .int(7)], ["novelty": .bool(true)],
  ]

  /// The local outlier factors of all rows, by definition.
  static func factors(_ X: Table, k: Int, _ metric: DistanceMetric = .euclidean) -> [Double] {
    let neighbours = (0..<X.rows).map {
      NeighbourTests.nearest(X, X.row($0), k, metric, without: $0)
    }
    let reach = neighbours.map { $0[k - 1].distance }
    let densities = neighbours.map { own in
      1 / (own.map { max($0.distance, reach[$0.row]) }.reduce(0, +) / Double(k) + 1e-10)
    }
    return (0..<X.rows).map { row in
      neighbours[row].map { densities[$0.row] }.reduce(0, +) / Double(k) / densities[row]
    }
  }

  private func kept(_ detector: Detector) throws -> [Double] {
    let scores = try detector.trainingScores()
    return (0..<scores.count).map { scores[$0] }
  }

  @Test(arguments: ["auto", "kd_tree", "brute"]) func localOutlierFactorOfThePaper(algorithm: String) throws {
    let X = Table.cloud(120, 3)
    for k in [1, 20, 100] {
      let detector = try fitted(
        "LocalOutlierFactor", X, ["n_neighbors": .int(k), "algorithm": .string(algorithm)])
      for (found, expected) in zip(try kept(detector), Self.factors(X, k: k)) {
        #expect(abs(found / expected - 1) < 1e-9)
      }
    }
  }

  @Test func distancesOfTheNeighbours() throws {
    let X = Table.cloud(90, 3)
    for (method, pick) in [
      ("largest", { $0[5] }), ("mean", { $0.reduce(0, +) / 6 }), ("median", { ($0[2] + $0[3]) / 2 }),
    ] as [(String, ([Double]) -> Double)] {
      let options: [String: OptionValue] = ["method": .string(method), "n_neighbors": .int(6)]
      let detector = try fitted("KNN", X, options)
      var withNovelty = options
      withNovelty["novelty"] = .bool(true)
      let new = try scores(try fitted("KNN", X, withNovelty), X)
      for (row, found) in try kept(detector).enumerated() {
        let own = NeighbourTests.nearest(X, X.row(row), 6, .euclidean, without: row).map(\.distance)
        #expect(abs(found - pick(own)) < 1e-12)
        let all = NeighbourTests.nearest(X, X.row(row), 6, .euclidean).map(\.distance)
        #expect(abs(new[row] - pick(all)) < 1e-12)
      }
    }
  }

  /// A row that is scored again is its own row; with duplicates and ties too.
  @Test(arguments: names) func trainingRowsScoreAsInTraining(name: String) throws {
    var random = Random(seed: 6, stream: 0)
    let grid = Table(400, 3) { _, _ in Double(random.below(5)) }
    for X in [Table.cloud(600, 4), Table.cloud(300, 30), grid] {
      for options in Self.variants.dropLast() {
        let detector = try fitted(name, X, options)
        #expect(try scores(detector, X) == kept(detector))
      }
    }
  }

  @Test(arguments: names, variants) func threadsChangeNothing(
    name: String, options: [String: OptionValue]
  ) throws {
    for X in [Table.cloud(1000, 3), Table.cloud(300, 24)] {
      let one = try fitted(name, X, options, threads: 1)
      let four = try fitted(name, X, options, threads: 4)
      #expect(try kept(one) == kept(four))
      #expect(try scores(one, X, threads: 1) == scores(four, X, threads: 3))
    }
  }

  @Test(arguments: names, variants) func sharesSumToTheScore(
    name: String, options: [String: OptionValue]
  ) throws {
    let X = Table.cloud(200, 4)
    let detector = try fitted(name, X, options)
    let shares = try Buffer<Double>(count: 200 * 4)
    try detector.explain(try X.matrix, call: Call(threads: 2), into: shares.base)
    for (row, score) in try scores(detector, X).enumerated() {
      let own = (0..<4).map { shares[row * 4 + $0] }
      #expect(own.allSatisfy { $0 >= 0 })
      #expect(abs(own.reduce(0, +) - score) <= 1e-12 * max(score, 1))
    }
  }

  @Test(arguments: names) func theResponsibleFeatureHasTheLargestShare(name: String) throws {
    var random = Random(seed: 2, stream: 0)
    let X = Table(500, 5) { row, column in random.normal() + (row == 7 && column == 3 ? 15 : 0) }
    let detector = try fitted(name, X)
    let shares = try Buffer<Double>(count: 2500)
    try detector.explain(try X.matrix, call: Call(threads: 1), into: shares.base)
    let own = (0..<5).map { shares[7 * 5 + $0] }
    #expect(own[3] > 0.8 * own.reduce(0, +))
  }

  @Test(arguments: names, variants + [["contamination": .double(0.2)]]) func modelsComeBackAsTheyWere(
    name: String, options: [String: OptionValue]
  ) throws {
    let X = Table.cloud(300, 3)
    let saved = try fitted(name, X, options)
    try saved.setFeatureNames(["a", "b", "c"])
    let bytes = try ModelFile.bytes(of: saved)
    let loaded = try bytes.withUnsafeBytes { try ModelFile.detector(from: $0) }
    #expect(try scores(loaded, X) == scores(saved, X))
    #expect(try kept(loaded) == kept(saved))
    #expect(loaded.threshold == saved.threshold)
    #expect(try ModelFile.bytes(of: loaded) == bytes)
  }

  @Test(arguments: names) func damagedModelsAreRefusedOrHarmless(name: String) throws {
    let X = Table.cloud(40, 2)
    let bytes = try ModelFile.bytes(of: try fitted(name, X, ["n_neighbors": .int(3)]))
    for index in bytes.indices {
      for mask: UInt8 in [0x01, 0x80, 0xff] {
        var damaged = bytes
        damaged[index] ^= mask
        let crc = crc32c(damaged.dropLast(4))
        for byte in 0..<4 {
          damaged[damaged.count - 4 + byte] = UInt8(truncatingIfNeeded: crc >> (8 * UInt32(byte)))
        }
        let model = try? damaged.withUnsafeBytes { try ModelFile.detector(from: $0) }
        if let model, model.model?.featureCount == 2 {
          #expect(try scores(model, X).allSatisfy { $0.isFinite && $0 >= 0 })
        }
      }
    }
  }

  @Test(arguments: names) func equalRowsAreOrdinary(name: String) throws {
    let X = Table(3000, 4) { _, _ in 2.5 }
    for algorithm in ["auto", "kd_tree", "brute"] {
      let detector = try fitted(name, X, ["algorithm": .string(algorithm)])
      #expect(try Set(scores(detector, X)) == [name == "KNN" ? 0 : 1])
      let far = try scores(detector, Table(1, 4) { _, _ in 3 })
      #expect(far[0].isFinite && far[0] > 0.5)
    }
  }

  @Test(arguments: names) func moreNeighboursThanRowsAreAllOthers(name: String) throws {
    let X = Table.cloud(30, 3)
    let all = try kept(fitted(name, X, ["n_neighbors": .int(29)]))
    let more = try fitted(name, X, ["n_neighbors": .int(500)])
    #expect(try kept(more) == all)
    #expect(more.model?.fitted.first { $0.name == "n_neighbors" }?.value == 29)
  }

  @Test(arguments: names) func oneRowIsTooFew(name: String) throws {
    let error = #expect(throws: DetectionError.self) { _ = try fitted(name, Table.cloud(1, 3)) }
    #expect(error?.status == .invalidData)
  }

  @Test(arguments: names, [1e200, -1e300]) func valuesWhoseDistancesOverflowAreRefused(
    name: String, value: Double
  ) throws {
    let X = Table(50, 3) { row, column in row == 17 && column == 2 ? value : Double(row) }
    let error = #expect(throws: DetectionError.self) { _ = try fitted(name, X) }
    #expect(error?.row == 17)
    #expect(error?.column == 2)
    let detector = try fitted(name, Table.cloud(50, 3))
    let later = #expect(throws: DetectionError.self) { _ = try scores(detector, X) }
    #expect(later?.row == 17)
  }

  @Test(arguments: names) func theThresholdIsOfTheTrainingScores(name: String) throws {
    let X = Table.cloud(500, 3)
    let detector = try fitted(name, X, ["contamination": .double(0.1)])
    #expect(try kept(detector).filter { $0 > detector.threshold }.count == 50)
    let natural = try fitted(name, X, ["contamination": .string("auto")])
    #expect(name == "KNN" || natural.threshold == 1.5)
    #expect(try scores(natural, X).suffix(5).allSatisfy { $0 > natural.threshold })
  }
}
