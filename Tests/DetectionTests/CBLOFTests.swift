import CKernels
import Testing

@testable import Detection

struct CBLOFTests {
  /// Well separated clusters of these sizes, 100 apart on a line of two columns.
  private static func clusters(_ sizes: [Int], seed: UInt64 = 1) -> Table {
    var random = Random(seed: seed, stream: 0)
    let places = sizes.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) }
    return Table(places.count, 2) { row, column in
      random.normal() + 100 * Double(places[row]) * (column == 0 ? 1 : 0.5)
    }
  }

  private static func mean(_ X: Table, _ rows: Range<Int>) -> [Double] {
    (0..<X.columns).map { column in
      rows.reduce(0) { $0 + X.row($1)[column] } / Double(rows.count)
    }
  }

  private static func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  @Test(arguments: [0, 1, 2, 3, 4]) func separatedClusters(seed: Int) throws {
    let X = Self.clusters([200, 150, 100, 20, 5])
    let detector = try fitted(
      "CBLOF", X, ["n_clusters": .int(5), "random_state": .int(seed)])
    let model = try detector.fittedModel()
    let found = Dictionary(uniqueKeysWithValues: model.fitted.map { ($0.name, $0.value) })
    #expect(found["n_clusters"] == 5)
    // 450 of 475 rows are more than 0.9 of them, and 100 rows are 5 times 20.
    #expect(found["n_large_clusters"] == 3)
    let ranges = [0..<200, 200..<350, 350..<450, 450..<470, 470..<475]
    let centres = ranges.prefix(3).map { Self.mean(X, $0) }
    for (row, score) in try scores(detector, X).enumerated() {
      let own = ranges.firstIndex { $0.contains(row) } ?? 0
      let expected =
        own < 3
        ? Self.distance(X.row(row), centres[own])
        : centres.map { Self.distance(X.row(row), $0) }.min() ?? 0
      #expect(abs(score - expected) <= 1e-9 * expected)
    }
    let weighted = try fitted(
      "CBLOF", X,
      ["n_clusters": .int(5), "random_state": .int(seed), "use_weights": .bool(true)])
    for (row, pair) in zip(try scores(weighted, X), try scores(detector, X)).enumerated() {
      let own = ranges.first { $0.contains(row) } ?? 0..<0
      #expect(abs(pair.0 - pair.1 * Double(own.count)) <= 1e-9 * pair.0)
    }
  }

  @Test func largeClusters() {
    // Both rules, the first number that fits both.
    #expect(CBLOF.largeCount([50, 45, 4, 1], rows: 100, alpha: 0.9, beta: 5) == 2)
    // Alpha alone: no step of sizes is large enough.
    #expect(CBLOF.largeCount([40, 30, 22, 8], rows: 100, alpha: 0.9, beta: 5) == 3)
    // Beta alone.
    #expect(CBLOF.largeCount([60, 10, 10, 10, 10], rows: 100, alpha: 0.95, beta: 5) == 1)
    // Neither: PyOD refuses, here all are large.
    #expect(CBLOF.largeCount([25, 25, 25, 25], rows: 100, alpha: 0.9, beta: 5) == 4)
    #expect(CBLOF.largeCount([7], rows: 7, alpha: 0.9, beta: 5) == 1)
  }

  @Test func fewDistinctRows() throws {
    let equal = Table(50, 3) { _, column in Double(column) }
    var detector = try fitted("CBLOF", equal)
    #expect(try detector.fittedModel().fitted[0].value == 1)
    #expect(try scores(detector, equal).allSatisfy { $0 == 0 })
    let three = Table(90, 1) { row, _ in Double(row % 3) * 7 }
    detector = try fitted("CBLOF", three)
    #expect(try detector.fittedModel().fitted[0].value == 3)
    #expect(try scores(detector, three).allSatisfy { $0 == 0 })
    let few = Table(4, 2) { row, column in Double(row * row + column) }
    detector = try fitted("CBLOF", few, ["n_clusters": .int(1000)])
    #expect(try detector.fittedModel().fitted[0].value == 4)
  }

  @Test func sameBitsForAnyThreads() throws {
    let X = Table.cloud(20_000, 5)
    let one = try fitted("CBLOF", X, threads: 1)
    let three = try fitted("CBLOF", X, threads: 3)
    #expect(try scores(one, X, threads: 1) == scores(three, X, threads: 2))
    let rowByRow = try (0..<20).map { row in
      try scores(one, Table(1, 5) { _, column in X.row(row)[column] })[0]
    }
    #expect(try rowByRow == Array(scores(one, X).prefix(20)))
  }

  /// Bounds leave rows alone only where nothing changes: the clusters are those of plain iterations.
  @Test(arguments: [3, 9, 20]) func everyRowIsInItsNearestCluster(clusters: Int) throws {
    let X = Table.cloud(3000, 4, seed: 5)
    let panels = try RowPanels(X.matrix, call: Call(threads: 1))
    let means = try KMeans(panels, clusters: clusters, seed: 1, call: Call(threads: 1))
    #expect(means.count == clusters)
    #expect(means.iterations > 3)
    var sizes = [Int](repeating: 0, count: clusters)
    var sums = [[Double]](repeating: [0, 0, 0, 0], count: clusters)
    var inertia = 0.0
    for row in 0..<X.rows {
      let distances = (0..<clusters).map { cluster in
        Self.distance(X.row(row), (0..<4).map { means.centres[4 * cluster + $0] })
      }
      let nearest = distances.indices.min { distances[$0] < distances[$1] } ?? 0
      sizes[nearest] += 1
      inertia += distances[nearest] * distances[nearest]
      for column in 0..<4 { sums[nearest][column] += X.row(row)[column] }
    }
    #expect(sizes == means.sizes)
    #expect(abs(inertia - means.inertia) < 1e-9 * inertia)
    // The centres are the means of their rows, but for the last step's tolerance.
    for cluster in 0..<clusters {
      for column in 0..<4 {
        let mean = sums[cluster][column] / Double(sizes[cluster])
        #expect(abs(mean - means.centres[4 * cluster + column]) < 0.03)
      }
    }
  }

  /// Fitting knows the scores of its rows: to the bit those that scoring gives.
  @Test(arguments: [1, 3], [false, true])
  func trainingScores(threads: Int, weighted: Bool) throws {
    for factor in [1.0, 1e150] {
      let tables = [Self.clusters([4000, 3000, 900, 30, 5]), Table.cloud(5000, 12)]
      for (index, plain) in tables.enumerated() {
        let X = Table(plain.rows, plain.columns) { row, column in plain.row(row)[column] * factor }
        let options =
          [
            "contamination": .double(0.1), "use_weights": .bool(weighted), "n_clusters": .int(5),
          ] as [String: OptionValue]
        let detector = try fitted("CBLOF", X, options, threads: threads)
        let expected = try scores(detector, X)
        #expect(detector.threshold == quantile(try Buffer(expected), 0.9))
        let large = try detector.fittedModel().fitted[1].value
        #expect(index == 1 || large < 5)
        let known = try modelOf(X, options, threads: threads).takeTrainingScores()
        #expect(try #require(known).elements == expected)
      }
    }
  }

  private func modelOf(
    _ X: Table, _ options: [String: OptionValue], threads: Int
  ) throws -> any Model {
    let detector = Detector(try Registry.find("CBLOF"))
    for (name, value) in options { try detector.set(name, value) }
    return try detector.detectorClass.fit(
      Training(try X.matrix), options: detector.options, previous: nil, call: Call(threads: threads))
  }

  /// A row so far out that single precision tells the others apart no more: the drawing goes on in doubles.
  @Test func farRows() throws {
    let X = Table(400, 3) { row, column in
      row == 399 ? 1e9 : Double(row % 5) + 1e-3 * Double(row % 7) * Double(column)
    }
    let detector = try fitted("CBLOF", X, ["n_clusters": .int(6)])
    #expect(try detector.fittedModel().fitted[0].value == 6)
    #expect(try scores(detector, X).prefix(399).allSatisfy { $0 < 0.02 })
  }

  @Test func extremeValues() throws {
    for factor in [1e-310, 1e-200, 1e200, 1e305] {
      let X = Self.clusters([40, 40, 3])
      let large = Table(X.rows, 2) { row, column in X.row(row)[column] * factor }
      let detector = try fitted("CBLOF", large, ["n_clusters": .int(3)])
      let found = try scores(detector, large)
      #expect(found.allSatisfy { $0.isFinite })
      #expect(found.suffix(3).allSatisfy { $0 > (found.prefix(80).max() ?? 0) })
      let sums = try shares(detector, large).map { $0.reduce(0, +) }
      for (sum, score) in zip(sums, found) { #expect(abs(sum - score) <= 1e-9 * score) }
    }
  }

  @Test func cancelling() throws {
    let X = Table.cloud(100_000, 8)
    let detector = Detector(try Registry.find("CBLOF"))
    #expect(throws: DetectionError.self) {
      try detector.fit(Training(try X.matrix), call: Call(threads: 2) { _, _ in false })
    }
    #expect(detector.model == nil)
  }

  #if arch(x86_64)
    @Test func buildsAgree() throws {
      let X = Table.cloud(803, 7)
      let panels = try RowPanels(X.matrix, call: Call(threads: 1))
      var results: [[Double]] = []
      for kernels in ck_has_x86_64_v3() != 0 ? [PanelKernels.baseline, .x86v3] : [.baseline] {
        let nearest = try Buffer<Int32>(count: 808)
        let distances = try Buffer<Double>(count: 808)
        kernels.nearestCentres(
          panels.values.base, 101, 7, panels.values.base, 6, nearest.base, distances.base)
        let sum = kernels.bringCloser(
          panels.values.base, 100, 7, panels.values.base, distances.base)
        let sums = try Buffer<Double>(count: 4)
        kernels.potentials(
          panels.values.base, 100, 7, panels.values.base, distances.base, sums.base)
        results.append(
          (0..<803).map { distances[$0] } + (0..<803).map { Double(nearest[$0]) } + [sum]
            + (0..<4).map { sums[$0] })
      }
      for result in results { #expect(result == results[0]) }
    }
  #endif

  /// The mean of equal rows may differ from them by rounding, which is no distance.
  @Test func equalRowsAreAtTheirCentre() throws {
    let points = [[0.1, 1e9 / 3], [1.0 / 3, -0.7], [123.456, 1e-7 / 3]]
    let X = Table(999, 2) { row, column in points[row % 3][column] }
    let detector = try fitted("CBLOF", X, ["n_clusters": .int(3)])
    #expect(try scores(detector, X).allSatisfy { $0 == 0 })
    #expect(try shares(detector, X).allSatisfy { $0 == [0, 0] })
    // A difference beyond rounding on a feature that is small beside another.
    let near = Table(1, 2) { _, column in column == 0 ? 0.1 + 1e-3 : 1e9 / 3 }
    #expect(abs(try scores(detector, near)[0] - 1e-3) < 1e-6)
  }
}
