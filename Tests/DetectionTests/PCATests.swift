import Glibc
import Testing

@testable import Detection

struct PCATests {
  /// Two columns of variance 1 and correlation r: components (1, 1) and (1, -1) over root 2, variances
  /// 1 + r and 1 - r.
  @Test func twoColumnsAreSolvedByHand() throws {
    let X = Table(4, 2) { row, column in [[2.0, 1], [-2, -1], [1, 2], [-1, -2]][row][column] }
    let detector = try fitted("PCA", X)
    let r = 0.8
    let (x, y) = (1.0 / 2.5.squareRoot(), 3.0 / 2.5.squareRoot())
    let root = 0.5.squareRoot()
    let first = hypot(x - root, y - root) / ((1 + r) / 2)
    // The sign of the second one: its first coordinate of greatest magnitude is positive.
    let seconds = [(root, -root), (-root, root)].map { hypot(x - $0.0, y - $0.1) / ((1 - r) / 2) }
    let found = try scores(detector, Table(1, 2) { _, column in column == 0 ? 1 : 3 })[0]
    #expect(seconds.contains { abs(found - first - $0) < 1e-9 * found })
  }

  @Test func componentsWithoutVarianceAreLeftOut() throws {
    var random = Random(seed: 3, stream: 0)
    let plain = Table(50, 2) { _, _ in random.normal() }
    let X = Table(50, 4) { row, column in
      column == 3 ? 5 : plain.values[2 * row + [0, 1, 0, 0][column]]
    }
    let detector = try fitted("PCA", X)
    #expect(try number(detector, "n_selected_components") == 2)
    #expect(try scores(detector, X).allSatisfy { $0.isFinite && $0 > 0 })
    try expectShares(detector, X)
  }

  /// Columns whose values are all the same are not looked at, where there are many: their place is the
  /// value, and rows that differ there are farther from every component.
  @Test func constantColumnsOfMany() throws {
    let plain = Table.cloud(300, 28)
    func isConstant(_ column: Int) -> Bool { column % 4 == 1 || column > 30 }
    let varying = (0..<39).filter { !isConstant($0) }
    let X = Table(300, 39) { row, column in
      varying.firstIndex(of: column).map { plain.row(row)[$0 % 28] + Double(column) } ?? 1.0 / 3
    }
    let own = Table(300, varying.count) { row, column in X.row(row)[varying[column]] }
    for options in [[:], ["standardization": .bool(false)]] as [[String: OptionValue]] {
      let detector = try fitted("PCA", X, options)
      let alone = try fitted("PCA", own, options)
      #expect(try number(detector, "n_selected_components") == number(alone, "n_selected_components"))
      if options.isEmpty {
        for (found, expected) in zip(try scores(detector, X), try scores(alone, own)) {
          #expect(abs(found - expected) < 1e-9 * expected)
        }
        let other = Table(1, 39) { _, column in X.row(7)[column] + (column == 1 ? 10 : 0) }
        let (before, after) = (try scores(detector, X)[7], try scores(detector, other)[0])
        #expect(after > before)
        #expect(try shares(detector, other)[0][1] > 0.3 * after)
      }
      try expectShares(detector, X)
    }
    let bytes = try [1, 3].map { try ModelFile.bytes(of: fitted("PCA", X, threads: $0)) }
    #expect(bytes[0] == bytes[1])
    X.values[5 * 39 + 1] = .nan
    #expect(throws: DetectionError.self) { try fitted("PCA", X) }
    #expect(throws: DetectionError.self) { try fitted("PCA", Table(9, 39) { _, _ in 1 }) }
  }

  @Test func optionsChooseComponents() throws {
    var random = Random(seed: 4, stream: 0)
    let X = Table(200, 4) { _, column in random.normal() * [1, 1, 1, 30][column] }
    let raw: [String: OptionValue] = ["standardization": .bool(false)]
    func count(_ options: [String: OptionValue]) throws -> Double {
      try number(
        fitted("PCA", X, raw.merging(options) { $1 }), "n_selected_components")
    }
    #expect(try count([:]) == 4)
    #expect(try count(["n_components": .int(3)]) == 3)
    #expect(try count(["n_components": .double(0.9)]) == 1)
    #expect(try count(["n_selected_components": .int(2)]) == 2)
    #expect(throws: DetectionError.self) { try count(["n_components": .int(5)]) }
    #expect(throws: DetectionError.self) { try count(["n_selected_components": .int(5)]) }
    #expect(throws: DetectionError.self) { try fitted("PCA", Table(9, 2) { _, _ in 1 }) }
    #expect(throws: DetectionError.self) { try fitted("PCA", Table(1, 2) { _, _ in 1 }) }
  }

  @Test func sharesSumAndExtremesAreFinite() throws {
    let X = Table.cloud(80, 5)
    let detector = try fitted("PCA", X)
    try expectShares(detector, X)
    let far = Table(2, 5) { row, column in row == 0 ? 1e308 : column == 2 ? 1e9 : 0 }
    #expect(try scores(detector, far).allSatisfy { $0.isFinite })
    let shares = try explanation(detector, far)
    #expect(shares.allSatisfy { $0.isFinite && $0 >= 0 })
    #expect(shares[7] > 0.99 * shares[5..<10].reduce(0, +))
  }

  @Test func threadsDoNotChangeBits() throws {
    let X = Table.cloud(9000, 4)
    let bytes = try [1, 3].map { try ModelFile.bytes(of: fitted("PCA", X, threads: $0)) }
    #expect(bytes[0] == bytes[1])
  }
}
