import Foundation
import Testing

@testable import Detection

/// The scores of the marginal detectors against their formulas, written as plainly as can be.
struct ColumnMethodTests {
  /// Ties, a skewed column, a column skewed the other way, few values.
  static func rows(_ count: Int = 400) -> Table {
    var random = Random(seed: 11, stream: 0)
    return Table(count, 4) { _, column in
      switch column {
      case 0: return Double(random.below(9))
      case 1: return exp(random.normal())
      case 2: return -exp(random.normal())
      default: return Double(random.below(50)) / 7
      }
    }
  }

  private func column(_ X: Table, _ column: Int) -> [Double] {
    (0..<X.rows).map { X.values[$0 * X.columns + column] }
  }

  /// -log of the shares of `values` not above and not below x; a row outside counts itself.
  private func tails(_ values: [Double], _ x: Double) -> (left: Double, right: Double) {
    let n = Double(values.count)
    let left = Double(values.count { $0 <= x })
    let right = Double(values.count { $0 >= x })
    return (
      left > 0 ? -log(left / n) : log(n + 1), right > 0 ? -log(right / n) : log(n + 1)
    )
  }

  private func isClose(_ found: [Double], _ expected: [Double]) -> Bool {
    zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-12 * max(1, abs($1)) }
  }

  @Test func ecodSumsTheLargerTails() throws {
    let X = Self.rows()
    let detector = try fitted("ECOD", X)
    let unseen = Table(7, 4) { row, _ in [-1e9, -2, 0.5, 3, 4.5, 1e9, 8][row] }
    for rows in [X, unseen] {
      let expected = (0..<rows.rows).map { row in
        (0..<4).reduce(0.0) { sum, index in
          let (left, right) = tails(column(X, index), rows.values[row * 4 + index])
          return sum + max(left, right)
        }
      }
      #expect(isClose(try scores(detector, rows), expected))
    }
  }

  @Test func copodTakesTheTailThatSkewnessPointsTo() throws {
    let X = Self.rows()
    let skewed = (0..<4).map { index -> Double in
      let values = column(X, index)
      let mean = values.reduce(0, +) / Double(values.count)
      return values.reduce(0) { $0 + pow($1 - mean, 3) }
    }
    #expect(skewed[1] > 0)
    #expect(skewed[2] < 0)
    let expected = (0..<X.rows).map { row in
      (0..<4).reduce(0.0) { sum, index in
        let (left, right) = tails(column(X, index), X.values[row * 4 + index])
        return sum + max(skewed[index] < 0 ? left : right, (left + right) / 2)
      }
    }
    #expect(isClose(try scores(try fitted("COPOD", X), X), expected))
  }

  /// PyOD counts the rows of a call among the training rows, so that a row's score depends on its company:
  /// a far row among many like it would be found ordinary. Here it is not.
  @Test(arguments: ["ECOD", "COPOD"]) func companyDoesNotMatter(name: String) throws {
    let X = Self.rows()
    let detector = try fitted(name, X)
    let alone = try scores(detector, Table(1, 4) { _, _ in 1e6 })[0]
    let crowd = try scores(detector, Table(1000, 4) { _, _ in 1e6 })
    #expect(crowd == Array(repeating: alone, count: 1000))
    #expect(alone > (try scores(detector, X).max() ?? 0))
    // What PyOD gives a single row: it and the training rows together.
    #expect(abs(alone - (name == "ECOD" ? 4 * log(401) : 3.5 * log(401))) < 1e-12)
  }

  /// A symmetric column points nowhere: the right tail counts, as in the papers. (PyOD would add both.)
  @Test func aSymmetricColumnCountsOnce() throws {
    let X = Table(5, 1) { row, _ in Double(row) - 2 }
    let expected = [1.0, 2, 3, 4, 5].map { (rank: Double) -> Double in
      let (left, right): (Double, Double) = (-log(rank / 5), -log((6 - rank) / 5))
      return max(left, right)
    }
    #expect(isClose(try scores(try fitted("ECOD", X), X), expected))
  }

  /// NumPy's histogram and PyOD's formula.
  private func binned(_ X: Table, _ row: [Double], bins: Int, closedRight: Bool) -> Double {
    (0..<X.columns).reduce(0.0) { (sum: Double, index: Int) -> Double in
      let values = column(X, index)
      var (low, high) = (values.min() ?? 0, values.max() ?? 0)
      if low == high { (low, high) = (low - 0.5, high + 0.5) }
      let width = (high - low) / Double(bins)
      var edges = (0..<bins).map { (bin: Int) -> Double in Double(bin) * width + low }
      edges.append(high)
      func bin(_ x: Double) -> Int { min(edges.filter { $0 <= x }.count - 1, bins - 1) }
      var counts = [Double](repeating: 0, count: bins)
      for value in values { counts[bin(value)] += 1 }
      let parts = (0..<bins).map { (bin: Int) -> Double in
        let density: Double = counts[bin] / (edges[bin + 1] - edges[bin]) / Double(values.count)
        return -log2(density + 0.1)
      }
      let x = row[index]
      let near = 0.5 * (edges[1] - edges[0])
      if x < low { return sum + (low - x <= near ? parts[0] : (parts.max() ?? 0)) }
      if x > high { return sum + (x - high <= near ? parts[bins - 1] : (parts.max() ?? 0)) }
      if closedRight { return sum + parts[max(edges.filter { $0 < x }.count - 1, 0)] }
      return sum + parts[bin(x)]
    }
  }

  @Test(arguments: [2, 10, 37], ["left", "right"]) func hbosIsTheFormula(bins: Int, closed: String) throws {
    var random = Random(seed: 4, stream: 1)
    let X = Table(300, 4) { _, column in
      column == 0 ? Double(random.below(21)) : column == 3 ? 2 : random.normal()
    }
    let detector = try fitted("HBOS", X, ["n_bins": .int(bins), "closed": .string(closed)])
    let unseen = Table(60, 4) { row, _ in Double(row) / 3 - 10 }
    for rows in [X, unseen] {
      let expected = (0..<rows.rows).map { row in
        binned(
          X, (0..<4).map { rows.values[row * 4 + $0] }, bins: bins, closedRight: closed == "right")
      }
      #expect(isClose(try scores(detector, rows), expected))
    }
  }

  /// Values 0 ... 10 are the edges of ten bins. 5 was seen once, 4 and 6 a hundred times each: a row is as rare
  /// as the bin that it was counted in. PyOD looks it up one bin further down.
  @Test func valuesOnAnEdgeBelongToTheBinTheyWereCountedIn() throws {
    let values = [0.0, 5, 10] + (0..<200).map { $0 % 2 == 0 ? 4.0 : 6.0 }
    let X = Table(values.count, 1) { row, _ in values[row] }
    let right = try scores(try fitted("HBOS", X), Table(3, 1) { row, _ in Double(row + 4) })
    #expect(right[1] > right[0])
    #expect(right[0] == right[2])
    let pyod = try scores(
      try fitted("HBOS", X, ["closed": .string("right")]), Table(3, 1) { row, _ in Double(row + 4) })
    #expect(pyod[1] < pyod[0])
  }

  @Test func automaticBinsMaximiseThePenalisedLikelihood() throws {
    let X = Self.rows(900)
    var largest = 0
    for index in 0..<4 {
      let values = column(X, index)
      let (low, high) = (values.min() ?? 0, values.max() ?? 0)
      let scored = (1..<30).map { bins -> Double in
        var counts = [Double](repeating: 0, count: bins)
        for value in values {
          var bin = 0
          while bin < bins - 1,
            value >= Double(bin + 1) * ((high - low) / Double(bins)) + low
          { bin += 1 }
          counts[bin] += 1
        }
        let penalty = Double(bins) - 1 + pow(log(Double(bins)), 2.5)
        return counts.reduce(0) { $0 + $1 * log(Double(bins) * $1 / 900 + 1) - penalty }
      }
      let best = scored.firstIndex(of: scored.max() ?? 0).map { $0 + 1 } ?? 0
      largest = max(largest, best)
    }
    let detector = try fitted("HBOS", X, ["n_bins": .string("auto")])
    #expect(detector.model?.fitted.first { $0.name == "n_bins" }?.value == Double(largest))
  }

  private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  @Test(arguments: [1, 2, 5, 100, 401]) func madIsTheLargestRobustDistance(count: Int) throws {
    let X = Self.rows(max(count, 60))
    let expected = (0..<X.rows).map { row in
      (0..<4).map { index -> Double in
        let values = column(X, index)
        let middle = median(values)
        let spread = median(values.map { abs($0 - middle) })
        return 0.6745 * abs(X.values[row * 4 + index] - middle) / spread
      }.max() ?? 0
    }
    #expect(isClose(try scores(try fitted("MAD", X), X), expected))
  }

  /// More than half of the values are the median: the mean deviation stands in.
  @Test func madWithoutASpreadStillRanks() throws {
    let X = Table(10, 1) { row, _ in row < 7 ? 2 : Double(row) }
    let mean = (5.0 + 6 + 7) / 10
    let expected = (0..<10).map { abs(X.values[$0] - 2) / (1.253314 * mean) }
    #expect(isClose(try scores(try fitted("MAD", X), X), expected))
    let constant = try fitted("MAD", Table(5, 1) { _, _ in 2 })
    #expect(try scores(constant, Table(2, 1) { row, _ in 2 + Double(row) }) == [0, 1e300])
  }

  @Test func lodaIsTheMeanOfItsHistograms() throws {
    let X = Table.cloud(500, 9)
    let detector = try fitted("LODA", X, ["n_random_cuts": .int(30), "n_bins": .int(12)])
    let cuts = try RandomCuts(count: 30, features: 9, seed: 0)
    var expected = [Double](repeating: 0, count: 500)
    try cuts.forEachProjection(try X.matrix, call: Call(threads: 1), stage: "score") {
      (first, rows, _, cut, values, _) in
      #expect(Set(cuts.features(of: cut)).count == 3)
    }
    for cut in 0..<30 {
      var all = [Double](repeating: 0, count: 500)
      try cuts.forEachProjection(try X.matrix, call: Call(threads: 1), stage: "score") {
        (first, rows, _, own, values, _) in
        guard own == cut else { return }
        for row in 0..<rows { all[first + row] = values[row] }
      }
      let (low, high) = (all.min() ?? 0, all.max() ?? 0)
      let bins = all.map { value in
        (1..<12).count { value >= Double($0) * ((high - low) / 12) + low }
      }
      for row in 0..<500 {
        let own = bins.count { $0 == bins[row] }
        expected[row] -= log(Double(own) / 500) / 30
      }
    }
    #expect(isClose(try scores(detector, X), expected))
    // Beyond the training rows every bin is empty.
    let far = try scores(detector, Table(1, 9) { _, _ in 1e9 })[0]
    #expect(abs(far - log(501)) < 1e-12)
  }

  @Test func lodaDrawsByItsSeed() throws {
    let X = Table.cloud(500, 9)
    let one = try scores(try fitted("LODA", X, ["random_state": .int(1)]), X)
    #expect(try scores(try fitted("LODA", X, ["random_state": .int(1)]), X) == one)
    #expect(try scores(try fitted("LODA", X, ["random_state": .int(2)]), X) != one)
    let random = try fitted("LODA", X, ["random_state": .string("random")])
    let seed = try #require(random.model?.fitted.first { $0.name == "random_state" }?.value)
    #expect(seed > 0)
    let again = try fitted("LODA", X, ["random_state": .int(Int(seed))])
    #expect(try scores(again, X) == scores(random, X))
  }
}
