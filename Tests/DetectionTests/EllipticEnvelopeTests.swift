import Glibc
import Testing

@testable import Detection

func explanation(_ detector: Detector, _ X: Table, threads: Int = 1) throws -> [Double] {
  let shares = try Buffer<Double>(count: X.rows * X.columns)
  try detector.explain(try X.matrix, call: Call(threads: threads), into: shares.base)
  return shares.elements
}

func number(_ detector: Detector, _ name: String) throws -> Double {
  try #require(try detector.fittedModel().fitted.first { $0.name == name }?.value)
}

/// Shares are not negative and sum to the score, where that is positive.
func expectShares(_ detector: Detector, _ X: Table) throws {
  let shares = try explanation(detector, X)
  let found = try scores(detector, X)
  for row in 0..<X.rows where found[row] > 0 {
    let own = shares[(row * X.columns)..<((row + 1) * X.columns)]
    #expect(own.allSatisfy { $0 >= 0 })
    #expect(abs(own.reduce(0, +) - found[row]) <= 1e-9 * found[row])
  }
}

struct EllipticEnvelopeTests {
  /// The log determinant of the covariance of rows, divided by their number, in two columns.
  private func logDeterminant(_ X: Table, _ rows: [Int]) -> Double {
    let n = Double(rows.count)
    func mean(_ value: (Int) -> Double) -> Double { rows.reduce(0) { $0 + value($1) } / n }
    let (a, b) = (mean { X.values[2 * $0] }, mean { X.values[2 * $0 + 1] })
    let aa = mean { (X.values[2 * $0] - a) * (X.values[2 * $0] - a) }
    let bb = mean { (X.values[2 * $0 + 1] - b) * (X.values[2 * $0 + 1] - b) }
    let ab = mean { (X.values[2 * $0] - a) * (X.values[2 * $0 + 1] - b) }
    return log(aa * bb - ab * ab)
  }

  @Test(arguments: [UInt64(1), 2, 3]) func findsTheLeastDeterminantOfAllSubsets(seed: UInt64) throws {
    var random = Random(seed: seed, stream: 0)
    let X = Table(11, 2) { _, _ in random.normal() }
    let nearest = (11 + 2 + 2) / 2
    var least = Double.infinity
    for mask in 0..<(1 << 11) where mask.nonzeroBitCount == nearest {
      least = min(least, logDeterminant(X, (0..<11).filter { mask >> $0 & 1 != 0 }))
    }
    let found = try number(fitted("EllipticEnvelope", X), "raw_log_determinant")
    #expect(abs(found - least) < 1e-9)
  }

  @Test func oneColumnIsExact() throws {
    var random = Random(seed: 5, stream: 0)
    let X = Table(41, 1) { row, _ in random.normal() + (row < 12 ? 30 : 0) }
    let sorted = (0..<41).map { X.values[$0] }.sorted()
    let nearest = (41 + 1 + 2) / 2
    let least = (0...(41 - nearest)).map { start -> Double in
      let run = sorted[start..<(start + nearest)]
      let mean = run.reduce(0, +) / Double(nearest)
      return run.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(nearest)
    }.min()
    let detector = try fitted("EllipticEnvelope", X)
    #expect(abs(try number(detector, "raw_log_determinant") - log(try #require(least))) < 1e-9)
    let found = try scores(detector, X)
    #expect((0..<12).allSatisfy { found[$0] > 100 })
  }

  /// A third of the rows lie together far away: the classical covariance would embrace them.
  @Test func outliersDoNotMoveTheEllipse() throws {
    var random = Random(seed: 6, stream: 0)
    let X = Table(150, 4) { row, _ in random.normal() + (row % 3 == 0 ? 12 : 0) }
    let found = try scores(fitted("EllipticEnvelope", X), X)
    let outlying = (0..<150).filter { $0 % 3 == 0 }.map { found[$0] }.min() ?? 0
    let inlying = (0..<150).filter { $0 % 3 != 0 }.map { found[$0] }.max() ?? 0
    #expect(outlying > 4 * inlying)
  }

  @Test func distancesOfNormalRowsHaveTheExpectedMean() throws {
    let X = Table.cloud(800, 5, seed: 9)
    let found = try scores(fitted("EllipticEnvelope", X), X).dropLast(5)
    let mean = found.reduce(0, +) / Double(found.count)
    #expect(abs(mean - 5) < 0.4)
  }

  @Test func theThresholdHasItsShareAbove() throws {
    let X = Table.cloud(100, 3)
    let detector = try fitted("EllipticEnvelope", X, ["contamination": .double(0.2)])
    let above = try scores(detector, X).count { $0 > detector.threshold }
    #expect(above == 20)
  }

  @Test func assumeCenteredMeasuresFromZero() throws {
    var random = Random(seed: 4, stream: 0)
    let X = Table(80, 2) { _, column in random.normal() + (column == 0 ? 10 : 0) }
    let detector = try fitted("EllipticEnvelope", X, ["assume_centered": .bool(true)])
    let origin = Table(1, 2) { _, _ in 0 }
    #expect(try scores(detector, origin)[0] < 1e-20)
    #expect(try scores(fitted("EllipticEnvelope", X), origin)[0] > 50)
  }

