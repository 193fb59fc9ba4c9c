/// All rows of a matrix as panels of 8, column after column: what is read many times is laid out once. Rows
/// are finite. 8 bytes a value.
final class RowPanels: @unchecked Sendable {
  let values: Buffer<Double>
  let rows: Int
  let columns: Int
  /// A power of two that all values are multiplied with, so that their squares are numbers; mostly 1.
  let scale: Double
  /// Panels that are worked on together: the same whatever the number of threads.
  let chunkPanels: Int
  let chunks: Int

  var count: Int { (rows + 7) / 8 }

  init(_ X: Matrix, call: Call) throws(DetectionError) {
    rows = X.rows
    columns = X.columns
    let panels = (X.rows + 7) / 8
    let (size, overflow) = panels.multipliedReportingOverflow(by: 8 * X.columns)
    guard !overflow else { throw .outOfMemory(bytes: Int.max) }
    values = try Buffer(count: size, zeroed: false)
    let chunkPanels = max(1, min(512, (1 << 16) / (8 * X.columns)))
    self.chunkPanels = chunkPanels
    chunks = (panels + chunkPanels - 1) / chunkPanels
    let ends = try Buffer<Double>(count: chunks)
    nonisolated(unsafe) let (target, largest) = (values.base, ends.base)
    try forEachChunk(
      chunks, threads: RowPanels.threads(size, call), teller: ProgressTeller(call, "fit")
    ) { (chunk, _) throws(DetectionError) in
      let first = chunk * chunkPanels * 8
      let rows = min(chunkPanels * 8, X.rows - first)
      let own = target + first * X.columns
      try PanelKernels.chosen.load(X, from: first, rows: rows, into: own)
      var (low, high) = (0.0, 0.0)
      ColumnKernels.chosen.columnRange(own, (rows + 7) / 8 * 8 * X.columns, &low, &high)
      largest[chunk] = max(-low, high)
    }
    var most = 0.0
    for chunk in 0..<chunks { most = max(most, ends[chunk]) }
    scale = RowPanels.scale(most)
    if scale != 1 { for index in 0..<size { values[index] *= scale } }
  }

  /// Few values are not worth a second thread.
  static func threads(_ cells: Int, _ call: Call) -> Int { cells < 1 << 16 ? 1 : call.threads }

  private static func scale(_ largest: Double) -> Double {
    guard largest > 1e100 || (largest < 1e-100 && largest > 0) else { return 1 }
    return Double(
      sign: .plus, exponent: max(-1000, min(1000, -Int(largest.exponent))), significand: 1)
  }

  func value(_ row: Int, _ column: Int) -> Double {
    values[((row >> 3) * columns + column) * 8 + (row & 7)]
  }

  /// Run `body(chunk, first panel, panels, worker)` for all chunks.
  func forEachChunkOfPanels(
    threads: Int, _ body: (Int, Int, Int, Int) throws(DetectionError) -> Void
  ) throws(DetectionError) {
    try forEachChunk(chunks, threads: threads, teller: nil) {
      (chunk, worker) throws(DetectionError) in
      let first = chunk * chunkPanels
      try body(chunk, first, min(chunkPanels, count - first), worker)
    }
  }

  /// The mean of the columns' variances.
  func meanVariance() throws(DetectionError) -> Double {
    let sums = try Buffer<Double>(count: 16 * columns)
    let means = try Buffer<Double>(count: columns)
    let squares = sums.base + 8 * columns
    PanelKernels.chosen.addPanels(values.base, count, columns, nil, sums.base)
    for column in 0..<columns {
      for lane in 0..<8 { means[column] += sums[8 * column + lane] }
      means[column] /= Double(rows)
    }
    PanelKernels.chosen.addPanels(values.base, count, columns, means.base, squares)
    var sum = 0.0
    for column in 0..<columns {
      for lane in 0..<8 { sum += squares[8 * column + lane] / Double(rows) }
      // Lanes behind the last row are zero and have been squared too.
      sum -= Double(count * 8 - rows) * means[column] * means[column] / Double(rows)
    }
    return max(sum, 0) / Double(columns)
  }
}
