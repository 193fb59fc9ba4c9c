/// A fitted one-class support vector machine.
final class SVMModel: Model {
  /// Numbers that fitting found.
  struct Numbers {
    var steps: Int
    var violation: Double
    var objective: Double
    var boundedCount: Int
  }

  let frame: Frame
  /// The mean of each column.
  let means: Buffer<Double>
  let supports: KernelRows
  /// One for each support vector, and 0 up to a multiple of 8.
  let coefficients: Buffer<Double>
  let rho: Double
  let numbers: Numbers

  var featureCount: Int { frame.count }
  let naturalThreshold = 0.0

  init(
    frame: Frame, means: Buffer<Double>, supports: KernelRows, coefficients: Buffer<Double>,
    rho: Double, numbers: Numbers
  ) {
    self.frame = frame
    self.means = means
    self.supports = supports
    self.coefficients = coefficients
    self.rho = rho
    self.numbers = numbers
  }

  convenience init(
    _ solver: OneClassSolver, frame: Frame, means: Buffer<Double>
  ) throws(DetectionError) {
    let rows = solver.rows
    let held = (0..<rows.count).filter { solver.multipliers[$0] > 0 }
    let supports = try KernelRows(rows.kernel, features: rows.features, count: held.count)
    let coefficients = try Buffer<Double>(count: supports.padded)
    var objective = 0.0
    var (freeSum, freeCount, bounded) = (0.0, 0, 0)
    for (place, row) in held.enumerated() {
      supports.copy(place, from: rows, row)
      let multiplier = solver.multipliers[row]
      coefficients[place] = multiplier
      objective += 0.5 * multiplier * solver.gradient[row]
      if multiplier < solver.bounds[row] {
        freeSum += solver.gradient[row]
        freeCount += 1
      } else {
        bounded += 1
      }
    }
    // The mean over support vectors on the surface; without any the middle of what optimality allows.
    let (least, greatest) = solver.border()
    let rho =
      freeCount > 0
      ? freeSum / Double(freeCount) : least.isFinite ? (least + greatest) / 2 : greatest
    guard rho.isFinite, objective.isFinite else {
      throw DetectionError(
        .invalidData, "the values are too large for this kernel: its sums are not finite")
    }
    self.init(
      frame: frame, means: means, supports: supports, coefficients: coefficients, rho: rho,
      numbers: .init(
        steps: solver.steps, violation: solver.violation, objective: objective,
        boundedCount: bounded))
  }

  var fitted: [(name: String, value: Double)] {
    [
      ("support_count", Double(supports.count)),
      ("bounded_count", Double(numbers.boundedCount)),
      ("gamma", supports.kernel.gamma),
      ("rho", rho),
      ("objective", numbers.objective),
      ("violation", numbers.violation),
      ("n_iter", Double(numbers.steps)),
    ]
  }

  /// Rows handed to a thread at a time: at most a few milliseconds of work.
  private var chunkRows: Int {
    max(4, min(64, (1 << 22) / max(1, supports.padded * (supports.features + 8)) & ~3))
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    try forEachRows(X, call, "score") { tile, scratch, first, rows in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 4) { sums in
        guard let sums = sums.baseAddress else { return }
        var row = 0
        while row < rows {
          self.supports.sums(
            ofLoaded: tile + row * self.frame.width, width: self.frame.width,
            coefficients: self.coefficients.base, scratch, into: sums)
          for lane in 0..<min(4, rows - row) {
            scores[first + row + lane] = SVMModel.bounded(self.rho - sums[lane])
          }
          row += 4
        }
      }
    }
  }

  /// Beyond the range of doubles: the greatest of them.
  @inline(__always)
  static func bounded(_ score: Double) -> Double {
    score.isNaN
      ? .greatestFiniteMagnitude
      : min(max(score, -.greatestFiniteMagnitude), .greatestFiniteMagnitude)
  }

  /// Load the rows of X chunk by chunk, padded to fours, for `body(tile, scratch, first, rows)`.
  func forEachRows(
    _ X: Matrix, _ call: Call, _ stage: StaticString,
    _ body: (UnsafePointer<Double>, KernelRows.Scratch, Int, Int) -> Void
  ) throws(DetectionError) {
    let chunkRows = min(chunkRows, (X.rows + 3) & ~3)
    guard X.rows > 0 else { return }
    let chunks = (X.rows + chunkRows - 1) / chunkRows
    let threads = max(1, min(call.threads, chunks))
    var scratches: [(tile: Buffer<Double>, scratch: KernelRows.Scratch)] = []
    for _ in 0..<threads {
      scratches.append(
        (try Buffer(count: chunkRows * frame.width), try KernelRows.Scratch(supports)))
    }
    try forEachChunk(chunks, threads: threads, teller: ProgressTeller(call, stage)) {
      (chunk, worker) throws(DetectionError) in
      let (tile, scratch) = scratches[worker]
      let first = chunk * chunkRows
      let rows = min(chunkRows, X.rows - first)
      try frame.load(X, from: first, rows: rows, into: tile.base)
      frame.pad(tile.base, rows: rows)
      body(tile.base, scratch, first, rows)
    }
  }
}
