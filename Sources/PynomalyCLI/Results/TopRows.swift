import Tables

/// A row among the most anomalous, with what explains it.
struct TopRow {
  var row: Int
  var line: Int
  var fileOffset: Int64
  var score: Double
  var label: Int32
  var values: [Double]
  /// How much each feature adds to the score; empty when the detector cannot tell.
  var shares: [Double] = []
  /// Texts of columns that are no features, to know the row by: (column, text).
  var identity: [(String, String)] = []

  /// Features in falling order of share, each as its part of all that raises the score; those that
  /// lower it (where a method's shares can be negative) are left out.
  func responsible(most: Int) -> [(feature: Int, share: Double)] {
    let raising = shares.enumerated().filter { $0.element > 0 }
    let total = raising.reduce(0) { $0 + $1.element }
    return raising.sorted { ($0.element, $1.offset) > ($1.element, $0.offset) }.prefix(most)
      .map { ($0.offset, $0.element / total) }
  }
}

/// The N rows with the highest scores; of equal ones the earlier. Their values are kept, so that they
/// can be explained without reading the table again.
struct TopRows {
  private let limit: Int
  /// No other rows than these, with these scores; nil for all.
  private let among: [Int: Double]?
  /// A heap whose root is the least of the best.
  private var heap: [TopRow] = []

  init(limit: Int, among: [Int: Double]? = nil) {
    self.limit = limit
    self.among = among
  }

  var sorted: [TopRow] { heap.sorted { TopRows.isBelow($1, $0) } }

  mutating func take(_ chunk: Chunk, hasLabels: Bool) {
    guard limit > 0 else { return }
    for row in 0..<chunk.rows {
      var score = chunk.scores[row]
      if let among {
        guard let own = among[chunk.firstRow + row] else { continue }
        score = own
      }
      if heap.count == limit, score <= heap[0].score { continue }
      let found = TopRow(
        row: chunk.firstRow + row, line: chunk.line(ofRow: row),
        fileOffset: chunk.fileOffset(ofRow: row), score: score,
        label: hasLabels ? chunk.labels[row] : 0,
        values: (0..<chunk.columns).map { chunk.values[$0 * chunk.stride + row] })
      if heap.count < limit {
        heap.append(found)
        siftUp()
      } else {
        heap[0] = found
        siftDown()
      }
    }
  }

  private static func isBelow(_ a: TopRow, _ b: TopRow) -> Bool {
    a.score != b.score ? a.score < b.score : a.row > b.row
  }

  private mutating func siftUp() {
    var child = heap.count - 1
    while child > 0, TopRows.isBelow(heap[child], heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func siftDown() {
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if TopRows.isBelow(heap[child], heap[least]) { least = child }
      }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
