import CKernels

/// For each window of a series the distance of the most alike window: of the same series, outside an
/// exclusion zone, or of another one. All pairs are compared, O(windows^2); memory O(windows) a thread.
struct SeriesJoin {
  let window: Int
  let normalized: Bool
  let call: Call
  let stage: StaticString

  /// Diagonals that are one piece of work, so many rows of them. Each piece computes its first covariances
  /// anew, so that rounding does not go on, and the bits do not depend on who does which piece.
  private static let band = 256
  private var blockRows: Int { max(4096, min(8 * window, 1 << 16)) }

  /// Correlations above this are those of equal windows (as in stumpy).
  private static let perfect = 1 - 1e-14

  /// Within one series; windows at most `exclusion` apart are not compared.
  func ownDistances(_ series: ProfiledSeries, exclusion: Int, scale: Double)
    throws(DetectionError) -> Buffer<Double>
  {
    let best = try run(windows: series.count) { (run) throws(DetectionError) in
      try run.join(series, series, from: exclusion + 1, rows: true, columns: true)
    }
    finish(best, series, scale: scale) { window in
      guard let constant = series.constant else { return false }
      return window - constant.lowerBound > exclusion || constant.upperBound - window > exclusion
    }
    return best
  }

  /// From the windows of `query` to those of another series.
  func distances(_ query: ProfiledSeries, to other: ProfiledSeries, scale: Double)
    throws(DetectionError) -> Buffer<Double>
  {
    let best = try run(windows: query.count) { (run) throws(DetectionError) in
      try run.join(query, other, from: 0, rows: true, columns: false)
      try run.join(other, query, from: 1, rows: false, columns: true)
    }
    finish(best, query, scale: scale) { _ in other.constant != nil }
    return best
  }

  /// From likeness to distance.
  ///
  /// - meetsConstant: whether a constant window is among those that the window is compared with.
  private func finish(
    _ best: Buffer<Double>, _ series: ProfiledSeries, scale: Double, meetsConstant: (Int) -> Bool
  ) {
    for index in 0..<series.count {
      guard normalized else {
        best[index] = max(0, -best[index]).squareRoot() / scale
        continue
      }
      var correlation = best[index]
      // Two constant windows are equal, a constant one and another are as far apart as if their correlation
      // were one half (as in stumpy).
      if series.constant != nil, series.isConstant(index) {
        correlation = meetsConstant(index) ? 1 : 0.5
      } else if meetsConstant(index) {
        correlation = max(correlation, 0.5)
      }
      best[index] =
        correlation > SeriesJoin.perfect
        ? 0 : (2 * Double(window) * (1 - correlation)).squareRoot()
    }
  }

  // ------------------------------------------------------------------------------------- joining

  private func run(
    windows: Int, _ body: (Run) throws(DetectionError) -> Void
  ) throws(DetectionError) -> Buffer<Double> {
    let run = try Run(self, windows: windows)
    try body(run)
    for worker in 1..<max(run.threads, 1) {
      let other = run.best.base + worker * run.size
      for index in 0..<windows {
        run.best[index] = other[index] > run.best[index] ? other[index] : run.best[index]
      }
    }
    return run.best
  }

  /// What the threads of a join have to themselves.
  private final class Run: @unchecked Sendable {
    let join: SeriesJoin
    let threads: Int
    /// Doubles of a thread in ``best``.
    let size: Int
    let best: Buffer<Double>
    private let rowBest: Buffer<Double>
    private let scratch: Buffer<Double>
    private let blockRows: Int

    init(_ join: SeriesJoin, windows: Int) throws(DetectionError) {
      self.join = join
      threads = windows < 1024 ? 1 : join.call.threads
      size = (windows + Int(CK_DIAGONALS) + 7) & ~7
      blockRows = min(join.blockRows, windows)
      let all = threads.multipliedReportingOverflow(by: size)
      let lanes = join.normalized ? 0 : Int(CK_DIAGONALS)
      let room = (threads * lanes).multipliedReportingOverflow(by: join.window)
      guard !all.overflow, !room.overflow else { throw .outOfMemory(bytes: Int.max) }
      best = try Buffer(count: all.partialValue, zeroed: false)
      best.base.update(repeating: -.infinity, count: all.partialValue)
      rowBest = try Buffer(count: threads * 4 * join.blockRows, zeroed: false)
      scratch = try Buffer(count: room.partialValue)
    }

    /// Compare window i of `a` with the windows from i + `from` on of `b`.
    func join(
      _ a: ProfiledSeries, _ b: ProfiledSeries, from: Int, rows: Bool, columns: Bool
    ) throws(DetectionError) {
      let reach = min(a.count, b.count - from)
      guard reach > 0 else { return }
      // Where the pieces of each block of rows begin.
      let height = join.blockRows
      var starts = [0]
      for block in 0..<((reach + height - 1) / height) {
        let diagonals = b.count - from - block * height
        starts.append(starts[block] + (diagonals + SeriesJoin.band - 1) / SeriesJoin.band)
      }
      try forEachChunk(
        starts[starts.count - 1], threads: threads,
        teller: ProgressTeller(join.call, join.stage)
      ) { (piece, worker) throws(DetectionError) in
        var (low, high) = (0, starts.count - 1)
        while low + 1 < high {
          let middle = (low + high) / 2
          if starts[middle] <= piece { low = middle } else { high = middle }
        }
        self.compare(
          a, b, first: low * height, diagonal: from + (piece - starts[low]) * SeriesJoin.band,
          height: min(height, reach - low * height), rows: rows, columns: columns, worker)
      }
    }

    private func compare(
      _ a: ProfiledSeries, _ b: ProfiledSeries, first: Int, diagonal: Int, height: Int, rows: Bool,
      columns: Bool, _ worker: Int
    ) {
      let kernels = SeriesKernels.chosen
      let own = rowBest.base + worker * 4 * join.blockRows
      let target = best.base + worker * size
      if rows { own.update(repeating: -.infinity, count: 4 * height) }
      var (left, right) = (a.series, b.series)
      withUnsafePointer(to: &left) { left in
        withUnsafePointer(to: &right) { right in
          var step = diagonal
          while step < diagonal + SeriesJoin.band, first + step < b.count {
            var task = ck_join(
              a: left, b: right, first: Int64(first),
              rows: Int64(min(height, b.count - first - step)), column: Int64(first + step),
              window: Int64(join.window), row_best: rows ? own : nil,
              column_best: columns ? target : nil,
              scratch: scratch.base + (join.normalized ? 0 : worker * 16 * join.window))
            if join.normalized { kernels.correlate(&task) } else { kernels.measure(&task) }
            step += Int(CK_DIAGONALS)
          }
        }
      }
      if rows { kernels.takeRowBest(own, height, target + first) }
    }
  }
}
