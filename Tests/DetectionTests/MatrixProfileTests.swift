import CKernels
import Testing

@testable import Detection

struct MatrixProfileTests {
  private static func walk(_ rows: Int, channels: Int = 1, seed: UInt64 = 1) -> Table {
    var random = Random(seed: seed, stream: 0)
    var level = [Double](repeating: 0, count: channels)
    return Table(rows, channels) { _, channel in
      level[channel] += random.normal()
      return level[channel]
    }
  }

  /// The distance of two windows by the definition.
  private static func distance(_ a: [Double], _ b: [Double], normalized: Bool) -> Double {
    func normal(_ x: [Double]) -> [Double] {
      guard normalized else { return x }
      let mean = x.reduce(0, +) / Double(x.count)
      let spread = (x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)).squareRoot()
      return x.map { (x.max() ?? 0) > (x.min() ?? 0) ? ($0 - mean) / spread : 0 }
    }
    return zip(normal(a), normal(b)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  private static func windows(_ X: Table, _ channel: Int, _ window: Int) -> [[Double]] {
    let values = (0..<X.rows).map { X.row($0)[channel] }
    return (0...(X.rows - window)).map { Array(values[$0..<($0 + window)]) }
  }

  /// The mean of the channels' distances to the nearest of the windows that are allowed.
  private static func profile(
    _ X: Table, _ Y: Table, window: Int, normalized: Bool, exclusion: Int
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: X.rows - window + 1)
    for channel in 0..<X.columns {
      let (own, others) = (windows(X, channel, window), windows(Y, channel, window))
      for i in own.indices {
        let least = others.indices.filter { abs($0 - i) > exclusion }.map {
          distance(own[i], others[$0], normalized: normalized)
        }.min()
        sums[i] += (least ?? .infinity) / Double(X.columns)
      }
    }
    return sums
  }

