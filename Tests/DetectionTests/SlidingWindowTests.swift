import Testing

@testable import Detection

struct SlidingWindowTests {
  private static func series(_ rows: Int, _ channels: Int, seed: UInt64 = 3) -> Table {
    var random = Random(seed: seed, stream: 0)
    return Table(rows, channels) { row, channel in
      Double((row * (channel + 2)) % 17) + random.normal() * 0.2 + (row == rows / 2 ? 9 : 0)
    }
  }

  private func embedding(_ X: Table, _ window: Int, stride: Int = 1) -> Table {
    Table((X.rows - window) / stride + 1, window * X.columns) { row, column in
      X.values[(row * stride + column / X.columns) * X.columns + column % X.columns]
    }
  }

  /// Of the windows that hold each row, spelt out.
  private func spread(_ windows: [Double], _ window: Int, _ aggregation: String) -> [Double] {
    (0..<windows.count + window - 1).map { row in
      let own = (max(0, row - window + 1)...min(row, windows.count - 1)).map { windows[$0] }
      switch aggregation {
      case "last": return windows[max(0, row - window + 1)]
      case "maximum": return own.max()!
      default: return own.reduce(0, +) / Double(own.count)
      }
    }
  }

  private func fit(
    _ X: Table, _ window: Int, _ options: [String: OptionValue] = [:], threads: Int = 1
  ) throws -> Detector {
    let all: [String: OptionValue] = [
      "detector": .string("KNN(n_neighbors=3, novelty=true)"), "window": .int(window),
    ]
    return try fitted("SlidingWindow", X, all.merging(options) { $1 }, threads: threads)
  }

