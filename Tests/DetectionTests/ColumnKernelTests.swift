import Testing

@testable import Detection

/// The column kernels of every build give the same bits, and what they should.
struct ColumnKernelTests {
  #if arch(x86_64)
    static let builds =
      KernelBuildTests.builds.count == 2
      ? [ColumnKernels.baseline, .x86v3] : [ColumnKernels.baseline]
  #else
    static let builds = [ColumnKernels.baseline]
  #endif

  @Test(arguments: [1, 7, 8, 9, 255, 256, 1000, 5000], [true, false])
  func sorting(count: Int, fewValues: Bool) throws {
    var random = Random(seed: 1, stream: UInt64(count))
    let special = [0, 1e300, -1e300, 5e-324, -5e-324, 1, -1]
    let values = (0..<count).map { _ in
      fewValues ? special[random.below(special.count)] : random.normal()
    }
    let X = Table(count, 1) { row, _ in values[row] }
    try forEachSortedColumn(try X.matrix, call: Call(threads: 1)) { _, sorted in
      let expected = Set(values).sorted()
      #expect((0..<sorted.count).map { sorted.values[$0] } == expected)
      for (index, value) in expected.enumerated() {
        #expect(Int(sorted.ends[index]) == values.count { $0 <= value })
      }
    }
  }

  @Test(arguments: [1, 2, 3, 8, 100, 1000]) func searching(count: Int) throws {
    var random = Random(seed: 2, stream: UInt64(count))
    let sorted = try Buffer<Double>(count: count + 1)
    for index in 0..<count { sorted[index] = Double(2 * index) }
    sorted[count] = .infinity
    let table = try Buffer<Double>(count: 2 * count + 1)
    for index in 0..<table.count { table[index] = Double(index) }
    let values = try Buffer<Double>(count: 101)
    for index in 0..<101 { values[index] = Double(random.below(2 * count + 3)) - 2 }
    for kernels in Self.builds {
      let parts = try Buffer<Double>(count: 101)
      withExtendedLifetime((sorted, table, values)) {
        kernels.lookUpParts(values.base, 101, sorted.base, count, table.base, parts.base)
      }
      for index in 0..<101 {
        let below = (0..<count).count { sorted[$0] < values[index] }
        let equal = (0..<count).contains { sorted[$0] == values[index] }
        #expect(parts[index] == Double(2 * below + (equal ? 1 : 0)))
      }
    }
  }

  @Test func buildsAgree() throws {
    var random = Random(seed: 3, stream: 0)
    let block = try Buffer<Double>(count: 4 * 101)
    for index in 0..<block.count { block[index] = random.normal() * 3 }
    let features = try Buffer<UInt32>(count: 2)
    features[1] = 3
    let weights = try Buffer<Double>(count: 2)
    weights[0] = 0.3
    weights[1] = -1.7
    var results: [[UInt64]] = []
    for kernels in Self.builds {
      let sums = try Buffer<Double>(count: 101)
      let parts = try Buffer<Double>(count: 101)
      var (least, greatest) = (0.0, 0.0)
      withExtendedLifetime((block, features, weights)) {
        kernels.projectRows(block.base, 101, 101, features.base, weights.base, 2, sums.base)
        kernels.columnRange(sums.base, 101, &least, &greatest)
        kernels.robustDistances(sums.base, 101, 0.1, 0.7, 1e300, parts.base)
        kernels.takeLarger(sums.base, 101, parts.base)
        kernels.addColumn(sums.base, 101, parts.base)
      }
      for row in 0..<101 {
        #expect(sums[row] == 0.3 * block[row] + -1.7 * block[303 + row])
        let distance = 0.6745 * abs(sums[row] - 0.1) / 0.7
        #expect(parts[row] == max(distance, sums[row]) + sums[row])
      }
      #expect(least == (0..<101).map { sums[$0] }.min())
      #expect(greatest == (0..<101).map { sums[$0] }.max())
      results.append((0..<101).map { parts[$0].bitPattern })
    }
    for result in results { #expect(result == results[0]) }
  }
}