  /// Constant columns, a column twice, more columns than rows: as the pseudo-inverse has it.
  @Test func singularDataAreTaken() throws {
    var random = Random(seed: 8, stream: 0)
    let plain = Table(90, 3) { _, _ in random.normal() }
    let padded = Table(90, 5) { row, column in
      column == 1
        ? 7 : column == 4 ? plain.values[3 * row + 2] : plain.values[3 * row + [0, 0, 1, 2, 0][column]]
    }
    let detector = try fitted("EllipticEnvelope", padded)
    #expect(try number(detector, "rank") == 3)
    let found = try scores(detector, padded)
    #expect(found.allSatisfy { $0.isFinite && $0 >= 0 })
    try expectShares(detector, padded)

    let wide = Table(10, 30) { _, _ in random.normal() }
    let few = try fitted("EllipticEnvelope", wide)
    #expect(try scores(few, wide).allSatisfy { $0.isFinite })
    #expect(try number(few, "rank") <= 10)
  }

  @Test func whatCannotBeFittedIsSaid() throws {
    func message(_ X: Table, _ options: [String: OptionValue] = [:]) -> String {
      do {
        _ = try fitted("EllipticEnvelope", X, options)
        return ""
      } catch {
        return (error as? DetectionError)?.message ?? ""
      }
    }
    #expect(message(Table(10, 2) { _, _ in 3 }).contains("all 10 rows are the same"))
    #expect(message(Table(1, 2) { _, column in Double(column) }).contains("at least 2"))
    #expect(
      message(Table(100, 1) { row, _ in row < 70 ? 1 : Double(row) })
        .contains("are the same"))
    #expect(
      message(Table(10, 2) { row, column in Double(row * column) }, ["support_fraction": .double(0.01)])
        .contains("support_fraction"))
    #expect(
      message(Table(10, 2) { row, column in row == 4 && column == 1 ? .nan : Double(row) })
        .contains("row 4, column 1"))
    #expect(
      message(Table(10, 1) { row, _ in row == 4 ? 1e308 : Double(row) * 1e-200 })
        .contains("too far apart"))
  }

  @Test func extremeRowsGetFiniteScores() throws {
    let X = Table.cloud(60, 3)
    let detector = try fitted("EllipticEnvelope", X)
    let far = Table(2, 3) { row, _ in row == 0 ? 1e308 : -1e200 }
    #expect(try scores(detector, far) == [.greatestFiniteMagnitude, .greatestFiniteMagnitude])
    #expect(try explanation(detector, far).allSatisfy { $0.isFinite && $0 >= 0 })
    #expect(throws: DetectionError.self) { try scores(detector, Table(1, 3) { _, _ in .nan }) }
  }

  @Test func sharesSumToTheScore() throws {
    var random = Random(seed: 12, stream: 0)
    let X = Table(60, 4) { _, _ in random.normal() }
    for row in 0..<60 { X.values[4 * row + 1] += 0.9 * X.values[4 * row] }
    let detector = try fitted("EllipticEnvelope", X)
    try expectShares(detector, X)
    let odd = Table(1, 4) { _, column in column == 3 ? 9 : 0 }
    let shares = try explanation(detector, odd)
    #expect(shares[3] > 0.95 * shares.reduce(0, +))
  }

  @Test func anyNumberOfThreadsGivesTheSameBits() throws {
    for (rows, columns) in [(4500, 1), (700, 3), (60, 12)] {
      let X = Table.cloud(rows, columns)
      let bytes = try [1, 2, 5].map {
        try ModelFile.bytes(of: fitted("EllipticEnvelope", X, threads: $0))
      }
      #expect(bytes[1] == bytes[0] && bytes[2] == bytes[0])
    }
  }

  @Test func cancellingLeavesTheEarlierModel() throws {
    let X = Table.cloud(60, 3)
    let detector = try fitted("EllipticEnvelope", X)
    let before = try ModelFile.bytes(of: detector)
    let call = Call(threads: 2) { _, _ in false }
    #expect(throws: DetectionError.self) { try detector.fit(Training(try X.matrix), call: call) }
    #expect(try ModelFile.bytes(of: detector) == before)
  }

  @Test func chiSquaredIsThatOfTheTables() {
    for (probability, freedom, value) in [
      (0.975, 1.0, 5.023886187314888), (0.5, 2, 1.386294361119891), (0.975, 9, 19.02276780213923),
      (0.025, 9, 2.700389499980358), (0.975, 100, 129.56119718583659),
    ] {
      #expect(abs(ChiSquared.quantile(probability, freedom: freedom) - value) < 1e-9 * value)
      #expect(abs(ChiSquared.probability(value, freedom: freedom) - probability) < 1e-9)
    }
  }
}
