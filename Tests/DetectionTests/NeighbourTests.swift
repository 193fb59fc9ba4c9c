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

  @Test(arguments: algorithms, [1, 7, 40])
  func everyNeighbourIsFound(algorithm: String, columns: Int) throws {
    let X = Table.cloud(130, columns, seed: UInt64(columns))
    for options in Self.metrics { try check(X, options, algorithm, ks: [1, 5, 63, 64, 70, 129]) }
  }

  /// Whole numbers from a few: most distances are tied, many rows are the same.
  @Test(arguments: algorithms) func tiesGoToTheFirstRows(algorithm: String) throws {
    var random = Random(seed: 4, stream: 0)
    let X = Table(200, 3) { _, _ in Double(random.below(4)) }
    for options in Self.metrics.prefix(3) { try check(X, options, algorithm, ks: [6, 80]) }
  }

  @Test(arguments: algorithms) func oneColumnThatVaries(algorithm: String) throws {
    let X = Table(150, 5) { row, column in column == 3 ? Double(row % 37) : 1e9 }
    try check(X, [:], algorithm, ks: [12])
  }

  /// Rows that vary along few of many directions: the panels hold projections.
  @Test func fewDirections() throws {
    var random = Random(seed: 5, stream: 0)
    let X = Table(1100, 32) { _, _ in random.normal() * 0.01 }
    for row in 0..<1100 {
      let (a, b) = (random.normal(), random.normal())
      for column in 0..<32 {
        X.values[row * 32 + column] += a * Double(column) + b * Double(column % 3)
      }
    }
    let index = try NeighbourIndex(
      try X.matrix, metric: .euclidean, algorithm: .brute, leafRows: 32, k: 5, call: Call(threads: 2))
    #expect(try #require(index.dense).panelWidth < 32)
    let tree = try NeighbourIndex(
      try X.matrix, metric: .euclidean, algorithm: .tree, leafRows: 32, k: 5, call: Call(threads: 2))
    var expected: [Int: [UInt32]] = [:]
    try tree.searchOwnRows(k: 5, stage: "fit", call: Call(threads: 1)) { found in
      expected[Int(tree.rowOf[found.target])] = (0..<5).map { tree.rowOf[Int(found.slots[$0])] }
    }
    try index.searchOwnRows(k: 5, stage: "fit", call: Call(threads: 1)) { found in
      let rows = (0..<5).map { index.rowOf[Int(found.slots[$0])] }
      #expect(expected[Int(index.rowOf[found.target])] == rows)
    }
  }

  private func check(
    _ X: Table, _ options: [String: OptionValue], _ algorithm: String, ks: [Int]
  ) throws {
    var settings = Options(LocalOutlierFactor().info.options)
    for (name, value) in options { try settings.set(name, value) }
    try settings.set("algorithm", .string(algorithm))
    try settings.set("leaf_size", .int(10))
    let metric = DistanceMetric(settings)
    let sorted = (0..<X.rows).map { Self.nearest(X, X.row($0), X.rows, metric) }
    for k in ks {
      try settings.set("n_neighbors", .int(k))
      let plan = try NeighbourPlan(settings, rows: X.rows)
      let index = try plan.index(try X.matrix, call: Call(threads: 2))
      func compare(_ found: Neighbourhood, _ expected: some Sequence<(distance: Double, row: Int)>) {
        let rows = (0..<found.count).map { Int(index.rowOf[Int(found.slots[$0])]) }
        var wrong = found.count == k && Set(rows).count == k ? 0 : 1
        for (place, (distance, row)) in expected.prefix(k).enumerated() where wrong == 0 {
          if abs(found.distances[place] - distance) > 1e-9 * (1 + distance) { wrong += 1 }
          // Squares of the data here are exact, or no two distances the same.
          let exact = metric == .manhattan || metric == .chebyshev || metric == .euclidean
          if exact, rows[place] != row { wrong += 1 }
        }
        #expect(wrong == 0, "\(metric) k \(k) row \(found.target)")
      }
      try index.searchOwnRows(k: k, stage: "fit", call: Call(threads: 1)) { found in
        let row = Int(index.rowOf[found.target])
        compare(found, sorted[row].lazy.filter { $0.row != row })
      }
      try index.search(try X.matrix, k: k, dropsSelf: false, stage: "score", call: Call(threads: 1)) {
        compare($0, sorted[$0.target])
      }
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
