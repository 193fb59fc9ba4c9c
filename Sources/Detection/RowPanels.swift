/// All rows of a matrix as panels of 8, column after column: what is read many times is laid out once. Rows
/// are finite. 8 bytes a value.
final class RowPanels: @unchecked Sendable {
  let values: Buffer<Double>
  let rows: Int
  let columns: Int
  /// A power of two that all values are multiplied with, so that their squares are numbers; mostly 1.
  let scale: Double
  /// The greatest magnitude of a value, scaled.
  let largest: Double
  /// The caller's rows, where they lie as doubles one after another, and how many doubles from one to the next.
  let lines: (base: UnsafePointer<Double>, step: Int)?
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
    nonisolated(unsafe) let (target, extremes) = (values.base, ends.base)
    try forEachChunk(
      chunks, threads: RowPanels.threads(size, call), teller: ProgressTeller(call, "fit")
    ) { (chunk, _) throws(DetectionError) in
      let first = chunk * chunkPanels * 8
      let rows = min(chunkPanels * 8, X.rows - first)
      let own = target + first * X.columns
      try PanelKernels.chosen.load(X, from: first, rows: rows, into: own)
      var (low, high) = (0.0, 0.0)
      ColumnKernels.chosen.columnRange(own, (rows + 7) / 8 * 8 * X.columns, &low, &high)
      extremes[chunk] = max(-low, high)
    }
    var most = 0.0
    for chunk in 0..<chunks { most = max(most, ends[chunk]) }
    scale = RowPanels.scale(most)
    largest = most * scale
    lines = scale == 1 ? RowPanels.lines(X) : nil
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

  private static func lines(_ X: Matrix) -> (base: UnsafePointer<Double>, step: Int)? {
    let base = X.start(ofRow: 0)
    guard X.element == .float64, X.columnStride == 8, X.rowStride != 0, X.rowStride % 8 == 0,
      Int(bitPattern: base) % 8 == 0
    else { return nil }
    return (base.assumingMemoryBound(to: Double.self), X.rowStride / 8)
  }

  /// The mean of each column.
  func means(threads: Int) throws(DetectionError) -> Buffer<Double> {
    let lanes = 8 * columns
    // As many partial sums as are worked on at a time, added up in the order of the rows.
    let round = threads == 1 ? 1 : min(4 * threads, chunks)
    let partial = try Buffer<Double>(count: round * lanes, zeroed: false)
    let sums = try Buffer<Double>(count: lanes)
    let means = try Buffer<Double>(count: columns)
    var done = 0
    while done < chunks {
      let number = min(round, chunks - done)
      try forEachChunk(number, threads: threads, teller: nil) { (place, _) throws(DetectionError) in
        let first = (done + place) * chunkPanels
        let own = partial.base + place * lanes
        own.update(repeating: 0, count: lanes)
        PanelKernels.chosen.addPanels(
          values.base + first * lanes, min(chunkPanels, count - first), columns, own)
      }
      for place in 0..<number {
        for lane in 0..<lanes { sums[lane] += partial[place * lanes + lane] }
      }
      done += number
    }
    for column in 0..<columns {
      var sum = 0.0
      for lane in 0..<8 { sum += sums[8 * column + lane] }
      means[column] = sum / Double(rows)
    }
    return means
  }
}
