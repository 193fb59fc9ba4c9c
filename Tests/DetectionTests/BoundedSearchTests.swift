import CKernels
import Testing

@testable import Detection

/// The search of the tree with a bound from known rows, against the one without and against every pair.
struct BoundedSearchTests {
  private func index(
    _ X: Table, _ metric: DistanceMetric = .euclidean, leafRows: Int = 16
  ) throws -> NeighbourIndex {
    try NeighbourIndex(
      try X.matrix, metric: metric, algorithm: .tree, leafRows: leafRows, k: 5, call: Call(threads: 2))
  }

  /// What a kernel finds for a query.
  private func found(
    _ index: NeighbourIndex, _ query: [Double], k: Int, seeds: [UInt32]?, _ kernels: NeighbourKernels
  ) throws -> [[UInt64]] {
    var tree = index.tree
    let distances = try Buffer<Double>(count: k)
    let slots = try Buffer<UInt32>(count: k)
    let pending = try Buffer<ck_pending>(count: 8 * (index.depth + 2))
    var found = ck_neighbours(
      distances: distances.base, slots: slots.base, k: Int64(k), count: 0, evaluated: 0)
    if let seeds {
      let scratch = try BoundedScratch(queries: 1, width: index.width, kept: k)
      kernels.searchBounded(&tree, query, seeds, &found, scratch.candidates.base, pending.base)
    } else {
      kernels.searchTree(&tree, query, NeighbourIndex.noRow, &found, pending.base)
    }
    return (0..<Int(found.count)).map { [distances[$0].bitPattern, UInt64(slots[$0])] }
  }

  /// Whatever rows the bound comes from, and whichever build searches, the same rows to the last bit.
  @Test(arguments: [2, 9, 1_000_000]) func anySeedsFindTheNearest(kinds: Int) throws {
    var random = Random(seed: 11, stream: UInt64(kinds))
    let X = Table(900, 3) { _, _ in Double(random.below(kinds)) / 7 }
    var builds = [NeighbourKernels.baseline]
    #if arch(x86_64)
      if ck_has_x86_64_v3() != 0 { builds.append(.x86v3) }
    #endif
    for metric in [DistanceMetric.euclidean, .manhattan, .chebyshev, .minkowski(p: 3), .minkowski(p: 2.5)] {
      let index = try index(X, metric)
      let all = (0..<index.slotCount).filter { index.rowOf[$0] != NeighbourIndex.noRow }
      for k in [1, 2, 21, 64] {
        for trial in 0..<6 {
          let query = (0..<3).map { _ in Double(random.below(kinds)) / 7 + (trial == 5 ? 100 : 0) }
          let expected = try found(index, query, k: k, seeds: nil, .baseline)
          #expect(expected.count == k)
          for start in [0, 400, 900 - k] {
            let seeds = all[start..<(start + k)].map { UInt32($0) }
            for kernels in builds {
              #expect(try found(index, query, k: k, seeds: seeds, kernels) == expected)
            }
          }
        }
      }
    }
  }

