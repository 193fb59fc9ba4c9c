import CKernels
import Glibc
import Testing

@testable import Detection

/// The neighbour search against one that looks at every pair.
struct NeighbourTests {
  static let metrics: [[String: OptionValue]] = [
    [:], ["metric": .string("manhattan")], ["metric": .string("chebyshev")],
    ["metric": .string("cosine")], ["p": .double(3)], ["p": .double(2.5)],
  ]
  static let algorithms = ["auto", "kd_tree", "brute"]

  static func distance(_ a: [Double], _ b: [Double], _ metric: DistanceMetric) -> Double {
    let gaps = zip(a, b).map { abs($0 - $1) }
    switch metric {
    case .euclidean: return gaps.reduce(0) { $0 + $1 * $1 }.squareRoot()
    case .manhattan: return gaps.reduce(0, +)
    case .chebyshev: return gaps.max() ?? 0
    case .minkowski(let p): return power(gaps.reduce(0) { $0 + power($1, p) }, 1 / p)
    case .cosine:
      let dot = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
      let lengths = [a, b].map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
      return lengths[0] * lengths[1] == 0
        ? (lengths[0] == lengths[1] ? 0 : 1) : 1 - dot / (lengths[0] * lengths[1])
    }
  }

  private static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

  /// Neighbours of `query` among the rows, nearest first, ties by row number.
  static func nearest(
    _ X: Table, _ query: [Double], _ k: Int, _ metric: DistanceMetric, without own: Int? = nil
  ) -> [(distance: Double, row: Int)] {
    let all = (0..<X.rows).filter { $0 != own }.map { row in
      (distance: distance(X.row(row), query, metric), row: row)
    }
    return Array(all.sorted { ($0.distance, $0.row) < ($1.distance, $1.row) }.prefix(k))
  }

  @Test(arguments: algorithms, [1, 2, 7, 40])
  func everyNeighbourIsFound(algorithm: String, columns: Int) throws {
    for options in Self.metrics {
      for k in [1, 5, 70, 299] {
        try check(Table.cloud(300, columns, seed: UInt64(columns)), options, algorithm, k: k)
      }
    }
  }

  /// Whole numbers from a few: most distances are tied, many rows are the same.
  @Test(arguments: algorithms) func tiesGoToTheFirstRows(algorithm: String) throws {
    var random = Random(seed: 4, stream: 0)
    let X = Table(500, 3) { _, _ in Double(random.below(4)) }
    for options in Self.metrics.dropLast(3) { try check(X, options, algorithm, k: 6) }
  }

  @Test(arguments: algorithms) func oneColumnThatVaries(algorithm: String) throws {
    let X = Table(400, 5) { row, column in column == 3 ? Double(row % 37) : 1e9 }
    try check(X, [:], algorithm, k: 12)
  }

  private func check(
    _ X: Table, _ options: [String: OptionValue], _ algorithm: String, k: Int
  ) throws {
    var settings = Options(LocalOutlierFactor().info.options)
    for (name, value) in options { try settings.set(name, value) }
    try settings.set("algorithm", .string(algorithm))
    try settings.set("leaf_size", .int(10))
    try settings.set("n_neighbors", .int(k))
    let plan = try NeighbourPlan(settings, rows: X.rows)
    let index = try plan.index(try X.matrix, call: Call(threads: 2))
    let ties = algorithm != "brute" || plan.metric.kernelNumber != 0
    func compare(_ found: Neighbourhood, _ expected: [(distance: Double, row: Int)]) {
      #expect(found.count == expected.count)
      let rows = (0..<found.count).map { Int(index.rowOf[Int(found.slots[$0])]) }
      for (place, (distance, row)) in expected.enumerated() {
        #expect(abs(found.distances[place] - distance) <= 1e-9 * (1 + distance))
        // Where rounding cannot make a difference the rows themselves are the same.
        if ties, plan.metric == .manhattan || plan.metric == .chebyshev { #expect(rows[place] == row) }
      }
      #expect(Set(rows).count == rows.count)
    }
    try index.searchOwnRows(k: k, stage: "fit", call: Call(threads: 1)) { found in
      let row = Int(index.rowOf[found.target])
      compare(found, Self.nearest(X, X.row(row), k, plan.metric, without: row))
    }
    try index.search(try X.matrix, k: k, dropsSelf: false, stage: "score", call: Call(threads: 1)) {
      compare($0, Self.nearest(X, X.row($0.target), k, plan.metric))
    }
  }

  /// Every kernel of every build gives the same bits.
  @Test func bothBuildsAgree() throws {
    #if arch(x86_64)
      guard ck_has_x86_64_v3() != 0 else { return }
      let X = Table.cloud(200, 21, seed: 9)
      for (metric, power) in [(0, 2.0), (1, 1), (2, 1), (3, 2.5), (3, 4)] {
        let blocks = try Buffer<Double>(count: 25 * 8 * 21)
        let rows = try Buffer<UInt32>(count: 200)
        for row in 0..<200 {
          rows[row] = UInt32(row)
          for column in 0..<21 {
            blocks[(row / 8 * 21 + column) * 8 + row % 8] = X.values[row * 21 + column]
          }
        }
        var tree = ck_neighbour_tree()
        tree.points = UnsafePointer(blocks.base)
        tree.rows = UnsafePointer(rows.base)
        tree.columns = 21
        tree.metric = Int32(metric)
        tree.power = power
        tree.whole_power = power == 4 ? 4 : 0
        let results = try [NeighbourKernels.baseline, .x86v3].map { kernels in
          let distances = try Buffer<Double>(count: 9)
          let slots = try Buffer<UInt32>(count: 9)
          var found = ck_neighbours(
            distances: distances.base, slots: slots.base, k: 9, count: 0, evaluated: 0)
          kernels.scanBlocks(&tree, 25, X.values, 3, &found)
          return (0..<9).map { [distances[$0].bitPattern, UInt64(slots[$0])] }
        }
        #expect(results[0] == results[1])
      }
    #endif
  }
}

/// Keys divided as a sort would divide them.
struct KeySelectingTests {
  @Test(arguments: [2, 24, 25, 300, 5000], [1, 3, 1_000_000])
  func nothingBeforeIsGreater(count: Int, kinds: Int) throws {
    var random = Random(seed: 8, stream: UInt64(count))
    for kernels in [NeighbourKernels.baseline, .chosen] {
      let keys = try Buffer<ck_key>(count: count)
      for index in 0..<count {
        keys[index] = ck_key(value: Double(random.below(kinds)), row: UInt32(index), unused: 0)
      }
      let rank = count / 3
      kernels.selectKeys(keys.base, count, rank) { false }
      let order = (0..<count).map { (keys[$0].value, keys[$0].row) }
      #expect(order[..<rank].allSatisfy { $0 < order[rank] })
      #expect(order[(rank + 1)...].allSatisfy { $0 > order[rank] })
      #expect(Set(order.map(\.1)).count == count)
    }
  }
}
