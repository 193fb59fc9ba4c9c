import Testing

@testable import Detection

struct SamplingTests {
  private func counts(
    rows: Int, count: Int, draws: Int, replace: Bool = false, weights: [Double]? = nil
  ) throws -> (counts: [Int], allDistinct: Bool) {
    var counts = [Int](repeating: 0, count: rows)
    var allDistinct = true
    func run(_ weights: UnsafeBufferPointer<Double>?) throws {
      let sampler = try RowSampler(rows: rows, count: count, replace: replace, weights: weights)
      var random = Random(seed: 11, stream: UInt64(rows))
      var seen = RowSet(capacity: count)
      let chosen = try Buffer<Int>(count: count)
      for tree in 0..<draws {
        sampler.draw(tree: tree, seed: 5, &random, into: chosen.base, seen: &seen)
        let drawn = (0..<sampler.drawn).map { chosen[$0] }
        if Set(drawn).count != drawn.count { allDistinct = false }
        for row in drawn { counts[row] += 1 }
      }
    }
    if let weights {
      try weights.withUnsafeBufferPointer { try run($0) }
    } else {
      try run(nil)
    }
    return (counts, allDistinct)
  }

  @Test(arguments: [1024, 1025, 1999, 4096, 5000]) func permutationsAreWhole(size: Int) {
    for stream in 0..<20 {
      let permutation = Permutation(size: size, seed: 3, stream: UInt64(stream))
      #expect(Set(permutation.mapped(from: 0, count: size)) == Set(0..<size))
    }
  }

  /// Over the seeds every row comes first equally often, and so it is with how far the next one is.
  @Test(arguments: [1024, 1500]) func permutationsAreUniform(size: Int) {
    var firsts = [Int](repeating: 0, count: size)
    var distances = [Int](repeating: 0, count: size)
    let draws = 300 * size
    for stream in 0..<draws {
      let permutation = Permutation(size: size, seed: 9, stream: UInt64(stream))
      let two = permutation.mapped(from: stream % (size - 1), count: 2)
      firsts[two[0]] += 1
      distances[(two[1] - two[0] + size) % size] += 1
    }
    #expect(firsts.allSatisfy { abs(Double($0) - 300) < 6 * 300.squareRoot() })
    #expect(distances[0] == 0)
    #expect(distances.dropFirst().allSatisfy { abs(Double($0) - 300) < 6.5 * 300.squareRoot() })
  }

  /// Ten trees of a tenth each: every row exactly once.
  @Test(arguments: [1000, 2000]) func treesAreDealtTheirRows(rows: Int) throws {
    #expect(try counts(rows: rows, count: rows / 10, draws: 10).counts.allSatisfy { $0 == 1 })
  }

  /// Drawing without replacement is uniform and never repeats a row.
  @Test(arguments: [(2000, 20), (1000, 20), (100, 60), (50, 50)]) func uniform(rows: Int, count: Int) throws {
    let draws = 20_000
    let (counts, distinct) = try counts(rows: rows, count: count, draws: draws)
    let expected = Double(draws * count) / Double(rows)
    #expect(distinct)
    #expect(counts.allSatisfy { abs(Double($0) - expected) <= 6 * expected.squareRoot() })
  }

  @Test func bootstrapRepeats() throws {
    let (_, distinct) = try counts(rows: 50, count: 50, draws: 10, replace: true)
    #expect(!distinct)
  }

  /// Few of many (rejection) and many of few (keys), with a row of weight 0 and one of double weight.
  @Test(arguments: [(400, 4), (20, 5)]) func weighted(rows: Int, count: Int) throws {
    var weights = [Double](repeating: 1, count: rows)
    weights[0] = 0
    weights[1] = 2
    let draws = 40_000
    let (counts, distinct) = try counts(rows: rows, count: count, draws: draws, weights: weights)
    #expect(distinct)
    #expect(counts[0] == 0)
    let ordinary = Double(counts[2...].reduce(0, +)) / Double(rows - 2)
    #expect(Double(counts[1]) / ordinary > 1.6)
    #expect(Double(counts[1]) / ordinary < 2.2)
  }

  @Test func weightsLimitTheDraw() throws {
    let (counts, _) = try counts(rows: 5, count: 5, draws: 3, weights: [0, 1, 0, 1, 1])
    #expect(counts == [0, 3, 0, 3, 3])
  }

  @Test func reservoirIsUniformAndKeepsAllWhileTheyFit() throws {
    var hits = [Int](repeating: 0, count: 500)
    for seed in 0..<4000 {
      var reservoir = Reservoir(columns: 1, seed: UInt64(seed), capacity: 25)
      let batch = Table(1, 50) { _, column in Double(column) }
      for start in stride(from: 0, to: 500, by: 50) {
        for index in 0..<50 { batch.values[index] = Double(start + index) }
        try reservoir.take(batch.values, rows: 50, columnStride: 50)
      }
      #expect(reservoir.rows == 25)
      try reservoir.withMatrix { (X) throws(DetectionError) in
        for row in 0..<25 { hits[Int(X.value(row, 0))] += 1 }
      }
    }
    #expect(hits.allSatisfy { abs($0 - 200) < 85 })

    var whole = Reservoir(columns: 2, seed: 0, capacity: 25)
    let batch = Table(2, 10) { column, row in Double(10 * column + row) }
    try whole.take(batch.values, rows: 10, columnStride: 10)
    try whole.withMatrix { (X) throws(DetectionError) in
      #expect((0..<10).map { X.value($0, 1) } == (10..<20).map(Double.init))
    }
  }

  @Test func quantileIsThatOfTheSortedValues() throws {
    var random = Random(seed: 1, stream: 1)
    for count in [1, 2, 3, 10, 101] {
      let values = (0..<count).map { _ in Double(random.below(30)) }
      for share in [0, 0.1, 0.5, 0.9, 1] {
        let buffer = try Buffer<Double>(count: count)
        for (index, value) in values.enumerated() { buffer[index] = value }
        let sorted = values.sorted()
        let position = share * Double(count - 1)
        let low = sorted[Int(position)]
        let high = sorted[min(Int(position) + 1, count - 1)]
        #expect(
          abs(quantile(buffer, share) - (low + (high - low) * (position - position.rounded(.down)))) < 1e-12)
      }
    }
  }
}

extension Permutation {
  fileprivate func mapped(from first: Int, count: Int) -> [Int] {
    [Int](unsafeUninitializedCapacity: count) { targets, filled in
      if let base = targets.baseAddress { map(from: first, count: count, into: base) }
      filled = count
    }
  }
}