  private func close(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-12 * max(1, abs($1)) }
  }

  @Test(arguments: ["last", "mean", "maximum"], [1, 2, 5, 16, 39, 40])
  func scoresAreThoseOfTheWindowsThatHoldARow(aggregation: String, window: Int) throws {
    let X = Self.series(40, 2)
    let Y = Self.series(40, 2, seed: 8)
    if window > 39 {
      // A single window has no neighbours.
      let error = #expect(throws: DetectionError.self) { try fit(X, window) }
      #expect(error?.message.hasPrefix("KNN on 1 windows: ") == true, "\(error?.message ?? "")")
      return
    }
    let detector = try fit(X, window, ["aggregation": .string(aggregation)])
    let inner = try fitted(
      "KNN", embedding(X, window), ["n_neighbors": .int(3), "novelty": .bool(true)])
    let expected = spread(try scores(inner, embedding(Y, window)), window, aggregation)
    #expect(close(try scores(detector, Y), expected))
    #expect(try scores(detector, Y, threads: 3) == scores(detector, Y))
    let long = Self.series(300, 2, seed: 8)
    let many = spread(try scores(inner, embedding(long, window)), window, aggregation)
    #expect(close(try scores(detector, long), many))
  }

  /// The same numbers in other layouts give the same bits, and windows are copied only where they must be.
  @Test func layouts() throws {
    let X = Self.series(60, 2)
    let detector = try fit(X, 4)
    let expected = try scores(detector, X)
    let shape = try #require((detector.model as? SlidingWindowModel)?.shape)
    #expect(try SeriesWindows(X.matrix, shape, nanAllowed: false).isView)

    let turned = Table(2, 60) { column, row in X.values[row * 2 + column] }
    let columns = try Matrix(
      base: turned.values, element: .float64, rows: 60, columns: 2, rowStride: 8, columnStride: 480)
    #expect(try !SeriesWindows(columns, shape, nanAllowed: false).isView)
    let found = try Buffer<Double>(count: 60)
    try detector.score(columns, call: Call(threads: 1), into: found.base)
    #expect((0..<60).map { found[$0] } == expected)

    // One column of several: every second number.
    let one = Table(60, 1) { row, _ in X.values[row * 2] }
    let single = try fit(one, 4)
    let strided = try Matrix(
      base: X.values, element: .float64, rows: 60, columns: 1, rowStride: 16, columnStride: 8)
    let narrow = try #require((single.model as? SlidingWindowModel)?.shape)
    #expect(try SeriesWindows(strided, narrow, nanAllowed: false).isView)
    try single.score(strided, call: Call(threads: 1), into: found.base)
    #expect(try (0..<60).map { found[$0] } == scores(single, one))
  }

  @Test func strideThinsWhatIsLearntFrom() throws {
    let X = Self.series(61, 2)
    let detector = try fit(X, 5, ["stride": .int(3)])
    let inner = try fitted(
      "KNN", embedding(X, 5, stride: 3), ["n_neighbors": .int(3), "novelty": .bool(true)])
    #expect(inner.model?.fitted.first { $0.name == "n_samples" }?.value == 19)
    #expect(close(try scores(detector, X), spread(try scores(inner, embedding(X, 5)), 5, "last")))
  }

  /// KNN leaves a training row out of its own neighbours; the series' threshold goes by those scores.
  @Test func theThresholdIsTheQuantileOfTheTrainingScores() throws {
    let X = Self.series(80, 1)
    for aggregation in ["last", "mean", "maximum"] {
      let detector = try fit(
        X, 4,
        [
          "detector": .string("KNN"), "aggregation": .string(aggregation),
          "contamination": .double(0.25),
        ])
      let sorted = try scores(detector, X).sorted()
      #expect(abs(detector.threshold - (sorted[59] + (sorted[60] - sorted[59]) * 0.25)) < 1e-12)
    }
  }

  @Test func standardizedWindowsDifferByShapeAlone() throws {
    let X = Self.series(80, 2)
    let detector = try fit(X, 6, ["standardize": .bool(true)])
    let moved = Table(80, 2) { row, column in X.values[row * 2 + column] * 4 - 256 }
    #expect(
      zip(try scores(detector, moved), try scores(detector, X)).allSatisfy { abs($0 - $1) < 1e-9 })
    // By hand: windows less their means, by their deviations, column by column.
    let windows = embedding(X, 6)
    for row in 0..<windows.rows {
      for column in 0..<2 {
        let own = (0..<6).map { windows.values[row * 12 + $0 * 2 + column] }
        let mean = own.reduce(0, +) / 6
        let deviation = (own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 6).squareRoot()
        for lag in 0..<6 { windows.values[row * 12 + lag * 2 + column] = (own[lag] - mean) / deviation }
      }
    }
    let inner = try fitted("KNN", windows, ["n_neighbors": .int(3), "novelty": .bool(true)])
    let expected = spread(try scores(inner, windows), 6, "last")
    #expect(zip(try scores(detector, X), expected).allSatisfy { abs($0 - $1) < 1e-9 })
    let flat = Table(40, 1) { _, _ in 0.1 }
    #expect(try scores(fit(flat, 6, ["standardize": .bool(true)]), flat).allSatisfy { $0 == 0 })
  }

  @Test(arguments: ["last", "mean", "maximum"])
  func sharesAreFoldedToTheColumns(aggregation: String) throws {
    let X = Self.series(50, 3)
    let detector = try fit(X, 4, ["aggregation": .string(aggregation)])
    let inner = try fitted(
      "KNN", embedding(X, 4), ["n_neighbors": .int(3), "novelty": .bool(true)])
    let windowScores = try scores(inner, embedding(X, 4))
    let windowShares = try shares(inner, embedding(X, 4)).map { row in
      (0..<3).map { column in (0..<4).reduce(0) { $0 + row[$1 * 3 + column] } }
    }
    for (row, found) in try shares(detector, X).enumerated() {
      let own = Array(max(0, row - 3)...min(row, windowScores.count - 1))
      for column in 0..<3 {
        let expected: Double
        switch aggregation {
        case "last": expected = windowShares[max(0, row - 3)][column]
        case "maximum":
          expected = windowShares[own.max { windowScores[$0] < windowScores[$1] }!][column]
        default: expected = own.reduce(0) { $0 + windowShares[$1][column] } / Double(own.count)
        }
        #expect(abs(found[column] - expected) < 1e-9)
      }
    }
  }

  @Test func badInput() throws {
    let X = Self.series(20, 2)
    func message(_ body: () throws -> Void) -> String {
      do {
        try body()
        return "no error"
      } catch {
        return (error as? DetectionError)?.message ?? "another error"
      }
    }
    #expect(
      message { _ = try fit(X, 21) } == "the series has 20 rows, fewer than the 21 of a window")
    let detector = try fit(X, 5)
    #expect(
      message { _ = try scores(detector, Self.series(4, 2)) }
        == "the series has 4 rows, fewer than the 5 of a window")
    #expect(try scores(detector, Table(0, 2) { _, _ in 0 }) == [])
    for inner in ["SlidingWindow", "Ensemble(detectors=[KNN, SlidingWindow])"] {
      let told = message { _ = try fit(X, 5, ["detector": .string(inner)]) }
      #expect(told.contains("reads a series itself"), "\(told)")
    }
    X.values[2 * 13 + 1] = .nan
    for body in [{ _ = try fit(X, 5) }, { _ = try scores(detector, X) }] as [() throws -> Void] {
      let error = #expect(throws: DetectionError.self) { try body() }
      #expect(error?.row == 13)
      #expect(error?.column == 1)
    }
    // What only the inner detector refuses is found in the series, too.
    X.values[2 * 13 + 1] = 1e200
    let error = #expect(throws: DetectionError.self) { try fit(X, 5) }
    #expect(error?.message.hasPrefix("KNN on 16 windows: ") == true)
    #expect(error?.row == 13)
    #expect(error?.column == 1)
  }

  @Test func aSeriesWithinAnEnsemble() throws {
    let X = Self.series(60, 2)
    let detector = try fitted(
      "Ensemble", X, ["detectors": .string("[KNN, SlidingWindow(detector=KNN, window=4)]")])
    #expect(detector.readsSeries)
    #expect(try !fitted("Ensemble", X, ["detectors": .string("[KNN, PCA]")]).readsSeries)
    let found = try scores(detector, X)
    for (row, parts) in try shares(detector, X).enumerated() {
      #expect(abs(parts.reduce(0, +) - found[row]) < 1e-9)
    }
  }

  @Test func goesOnWithItsDetector() throws {
    #expect([nil, RunningMean.taken].contains(Registry.add([RunningMean()])))
    let X = Self.series(60, 2)
    let detector = Detector(try Registry.find("SlidingWindow"))
    try detector.set("detector", .string("RunningMean"))
    try detector.partialFit(Training(try X.matrix.slice(0..<20)), call: Call(threads: 1))
    try detector.set("window", .int(3))  // waits for the next fit
    try detector.partialFit(Training(try X.matrix.slice(20..<60)), call: Call(threads: 1))
    let inner = (detector.model as? SlidingWindowModel)?.detector.model as? RunningMeanModel
    #expect(inner?.rows == 11 + 31)
  }
}