  /// Queries that walk through the tree together find what each finds alone.
  @Test(arguments: [2, 9, 1_000_000]) func togetherAsAlone(kinds: Int) throws {
    var random = Random(seed: 15, stream: UInt64(kinds))
    let X = Table(1200, 5) { _, _ in Double(random.below(kinds)) / 7 }
    var builds = [NeighbourKernels.baseline]
    #if arch(x86_64)
      if ck_has_x86_64_v3() != 0 { builds.append(.x86v3) }
    #endif
    for metric in [DistanceMetric.euclidean] {
      let index = try index(X, metric)
      let pending = try Buffer<ck_pending>(count: 8 * (index.depth + 2))
      for (k, count) in [(1, 16), (21, 16), (64, 7), (5, 2)] {
        let scratch = try BoundedScratch(queries: 16, width: 5, kept: k)
        let distances = try Buffer<Double>(count: 16 * k)
        let slots = try Buffer<UInt32>(count: 16 * k)
        let values = try Buffer<Double>(count: 16 * 5)
        for place in 0..<(count * 5) { values[place] = Double(random.below(kinds)) / 7 }
        if count == 16 { values[7] = 1e30 }
        for kernels in builds {
          for place in 0..<count {
            scratch.queries[place] = UnsafePointer(values.base + place * 5)
            scratch.seeds[place] = scratch.seeds(of: place, from: 90 * place, index.rowOf)
            scratch.lists[place] = ck_neighbours(
              distances: distances.base + place * k, slots: slots.base + place * k, k: Int64(k),
              count: 0, evaluated: 0)
          }
          var tree = index.tree
          kernels.searchTogether(
            &tree, count, scratch.queries.base, scratch.seeds.base, scratch.lists.base,
            scratch.candidates.base, scratch.room.base, pending.base)
          for place in 0..<count {
            let query = (0..<5).map { values[place * 5 + $0] }
            let own = (0..<Int(scratch.lists[place].count)).map {
              [distances[place * k + $0].bitPattern, UInt64(slots[place * k + $0])]
            }
            #expect(try own == found(index, query, k: k, seeds: nil, .baseline))
          }
        }
      }
    }
  }

  /// So many columns that each search looks at thousands of rows.
  @Test func searchesThatLookAtMuch() throws {
    let X = Table.cloud(5000, 9, seed: 16)
    let index = try index(X)
    try index.searchOwnRows(k: 20, stage: "fit", call: Call(threads: 1)) { found in
      let row = Int(index.rowOf[found.target])
      guard row % 150 == 0 else { return }
      let rows = (0..<found.count).map { Int(index.rowOf[Int(found.slots[$0])]) }
      #expect(rows == nearest(X, X.row(row), 20, without: row))
    }
  }

  /// Few places, many rows in each: most lists do not hold the row itself, nor all rows as near.
  @Test(arguments: [1, 2, 3]) func manyRowsInFewPlaces(kinds: Int) throws {
    var random = Random(seed: 12, stream: UInt64(kinds))
    let X = Table(2500, 2) { _, _ in Double(random.below(kinds)) }
    let index = try index(X)
    for k in [1, 20, 63] {
      func check(_ found: Neighbourhood, without own: Int?) {
        guard found.target % 97 == 0 else { return }
        let query = (0..<2).map { found.query[$0] }
        let expected = NeighbourTests.nearest(X, query, k, .euclidean, without: own)
        let rows = (0..<found.count).map { Int(index.rowOf[Int(found.slots[$0])]) }
        #expect(rows == expected.map(\.row))
        #expect((0..<found.count).map { found.distances[$0] } == expected.map(\.distance))
      }
      try index.searchOwnRows(k: k, stage: "fit", call: Call(threads: 1)) {
        check($0, without: Int(index.rowOf[$0.target]))
      }
      try index.search(try X.matrix, k: k, dropsSelf: false, stage: "score", call: Call(threads: 1)) {
        check($0, without: nil)
      }
    }
  }

  /// A query alone, far outside, and one between rows that stand alone: the first search of a chunk.
  @Test(arguments: [1, 30]) func queriesAlone(k: Int) throws {
    let X = Table.cloud(700, 4, seed: 13)
    let index = try index(X)
    for query in [[0, 0, 0, 0], [1e9, -1e9, 0, 3], [8, 8, 8, 8.5], X.row(699)] {
      let one = Table(1, 4) { query[$1] }
      try index.search(try one.matrix, k: k, dropsSelf: false, stage: "score", call: Call(threads: 1)) {
        let rows = (0..<$0.count).map { [found = $0] in Int(index.rowOf[Int(found.slots[$0])]) }
        #expect(rows == NeighbourTests.nearest(X, query, k, .euclidean).map(\.row))
      }
    }
  }

