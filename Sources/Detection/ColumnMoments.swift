/// The means of the columns, and the variance of all values together. At most 64 parts of the rows are
/// summed, side by side, and the parts in their order: the same bits for any number of threads.
struct ColumnMoments {
  let means: Buffer<Double>
  let variance: Double

  init(_ X: Matrix, _ frame: Frame, _ call: Call) throws(DetectionError) {
    means = try Buffer(count: X.columns)
    let width = X.columns
    let partRows = max(frame.tileRows, (X.rows + 63) / 64)
    let parts = (X.rows + partRows - 1) / partRows
    let sums = try Buffer<Double>(count: parts * width)
    let threads = X.rows * width < 1 << 18 ? 1 : max(1, min(call.threads, parts))
    var tiles: [Buffer<Double>] = []
    for _ in 0..<threads { tiles.append(try frame.makeTile()) }
    let share = 1 / Double(X.rows)

    func pass(
      _ range: ClosedRange<Double>, _ add: (UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void
    ) throws(DetectionError) {
      let watch = try Watch(call, "fit", range)
      try forEachChunk(parts, threads: threads, teller: nil) { (part, worker) throws(DetectionError) in
        var first = part * partRows
        let end = min(first + partRows, X.rows)
        while first < end {
          let rows = min(frame.tileRows, end - first)
          try frame.load(X, from: first, rows: rows, into: tiles[worker].base)
          for row in 0..<rows { add(tiles[worker].base + row * frame.width, sums.base + part * width) }
          first += rows
          try watch.check(worker, Double(first) * share)
        }
      }
    }

    try pass(0...0.5) { row, sums in
      for column in 0..<width { sums[column] += row[column] * share }
    }
    var mean = 0.0
    for column in 0..<width {
      for part in 0..<parts { means[column] += sums[part * width + column] }
      mean += means[column] / Double(width)
    }
    sums.base.update(repeating: 0, count: sums.count)
    try pass(0.5...1) { row, sums in
      for column in 0..<width { sums[column] += (row[column] - mean) * (row[column] - mean) * share }
    }
    var squares = 0.0
    for index in 0..<sums.count { squares += sums[index] / Double(width) }
    variance = squares
  }
}
