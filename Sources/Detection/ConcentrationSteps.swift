/// Concentration steps (Rousseeuw, Van Driessen 1999, theorem 1) on rows in memory: from a location and
/// covariance to those of the rows that lie nearest. The determinant never rises.
final class ConcentrationSteps: @unchecked Sendable {
  private let frame: Frame
  private let watch: Watch
  private let worker: Int
  let whitening: Whitening
  private let centred: Buffer<Double>
  private let packed: Buffer<Double>
  private let distances: Buffer<Double>
  private let ordered: Buffer<Double>
  private let sums: ScatterSums

  /// most: rows at most.
  init(_ frame: Frame, most: Int, watch: Watch, worker: Int) throws(DetectionError) {
    self.frame = frame
    self.watch = watch
    self.worker = worker
    whitening = try Whitening(size: frame.count, width: frame.width)
    let padded = (most + 3) & ~3
    centred = try Buffer(count: padded * frame.width)
    packed = try Buffer(count: padded * frame.width)
    distances = try Buffer(count: padded)
    ordered = try Buffer(count: padded)
    sums = try ScatterSums(frame)
  }

  /// The location and covariance of some of the rows.
  func start(
    _ rows: UnsafePointer<Double>, chosen: [Int], into scatter: Scatter
  ) throws(DetectionError) {
    scatter.location.base.update(
      from: rows + (chosen.first ?? 0) * frame.width, count: frame.width)
    for (index, row) in chosen.enumerated() {
      centre(rows + row * frame.width, scatter.location.base, packed.base + index * frame.width)
    }
    sums.clear()
    sums.add(packed.base, count: chosen.count)
    try settle(scatter)
  }

  /// Steps until nothing falls any more, `most` at most.
  func run(
    _ rows: UnsafePointer<Double>, count: Int, nearest: Int, scatter: Scatter, most: Int,
    fraction: Double
  ) throws(DetectionError) {
    try whitening.set(scatter.covariance.base, singular: .raised)
    scatter.logDeterminant = whitening.logDeterminant
    for _ in 0..<most {
      try watch.check(worker, fraction)
      let before = scatter.logDeterminant
      try step(rows, count: count, nearest: nearest, scatter: scatter)
      if !(scatter.logDeterminant < before - 1e-12 * abs(before)) { return }
    }
  }

  private func step(
    _ rows: UnsafePointer<Double>, count: Int, nearest: Int, scatter: Scatter
  ) throws(DetectionError) {
    let width = frame.width
    for row in 0..<count {
      centre(rows + row * width, scatter.location.base, centred.base + row * width)
    }
    frame.pad(centred.base, rows: count)
    DenseKernels.chosen.squaredNorms(
      centred.base, count, width, frame.count, whitening.matrix.base, whitening.outputs,
      whitening.isTriangular, distances.base)
    ordered.base.update(from: distances.base, count: count)
    let farthest = select(ordered.base, count, nearest - 1)
    var ties = nearest
    for row in 0..<count where distances[row] < farthest { ties -= 1 }
    var filled = 0
    for row in 0..<count {
      if distances[row] >= farthest {
        guard distances[row] == farthest, ties > 0 else { continue }
        ties -= 1
      }
      guard filled < nearest else { break }
      (packed.base + filled * width).update(from: centred.base + row * width, count: width)
      filled += 1
    }
    sums.clear()
    sums.add(packed.base, count: filled)
    try settle(scatter)
  }

  private func settle(_ scatter: Scatter) throws(DetectionError) {
    scatter.take(sums)
    try whitening.set(scatter.covariance.base, singular: .raised)
    scatter.logDeterminant = whitening.logDeterminant
  }

  @inline(__always)
  private func centre(
    _ row: UnsafePointer<Double>, _ location: UnsafePointer<Double>,
    _ target: UnsafeMutablePointer<Double>
  ) {
    for feature in 0..<frame.width { target[feature] = row[feature] - location[feature] }
  }
}
