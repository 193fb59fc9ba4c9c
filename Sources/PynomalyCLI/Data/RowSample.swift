import CPynomaly
import Tables

/// A uniform random sample of a table's rows, all of them while they fit (Vitter 1985, algorithm R), always
/// the same for the same table.
struct RowSample {
  static let limit = 20_000

  let columns: Int
  private(set) var seen = 0
  private var values: [Double] = []  // row-major
  private var scores: [Double]?
  private var state: UInt64 = 0x9e37_79b9_7f4a_7c15

  init(columns: Int, hasScores: Bool) {
    self.columns = columns
    scores = hasScores ? [] : nil
  }

  /// Goes through the table once.
  init(_ features: FeatureTable, _ detector: Detector?, _ session: Session) throws {
    self.init(columns: features.featureNames.count, hasScores: detector != nil)
    try features.forEachChunk(detector, session) { take($0) }
    if seen == 0 { throw features.words.failure(.headerOnly) }
  }

  var rows: Int { min(seen, RowSample.limit) }

  mutating func take(_ chunk: Chunk) {
    for row in 0..<chunk.rows {
      seen += 1
      if seen <= RowSample.limit {
        for column in 0..<columns { values.append(chunk.values[column * chunk.stride + row]) }
        scores?.append(chunk.scores[row])
        continue
      }
      let slot = below(seen)
      guard slot < RowSample.limit else { continue }
      for column in 0..<columns {
        values[slot * columns + column] = chunk.values[column * chunk.stride + row]
      }
      scores?[slot] = chunk.scores[row]
    }
  }

  /// SplitMix64 (Steele, Lea, Flood 2014), scaled.
  private mutating func below(_ bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return Int((z ^ (z >> 31)).multipliedFullWidth(by: UInt64(bound)).high)
  }

  func withMatrix<Result>(
    _ body: (inout pyn_matrix, UnsafePointer<Double>?) throws -> Result
  ) throws -> Result {
    try values.withUnsafeBufferPointer { values in
      var rows = pyn_matrix()
      rows.struct_size = MemoryLayout<pyn_matrix>.stride
      rows.data = UnsafeRawPointer(values.baseAddress)
      rows.dtype = Int32(PYN_FLOAT64)
      rows.rows = Int64(self.rows)
      rows.columns = Int64(columns)
      rows.row_stride = Int64(columns * 8)
      rows.column_stride = 8
      guard let scores else { return try body(&rows, nil) }
      return try scores.withUnsafeBufferPointer { try body(&rows, $0.baseAddress) }
    }
  }
}

extension FeatureTable {
  /// One pass over the rows, with their scores where there is a detector.
  func forEachChunk(
    _ detector: Detector?, _ session: Session, _ body: (Chunk) throws -> Void
  ) throws {
    let source = table.source
    let chunks = chunks(session, threads: isSmall ? 1 : session.threads) {
      try detector?.score($0, session, threads: isSmall ? session.threads : 1)
    }
    defer { chunks.stop() }
    try explaining {
      while let chunk = try chunks.next() {
        try body(chunk)
        chunks.recycle(chunk)
        session.progress.update(
          "reading", Double(chunks.offset - source.start) / Double(source.end - source.start))
      }
    }
    session.progress.clear()
  }
}
