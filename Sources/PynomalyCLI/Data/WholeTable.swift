import CPynomaly
import Tables

/// All rows of a table in memory, row after row, and their labels.
struct WholeTable {
  let values: [Double]
  let labels: [Int32]
  let rows: Int
  let columns: Int

  init(_ features: FeatureTable, _ session: Session) throws {
    let source = features.table.source
    let chunks = features.chunks(session, threads: features.parsingThreads(session))
    defer { chunks.stop() }
    let columns = features.featureNames.count
    var values: [Double] = []
    var labels: [Int32] = []
    try features.explaining {
      while let chunk = try chunks.next() {
        for row in 0..<chunk.rows {
          for column in 0..<columns { values.append(chunk.values[column * chunk.stride + row]) }
        }
        if features.plan.hasLabel {
          labels.append(contentsOf: UnsafeBufferPointer(start: chunk.labels, count: chunk.rows))
        }
        chunks.recycle(chunk)
        session.progress.update(
          "reading", Double(chunks.offset - source.start) / Double(source.end - source.start))
      }
      if chunks.rows == 0 { throw TableError.headerOnly }
    }
    session.progress.clear()
    self.values = values
    self.labels = labels
    self.columns = columns
    rows = chunks.rows
  }

  func withMatrix<Result>(_ body: (UnsafePointer<pyn_matrix>) throws -> Result) rethrows -> Result {
    try values.withUnsafeBufferPointer { values in
      var matrix = pyn_matrix()
      matrix.struct_size = MemoryLayout<pyn_matrix>.stride
      matrix.data = UnsafeRawPointer(values.baseAddress)
      matrix.dtype = Int32(PYN_FLOAT64)
      matrix.rows = Int64(rows)
      matrix.columns = Int64(columns)
      matrix.row_stride = Int64(columns * 8)
      matrix.column_stride = 8
      return try body(&matrix)
    }
  }
}
