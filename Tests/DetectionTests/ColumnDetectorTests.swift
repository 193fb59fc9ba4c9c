import Testing

@testable import Detection

/// What holds for every detector that looks at columns, or projections, one at a time.
struct ColumnDetectorTests {
  struct Variant: CustomTestStringConvertible, Sendable {
    let name: String
    var options: [String: OptionValue] = [:]
    var testDescription: String { "\(name) \(options)" }
  }

  static let variants: [Variant] = [
    Variant(name: "COPOD"),
    Variant(name: "ECOD"),
    Variant(name: "HBOS"),
    Variant(name: "HBOS", options: ["n_bins": .string("auto"), "closed": .string("right")]),
    Variant(name: "LODA"),
    Variant(name: "LODA", options: ["n_bins": .string("auto"), "n_random_cuts": .int(20)]),
    Variant(name: "MAD"),
  ]

  @Test(arguments: variants) func farRowsScoreHighest(variant: Variant) throws {
    let X = Table.cloud(3000, 4)
    let found = try scores(try fitted(variant.name, X, variant.options), X)
    let order = found.indices.sorted { found[$0] > found[$1] }
    #expect(Set(order.prefix(5)) == Set(2995..<3000))
  }

  /// Neither do the order of the rows and the way they lie in memory.
  @Test(arguments: variants) func threadsChangeNothing(variant: Variant) throws {
    let X = Table.cloud(9000, 7)
    let expected = try scores(try fitted(variant.name, X, variant.options), X)
    let four = try fitted(variant.name, X, variant.options, threads: 4)
    #expect(try scores(four, X, threads: 3) == expected)
    let reversed = Table(9000, 7) { row, column in X.values[(8999 - row) * 7 + column] }
    let other = try fitted(variant.name, reversed, variant.options, threads: 3)
    #expect(try scores(other, X) == expected)
  }

  @Test(arguments: variants) func oneRowScoresAsAmongMany(variant: Variant) throws {
    let X = Table.cloud(600, 21)
    let detector = try fitted(variant.name, X, variant.options)
    let all = try scores(detector, X)
    for row in [0, 1, 299, 599] {
      let single = Table(1, 21) { _, column in X.values[row * 21 + column] }
      #expect(try scores(detector, single) == [all[row]])
    }
  }

  @Test(arguments: variants) func sharesSumToTheScore(variant: Variant) throws {
    let X = Table.cloud(300, 4)
    let detector = try fitted(variant.name, X, variant.options)
    let all = try shares(detector, X, threads: 2)
    for (row, score) in try scores(detector, X).enumerated() {
      #expect(all[row].allSatisfy { $0 >= 0 })
      #expect(abs(all[row].reduce(0, +) - score) < 1e-12 * max(1, score))
    }
  }

  @Test(arguments: variants) func theResponsibleFeatureHasTheLargestShare(variant: Variant) throws {
    var random = Random(seed: 2, stream: 0)
    let X = Table(1000, 6) { row, column in random.normal() + (row == 0 && column == 4 ? 12 : 0) }
    let own = try shares(try fitted(variant.name, X, variant.options), X)[0]
    #expect(own.max() == own[4])
  }

  @Test(arguments: variants) func contaminationSetsTheThresholdAtItsQuantile(variant: Variant) throws {
    let X = Table.cloud(1000, 3)
    var options = variant.options
    for share in [nil, 0.05] {
      if let share { options["contamination"] = .double(share) }
      let detector = try fitted(variant.name, X, options)
      let sorted = try scores(detector, X).sorted()
      if share == nil, variant.name == "MAD" {
        #expect(detector.threshold == 3.5)
        continue
      }
      let position = (1 - (share ?? 0.1)) * 999
      let rank = Int(position)
      let expected = sorted[rank] + (sorted[rank + 1] - sorted[rank]) * (position - Double(rank))
      #expect(abs(detector.threshold - expected) < 1e-12)
    }
  }

