import Testing

@testable import Detection

/// Squares below the least double are lost: rows nearer than some 1e-162 are at distance 0 of each other, as in
/// scikit-learn, with metrics that square; the others tell them apart. Scores are then those of equal rows, never
/// NaN; scaling the data brings the distances back.
struct TinyDistanceTests {
  private func rows(_ unit: Double) -> Table {
    Table(40, 2) { row, column in Double((row * 7 + column * 11) % 41) * unit }
  }

  @Test(arguments: ["kd_tree", "brute"]) func squaresThatVanishMakeRowsEqual(algorithm: String) throws {
    let options: [String: OptionValue] = ["algorithm": .string(algorithm), "n_neighbors": .int(3)]
    let tiny = try fitted("KNN", rows(1e-170), options)
    let found = try #require(tiny.model?.trainingScores)
    #expect((0..<40).allSatisfy { found[$0] == 0 })
    let factor = try fitted("LocalOutlierFactor", rows(1e-170), options)
    let factors = try #require(factor.model?.trainingScores)
    #expect((0..<40).allSatisfy { factors[$0].isFinite })
  }

  @Test(arguments: ["manhattan", "chebyshev"]) func metricsWithoutSquaresKeepThem(metric: String) throws {
    let options: [String: OptionValue] = ["metric": .string(metric), "n_neighbors": .int(3)]
    let tiny = try fitted("KNN", rows(1e-170), options)
    let plain = try fitted("KNN", rows(1), options)
    let found = try #require(tiny.model?.trainingScores)
    let expected = try #require(plain.model?.trainingScores)
    for row in 0..<40 { #expect(abs(found[row] / 1e-170 - expected[row]) < 1e-9 * expected[row]) }
  }

  @Test func scaledDataHaveTheirDistancesBack() throws {
    let found = try #require(
      try fitted("KNN", rows(1e-150), ["n_neighbors": .int(3)]).model?.trainingScores)
    let expected = try #require(
      try fitted("KNN", rows(1), ["n_neighbors": .int(3)]).model?.trainingScores)
    for row in 0..<40 { #expect(abs(found[row] / 1e-150 - expected[row]) < 1e-9 * expected[row]) }
  }
}