  private static func close(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-7) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
  }

  @Test(arguments: [true, false], [(200, 7), (150, 32), (90, 3)])
  func selfJoinIsTheDefinition(normalized: Bool, size: (rows: Int, window: Int)) throws {
    let X = Self.walk(size.rows, channels: 2)
    let options: [String: OptionValue] = [
      "window": .int(size.window), "normalize": .bool(normalized), "row_score": .string("last"),
    ]
    let found = try scores(try fitted("MatrixProfile", X, options), X)
    let expected = Self.profile(
      X, X, window: size.window, normalized: normalized, exclusion: (size.window + 3) / 4)
    #expect(Self.close(Array(found.dropFirst(size.window - 1)), expected))
    #expect(found.prefix(size.window - 1).allSatisfy { $0 == 0 })
  }

  @Test(arguments: [true, false]) func newSeriesAreJoined(normalized: Bool) throws {
    let options: [String: OptionValue] = [
      "window": .int(9), "normalize": .bool(normalized), "row_score": .string("last"),
    ]
    let training = Self.walk(130)
    let detector = try fitted("MatrixProfile", training, options)
    for rows in [9, 10, 40, 300] {
      let X = Self.walk(rows, seed: 2)
      let expected = Self.profile(
        X, training, window: 9, normalized: normalized, exclusion: -1)
      #expect(Self.close(Array(try scores(detector, X).dropFirst(8)), expected))
    }
    #expect(throws: DetectionError.self) { try scores(detector, Self.walk(8, seed: 2)) }
    #expect(try scores(detector, Table(0, 1) { _, _ in 0 }).isEmpty)
  }

  @Test func rowsScoreAsTheWorstOfTheirWindows() throws {
    let X = Self.walk(120)
    let last = try scores(
      try fitted("MatrixProfile", X, ["window": .int(10), "row_score": .string("last")]), X)
    let found = try scores(try fitted("MatrixProfile", X, ["window": .int(10)]), X)
    for row in 0..<120 {
      let ends = max(9, row)...min(119, row + 9)
      #expect(found[row] == ends.map { last[$0] }.max())
    }
  }

  @Test func piecesOfTheTrainingSeries() throws {
    let X = Self.walk(200)
    let piece = Table(30, 1) { row, _ in X.row(row + 55)[0] }
    let detector = try fitted("MatrixProfile", X, ["window": .int(12)])
    #expect(try scores(detector, piece) == Array(scores(detector, X)[55..<85]))
    let new = try fitted("MatrixProfile", X, ["window": .int(12), "novelty": .bool(true)])
    #expect(try scores(new, piece).allSatisfy { $0 < 1e-6 })
  }

  @Test func discordsDoNotOverlap() throws {
    var random = Random(seed: 4, stream: 0)
    let X = Table(800, 1) { row, _ in
      let strange = (300..<320).contains(row) || (600..<620).contains(row)
      return (strange ? 2 * random.unit() - 1 : 0)
        + [0, 0.7, 1, 0.7, 0, -0.7, -1, -0.7][row % 8] + 0.01 * random.normal()
    }
    let detector = try fitted("MatrixProfile", X, ["window": .int(16), "n_discords": .int(5)])
    guard let model = try detector.fittedModel() as? MatrixProfileModel else {
      Issue.record("no profile")
      return
    }
    let starts = model.discords.map(\.window)
    #expect(starts.count == 5)
    #expect(starts.prefix(2).contains { (285..<320).contains($0) })
    #expect(starts.prefix(2).contains { (585..<620).contains($0) })
    for (place, start) in starts.enumerated() {
      #expect(starts.prefix(place).allSatisfy { abs($0 - start) >= 16 })
    }
    let scores = model.discords.map(\.distance)
    #expect(scores == scores.sorted(by: >))
    #expect(model.fitted.first { $0.name == "discord_0" }?.value == Double(starts[0]))
    // A series has no room for more.
    let short = Self.walk(30)
    let few = try fitted("MatrixProfile", short, ["window": .int(10), "n_discords": .int(100)])
    #expect(try few.fittedModel().fitted.first { $0.name == "n_discords" }?.value ?? 0 <= 3)
  }

  @Test func constantWindows() throws {
    var random = Random(seed: 3, stream: 0)
    // One stretch: constant windows whose only like ones are in the exclusion zone, and two stretches.
    let one = Table(80, 1) { row, _ in (20..<31).contains(row) ? 5 : random.normal() }
    let options: [String: OptionValue] = ["window": .int(10), "row_score": .string("last")]
    var found = try scores(try fitted("MatrixProfile", one, options), one).dropFirst(9)
    #expect(abs(found[found.startIndex + 20] - 10.0.squareRoot()) < 1e-12)
    let two = Table(80, 1) { row, _ in
      (20..<32).contains(row) ? 5 : (50..<62).contains(row) ? -3 : random.normal()
    }
    found = try scores(try fitted("MatrixProfile", two, options), two).dropFirst(9)
    #expect(found[found.startIndex + 21] == 0)
    #expect(found[found.startIndex + 51] == 0)
    #expect(found.allSatisfy { $0 <= 10.0.squareRoot() + 1e-12 })
    let flat = Table(40, 2) { _, _ in 1e300 }
    #expect(try scores(try fitted("MatrixProfile", flat), flat).allSatisfy { $0 == 0 })
  }

  /// A spike that is ten million times as high spoils no windows but those that it is part of.
  @Test(arguments: [true, false], [20, 150, 290]) func spikesDoNotCancel(normalized: Bool, place: Int)
    throws
  {
    let window = 8
    let X = Self.walk(300)
    let spiked = Table(300, 1) { row, _ in X.row(row)[0] + (row == place ? 1e7 : 0) }
    let found = try scores(
      try fitted(
        "MatrixProfile", spiked,
        [
          "window": .int(window), "normalize": .bool(normalized), "row_score": .string("last"),
        ]), spiked)
    let expected = Self.profile(
      spiked, spiked, window: window, normalized: normalized, exclusion: 2)
    for start in expected.indices where !(start..<(start + window)).contains(place) {
      #expect(abs(found[start + window - 1] - expected[start]) <= 1e-6 * expected[start])
    }
  }

  /// One value out of a broken sensor: all windows without it have the distances they have when it is not there.
  @Test(arguments: [1e9, 1e12, 1e15], [20, 640]) func aGlitchSpoilsNoOtherWindow(height: Double, place: Int)
    throws
  {
    var random = Random(seed: 12, stream: 0)
    let X = Table(1000, 1) { row, _ in
      [0, 0.7, 1, 0.7, 0, -0.7, -1, -0.7][row % 8] + 0.1 * random.normal()
    }
    // Another value there, so that both have the same windows to be compared with.
    let other = Table(1000, 1) { row, _ in X.row(row)[0] + (row == place ? 1e4 : 0) }
    let glitch = Table(1000, 1) { row, _ in X.row(row)[0] + (row == place ? height : 0) }
    for normalized in [true, false] {
      let options: [String: OptionValue] = [
        "window": .int(16), "normalize": .bool(normalized), "row_score": .string("last"),
      ]
      let expected = try scores(try fitted("MatrixProfile", other, options), other)
      let found = try scores(try fitted("MatrixProfile", glitch, options), glitch)
      for row in 15..<1000 where !(place..<(place + 16)).contains(row) {
        #expect(abs(found[row] - expected[row]) <= 1e-6 * expected[row], "row \(row)")
      }
    }
  }

  /// Discords, and where pieces stand, do not take the square of the rows.
  @Test func discordsAreTheGreatestThatDoNotOverlap() throws {
    for (rows, window, count) in [(300, 3, 1000), (200, 20, 4), (90, 8, 3)] {
      let X = Table(rows, 1) { row, _ in Double((row * row * 7) % 13) + (row % 50 == 0 ? 5 : 0) }
      let options: [String: OptionValue] = [
        "window": .int(window), "n_discords": .int(count), "row_score": .string("last"),
      ]
      let detector = try fitted("MatrixProfile", X, options)
      let profile = try scores(detector, X).dropFirst(window - 1).map { $0 }
      var expected: [Int] = []
      while expected.count < count {
        let free = profile.indices.filter { place in
          expected.allSatisfy { abs($0 - place) >= window }
        }
        guard
          let best = free.max(by: { profile[$0] < profile[$1] || (profile[$0] == profile[$1] && $0 > $1) })
        else { break }
        expected.append(best)
      }
      let model = try #require(try detector.fittedModel() as? MatrixProfileModel)
      #expect(model.discords.map(\.window) == expected)
    }
  }

  @Test func placesOfPieces() throws {
    // Beginnings that repeat.
    let X = Table(4000, 2) { row, _ in row % 100 == 99 ? Double(row) : Double(row % 3 / 2) }
    let series = try TrainingSeries(X.matrix)
    func place(_ piece: Table) throws -> Int? {
      try withExtendedLifetime(piece) { try series.place(of: piece.matrix) }
    }
    for (first, rows) in [(0, 4000), (0, 1), (99, 1), (100, 900), (98, 3), (3999, 1), (1200, 2800)] {
      #expect(try place(Table(rows, 2) { row, column in X.row(first + row)[column] }) == first)
    }
    // The first of several.
    #expect(try place(Table(20, 2) { row, _ in Double(row % 3 / 2) }) == 0)
    #expect(try place(Table(99, 2) { row, _ in Double(row % 3 / 2) }) == 0)
    #expect(try place(Table(100, 2) { row, _ in Double(row % 3 / 2) }) == nil)
    #expect(try place(Table(4001, 2) { _, _ in 0 }) == nil)
    #expect(try place(Table(1, 2) { _, column in Double(column) }) == nil)
  }

  @Test func anErrorNamesTheOptionThatIsTooLarge() throws {
    for (options, name) in [
      (["exclusion_zone": .int(1 << 31)], "exclusion_zone"),
      (["window": .int(8), "exclusion_zone": .int(100)], "exclusion_zone"),
      (["window": .int(300)], "window"),
      (["window": .int(300), "exclusion_zone": .int(1)], "window"),
    ] as [([String: OptionValue], String)] {
      do {
        _ = try fitted("MatrixProfile", Self.walk(100), options)
        Issue.record("it was taken")
      } catch let error as DetectionError {
        #expect(error.message.hasPrefix("option \(name):"), "\(error.message)")
      }
    }
  }

  @Test func shortSeriesAreRefused() throws {
    for (rows, options) in [
      (5, [:]), (1, [:]), (40, ["window": .int(41)]), (40, ["window": .int(30)]),
      (40, ["window": .int(10), "exclusion_zone": .int(20)]),
    ] as [(Int, [String: OptionValue])] {
      #expect(throws: DetectionError.self) {
        try fitted("MatrixProfile", Self.walk(rows), options)
      }
    }
    // The shortest ones that will do.
    for (rows, options) in [
      (6, [:]), (25, ["window": .int(16)]), (51, ["window": .int(10), "exclusion_zone": .int(20)]),
    ] as [(Int, [String: OptionValue])] {
      let X = Self.walk(rows)
      let found = try scores(try fitted("MatrixProfile", X, options), X)
      #expect(found.allSatisfy { $0.isFinite })
    }
  }

  @Test func theWindowIsThePeriod() throws {
    let cycle = [0.0, 0.2, 1, 3, 1.5, 0.5, -0.5, -2, -1, -0.5, 0, 0.3, 0.1]
    var random = Random(seed: 6, stream: 0)
    let X = Table(600, 1) { row, _ in cycle[row % 13] + 0.05 * random.normal() }
    let model = try fitted("MatrixProfile", X).fittedModel()
    let window = Int(model.fitted.first { $0.name == "window" }?.value ?? 0)
    #expect(window % 13 == 0 && window > 0)
  }

  @Test(arguments: [true, false]) func sameBitsForAnyThreads(normalized: Bool) throws {
    let X = Self.walk(6000)
    let options: [String: OptionValue] = ["window": .int(40), "normalize": .bool(normalized)]
    let one = try fitted("MatrixProfile", X, options, threads: 1)
    let three = try fitted("MatrixProfile", X, options, threads: 3)
    #expect(try scores(one, X) == scores(three, X))
    let new = Self.walk(3000, seed: 9)
    #expect(try scores(one, new, threads: 1) == scores(three, new, threads: 3))
  }

  @Test func sharesAreChannels() throws {
    let X = Self.walk(100, channels: 3)
    let detector = try fitted("MatrixProfile", X, ["window": .int(8)])
    for Y in [X, Self.walk(50, channels: 3, seed: 8)] {
      for (own, score) in zip(try shares(detector, Y), try scores(detector, Y)) {
        #expect(abs(own.reduce(0, +) - score) <= 1e-12 * score)
        #expect(own.allSatisfy { $0 >= 0 })
      }
    }
  }

  @Test func cancelling() throws {
    let X = Self.walk(60_000)
    let detector = Detector(try Registry.find("MatrixProfile"))
    let start = threadNanoseconds()
    #expect(throws: DetectionError.self) {
      try detector.fit(Training(try X.matrix), call: Call(threads: 1) { _, _ in false })
    }
    // Of a join of 1.8e9 pairs only the first pieces are done.
    #expect(detector.model == nil && threadNanoseconds() > start)
  }

  #if arch(x86_64)
    @Test(arguments: [true, false]) func buildsAgree(normalized: Bool) throws {
      let X = Self.walk(300)
      let frame = ProfiledSeries.Frame(try X.matrix, column: 0)
      let windows = try ProfiledSeries(
        X.matrix, column: 0, frame: frame, window: 20, normalized: normalized)
      var results: [[Double]] = []
      for kernels in ck_has_x86_64_v3() != 0 ? [SeriesKernels.baseline, .x86v3] : [.baseline] {
        let rows = try Buffer<Double>(count: 4 * 300, zeroed: false)
        let columns = try Buffer<Double>(count: 300, zeroed: false)
        let scratch = try Buffer<Double>(count: 16 * 20)
        rows.base.update(repeating: -.infinity, count: 1200)
        columns.base.update(repeating: -.infinity, count: 300)
        var series = windows.series
        withUnsafePointer(to: &series) { series in
          var join = ck_join(
            a: series, b: series, first: 0, rows: 270, column: 11, window: 20,
            row_best: rows.base, column_best: columns.base, scratch: scratch.base)
          if normalized { kernels.correlate(&join) } else { kernels.measure(&join) }
        }
        let best = try Buffer<Double>(count: 270, zeroed: false)
        best.base.update(repeating: -.infinity, count: 270)
        kernels.takeRowBest(rows.base, 270, best.base)
        results.append((0..<270).map { best[$0] } + (0..<281).map { columns[$0] })
      }
      for result in results { #expect(result == results[0]) }
      #expect(results[0].prefix(270).allSatisfy { $0.isFinite })
    }
  #endif
}