  @Test(arguments: variants) func aModelComesBackAsItWas(variant: Variant) throws {
    let X = Table.cloud(500, 3)
    let saved = try fitted(variant.name, X, variant.options)
    try saved.setFeatureNames(["a", "größe", "c"])
    let bytes = try ModelFile.bytes(of: saved)
    let loaded = try bytes.withUnsafeBytes { try ModelFile.detector(from: $0) }
    #expect(try scores(loaded, X) == scores(saved, X))
    #expect(try shares(loaded, X) == shares(saved, X))
    #expect(loaded.threshold == saved.threshold)
    #expect(loaded.featureNames == ["a", "größe", "c"])
    for (name, value) in try #require(saved.model).fitted {
      #expect(loaded.model?.fitted.first { $0.name == name }?.value == value)
    }
    #expect(try ModelFile.bytes(of: loaded) == bytes)
  }

  /// With the checksum made right again, so that what lies behind it must look after itself.
  @Test(arguments: variants) func damagedBytesAreRefusedOrHarmless(variant: Variant) throws {
    let X = Table.cloud(30, 3)
    var options = variant.options
    if variant.name == "LODA" { options["n_random_cuts"] = .int(3) }
    let bytes = try ModelFile.bytes(of: try fitted(variant.name, X, options))
    for index in bytes.indices {
      for mask: UInt8 in [0x01, 0x80, 0xff] {
        var damaged = bytes
        damaged[index] ^= mask
        let crc = crc32c(damaged.dropLast(4))
        for byte in 0..<4 {
          damaged[damaged.count - 4 + byte] = UInt8(truncatingIfNeeded: crc >> (8 * UInt32(byte)))
        }
        let found = try? damaged.withUnsafeBytes { try ModelFile.detector(from: $0) }
        guard let found, found.model?.featureCount == 3 else { continue }
        #expect(try scores(found, X).allSatisfy { $0.isFinite })
        _ = try shares(found, X)
      }
    }
  }

  /// Constant columns, all rows equal, one row, more columns than rows, the largest and least numbers.
  @Test(arguments: variants) func oddDataHaveFiniteScores(variant: Variant) throws {
    let huge = Double.greatestFiniteMagnitude
    let tables = [
      Table(50, 3) { row, column in column == 1 ? 7 : Double(row * 7919 % 50) },
      Table(40, 2) { _, _ in -3 },
      Table(1, 1) { _, _ in 5 },
      Table(2, 1) { row, _ in Double(row) },
      Table(5, 60) { row, column in Double(row * column % 7) },
      Table(30, 2) { row, _ in [huge, -huge, 0, 1, -1][row % 5] },
      Table(30, 2) { row, _ in Double.leastNonzeroMagnitude * Double(row % 4) },
      Table(30, 2) { row, _ in 1e18 + Double(row % 2) * 128 },
      Table(30, 2) { _, _ in 1e18 },
      Table(30, 2) { row, _ in row % 2 == 0 ? 0.0 : -0.0 },
      Table(3, 1) { row, _ in [huge, huge, -huge][row] },
    ]
    for X in tables {
      let detector = try fitted(variant.name, X, variant.options, threads: 2)
      let far = Table(6, X.columns) { row, _ in [huge, -huge, 0, 1e-320, 1e18, -1][row] }
      for rows in [X, far] {
        let found = try scores(detector, rows)
        #expect(found.allSatisfy { $0.isFinite })
        for (score, own) in zip(found, try shares(detector, rows)) {
          #expect(abs(own.reduce(0, +) - score) <= 1e-12 * max(1, score.magnitude))
        }
      }
      #expect(detector.threshold.isFinite)
    }
  }

  @Test(arguments: variants) func singlePrecisionScoresAsItsDoubles(variant: Variant) throws {
    let X = Table.cloud(400, 5)
    let floats = try Buffer<Float>(count: 2000)
    for index in 0..<2000 {
      floats[index] = Float(X.values[index])
      X.values[index] = Double(floats[index])
    }
    // By columns: the other way to lie in memory.
    let byColumns = try Buffer<Float>(count: 2000)
    for index in 0..<2000 { byColumns[index % 5 * 400 + index / 5] = floats[index] }
    let expected = try scores(try fitted(variant.name, X, variant.options), X)
    for (base, rowStride, columnStride) in [(floats, 20, 4), (byColumns, 4, 1600)] {
      let matrix = try Matrix(
        base: base.base, element: .float32, rows: 400, columns: 5, rowStride: rowStride,
        columnStride: columnStride)
      let detector = Detector(try Registry.find(variant.name))
      for (name, value) in variant.options { try detector.set(name, value) }
      try detector.fit(Training(matrix), call: Call(threads: 1))
      let found = try Buffer<Double>(count: 400)
      try detector.score(matrix, call: Call(threads: 1), into: found.base)
      #expect((0..<400).map { found[$0] } == expected)
    }
  }

  @Test(arguments: variants) func valuesThatAreNotFiniteAreRefused(variant: Variant) throws {
    for value in [Double.nan, .infinity, -.infinity] {
      let X = Table.cloud(700, 3)
      let detector = try fitted(variant.name, X, variant.options)
      X.values[611 * 3 + 2] = value
      for action in [
        { try fitted(variant.name, X, variant.options, threads: 2) as Any },
        { try scores(detector, X, threads: 2) as Any },
      ] {
        let error = #expect(throws: DetectionError.self) { try action() }
        #expect(error?.status == .invalidData)
        #expect(error?.row == 611)
        #expect(error?.column == 2)
      }
    }
  }

  @Test(arguments: variants) func cancellingLeavesTheEarlierModel(variant: Variant) throws {
    let X = Table.cloud(3000, 3)
    let detector = try fitted(variant.name, X, variant.options)
    let before = try scores(detector, X)
    let other = Table.cloud(3000, 3, seed: 5)
    let error = #expect(throws: DetectionError.self) {
      try detector.fit(
        Training(try other.matrix), call: Call(threads: 2, progress: { _, _ in false }))
    }
    #expect(error?.status == .cancelled)
    #expect(try scores(detector, X) == before)
  }
}
