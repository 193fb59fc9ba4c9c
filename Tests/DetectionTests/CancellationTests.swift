import Testing

@testable import Detection

/// Work on very many rows looks up between pieces of it. The clock is not asked here: the pieces are counted.
struct CancellationTests {
  private let rows = 5 * SortedColumn.piece / 2

  private func column() throws -> Buffer<Double> {
    let values = try Buffer<Double>(count: rows)
    var random = Random(seed: 1, stream: 0)
    for row in 0..<rows { values[row] = random.unit() }
    return values
  }

  private final class Counter {
    var count = 0
    var last = Int.max
    func check() throws(DetectionError) {
      count += 1
      if count > last { throw .cancelled }
    }
  }

  @Test func sortingLooksUpInEveryPass() throws {
    let counter = Counter()
    let values = try column()
    let sorter = try ColumnSorter(rows: rows)
    defer { withExtendedLifetime(sorter) {} }
    let sorted = try sorter.sort(values.base) { () throws(DetectionError) in
      try counter.check()
    }
    // Counting, six passes, and the distinct values, in three pieces each.
    #expect(counter.count == 24)
    #expect((1..<sorted.count).allSatisfy { sorted.values[$0 - 1] < sorted.values[$0] })
    #expect(Int(sorted.ends[sorted.count - 1]) == rows)
    counter.count = 0
    _ = try sorted.isSkewedLeft()
    #expect(counter.count == 6)
    counter.count = 0
    _ = try sorted.bestBinCount()
    #expect(counter.count == Int(Double(rows).squareRoot()) / 64)
  }

  @Test(arguments: [0, 4, 20]) func sortingStopsWhereItIsTold(last: Int) throws {
    let counter = Counter()
    counter.last = last
    let values = try column()
    let sorter = try ColumnSorter(rows: rows)
    let error = #expect(throws: DetectionError.self) {
      _ = try sorter.sort(values.base) { () throws(DetectionError) in try counter.check() }
    }
    #expect(error?.status == .cancelled)
    #expect(counter.count == last + 1)
  }
}