  /// Zeros of either sign are the same place.
  @Test func signedZeros() throws {
    let X = Table(200, 2) { row, column in column == 0 ? Double(row / 4) : (row % 2 == 0 ? 0.0 : -0.0) }
    let index = try index(X)
    try index.searchOwnRows(k: 6, stage: "fit", call: Call(threads: 1)) { found in
      let row = Int(index.rowOf[found.target])
      let rows = (0..<6).map { Int(index.rowOf[Int(found.slots[$0])]) }
      #expect(rows == NeighbourTests.nearest(X, X.row(row), 6, .euclidean, without: row).map(\.row))
    }
  }

  /// The nearest by squares summed column by column, as the tree sums them.
  private func nearest(_ X: Table, _ query: [Double], _ k: Int, without own: Int?) -> [Int] {
    let all = (0..<X.rows).filter { $0 != own }.map { row -> (distance: Double, row: Int) in
      var sum = 0.0
      for column in 0..<X.columns {
        let gap = X.values[row * X.columns + column] - query[column]
        sum += gap * gap
      }
      return (sum, row)
    }
    return all.sorted { ($0.distance, $0.row) < ($1.distance, $1.row) }.prefix(k).map(\.row)
  }

  static let clouds: [String: @Sendable (Int, Int, inout Random) -> Double] = [
    "normal": { _, _, random in random.normal() },
    "far from zero": { _, _, random in 1e9 + random.normal() },
    "farther than single precision tells": { _, _, random in 1e12 + random.normal() },
    "two tight clusters": { row, _, random in Double(row % 2) + random.normal() * 3e-7 },
    "tighter than single precision tells": { row, _, random in Double(row % 2) + random.normal() * 1e-10 },
    "columns of different size": { _, column, random in
      random.normal() * [1e12, 1e6, 1, 1e-6, 1e-12][column]
    },
    "beyond single precision": { _, _, random in random.normal() * 1e140 },
    "below single precision": { _, _, random in random.normal() * 1e-120 },
    "squares that vanish": { _, _, random in random.normal() * 1e-161 },
    "subnormal": { _, _, random in random.normal() * 1e-310 },
    "one row far out": { row, _, random in random.normal() + (row == 77 ? 1e15 : 0) },
    "whole numbers": { _, _, random in Double(random.below(4)) },
    "one unit apart": { row, _, random in 1 + Double(random.below(64)) * 0x1p-52 },
    "all the same": { _, _, _ in 0.1 },
  ]

  /// No row is missed because single precision, in which leaves are looked at first, does not tell it.
  @Test(arguments: clouds.keys.sorted()) func singlePrecisionMissesNothing(cloud: String) throws {
    var random = Random(seed: 14, stream: 0)
    let value = try #require(Self.clouds[cloud])
    let X = Table(1500, 5) { value($0, $1, &random) }
    let index = try index(X, leafRows: 40)
    #expect(index.singles != nil)
    for k in [1, 20] {
      try index.searchOwnRows(k: k, stage: "fit", call: Call(threads: 1)) { found in
        let row = Int(index.rowOf[found.target])
        guard row % 29 == 0 || row == 77 else { return }
        let rows = (0..<found.count).map { Int(index.rowOf[Int(found.slots[$0])]) }
        #expect(rows == nearest(X, X.row(row), k, without: row), "\(cloud) \(row)")
      }
      let far: [[Double]] = [
        X.row(0).map { $0 * 1e20 }, X.row(1).map { $0 * (1 + 0x1p-30) }, [0, 0, 0, 0, 0],
        [1e144, 0, 0, 0, 0], [1e-300, 1e30, -1e30, 0, 0], [1, 1, 1, 1, 1],
      ]
      for query in far where query.allSatisfy({ $0.magnitude < 0x1p480 }) {
        let one = Table(1, 5) { query[$1] }
        try index.search(try one.matrix, k: k, dropsSelf: false, stage: "score", call: Call(threads: 1)) {
          [rows = nearest(X, query, k, without: nil)] found in
          #expect((0..<found.count).map { Int(index.rowOf[Int(found.slots[$0])]) } == rows, "\(cloud)")
        }
      }
    }
  }
}
