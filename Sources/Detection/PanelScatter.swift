/// Means and covariances where columns are few: 8 rows at a time, one lane a row, instead of columns padded to
/// 8. Values are checked on the way.
enum PanelScatter {
  static let mostColumns = 24
  /// The same whatever the number of threads, as are the bits.
  private static let chunkRows = 4096

  /// Make `scatter` that of all rows, relative to the frame's centres.
  static func gather(
    _ X: Matrix, _ frame: Frame, into scatter: Scatter, call: Call
  ) throws(DetectionError) {
    let columns = X.columns
    let pairs = columns * (columns + 1) / 2
    let size = 8 * (columns + pairs)
    let chunks = (X.rows + chunkRows - 1) / chunkRows
    let workers = max(1, min(X.rows * columns < 1 << 16 ? 1 : call.threads, chunks))
    // As many partial sums as are worked on at a time, added up in the order of the rows.
    let round = workers == 1 ? 1 : 8 * workers
    let partial = try Buffer<Double>(count: min(round, chunks) * size)
    let tiles = try Buffer<Double>(count: workers * chunkRows * columns, zeroed: false)
    let total = try Buffer<Double>(count: size)
    let teller = ProgressTeller(call, "fit")
    let kernels = PanelKernels.chosen
    var first = 0
    while first < chunks {
      let count = min(round, chunks - first)
      try forEachChunk(count, threads: workers, teller: nil) {
        (number, worker) throws(DetectionError) in
        let start = (first + number) * chunkRows
        let rows = min(chunkRows, X.rows - start)
        let own = partial.base + number * size
        let tile = tiles.base + worker * chunkRows * columns
        own.update(repeating: 0, count: size)
        try kernels.load(X, from: start, rows: rows, into: tile)
        kernels.standardise(
          tile, (rows + 7) / 8, columns, frame.centres.base, frame.scales.base)
        clear(tile, rows: rows, columns: columns)
        kernels.addProducts(tile, (rows + 7) / 8, columns, own)
      }
      for number in 0..<count {
        for index in 0..<size { total[index] += partial[number * size + index] }
      }
      first += count
      if !teller.tell(Double(first) / Double(chunks) * 0.5) { throw .cancelled }
    }
    take(total, into: scatter, rows: X.rows, columns: columns)
  }

  /// Lanes behind the last row count nothing.
  private static func clear(_ tile: UnsafeMutablePointer<Double>, rows: Int, columns: Int) {
    guard rows & 7 != 0 else { return }
    for column in 0..<columns {
      for lane in (rows & 7)..<8 { tile[((rows >> 3) * columns + column) * 8 + lane] = 0 }
    }
  }

  private static func take(
    _ sums: Buffer<Double>, into scatter: Scatter, rows: Int, columns: Int
  ) {
    func mean(_ place: Int) -> Double {
      var sum = 0.0
      for lane in 0..<8 { sum += sums[8 * place + lane] }
      return sum / Double(rows)
    }
    for column in 0..<columns { scatter.location[column] = mean(column) }
    var place = columns
    for j in 0..<columns {
      for k in j..<columns {
        let value = mean(place) - scatter.location[j] * scatter.location[k]
        scatter.covariance[j * columns + k] = j == k ? max(value, 0) : value
        scatter.covariance[k * columns + j] = scatter.covariance[j * columns + k]
        place += 1
      }
    }
  }
}
