import Glibc

/// A fitted ellipse.
final class EllipseModel: Model {
  /// Numbers that fitting found.
  struct Numbers {
    var seed: UInt64
    var supportCount: Int
    var reweightedCount: Int
    var rawLogDeterminant: Double
  }

  let featureCount: Int
  /// The centre of the ellipse and the units of its covariance.
  let frame: Frame
  /// Of the features that count, in the units of the frame.
  let covariance: Buffer<Double>
  let numbers: Numbers
  private let whitening: Whitening
  /// The symmetric root of the inverse correlation, times the inverse standard deviations.
  private let root: Buffer<Double>
  private let logDeterminant: Double

  init(
    featureCount: Int, frame: Frame, covariance: Buffer<Double>, numbers: Numbers
  ) throws(DetectionError) {
    self.featureCount = featureCount
    self.frame = frame
    self.covariance = covariance
    self.numbers = numbers
    whitening = try Whitening(size: frame.count, width: frame.width)
    try whitening.set(covariance.base, singular: .leftOut)
    root = try EllipseModel.root(covariance, size: frame.count)
    var scales = 0.0
    for feature in 0..<frame.count { scales += log(frame.scales[feature]) }
    logDeterminant = whitening.logDeterminant - 2 * scales
  }

  /// Without a contamination there is no threshold of its own.
  let naturalThreshold = Double.greatestFiniteMagnitude

  var fitted: [(name: String, value: Double)] {
    [
      ("log_determinant", logDeterminant),
      ("raw_log_determinant", numbers.rawLogDeterminant),
      ("rank", Double(whitening.outputs)),
      ("support_count", Double(numbers.supportCount)),
      ("reweighted_count", Double(numbers.reweightedCount)),
      ("random_state", Double(numbers.seed)),
    ]
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let work = frame.count * frame.count + 64
    let wanted = X.rows * work < 1 << 20 ? 1 : call.threads
    let tileRows = X.rows == 1 ? 4 : frame.tileRows
    let chunks = (X.rows + tileRows - 1) / tileRows
    let threads = max(1, min(wanted, chunks))
    var scratches: [(tile: Buffer<Double>, norms: Buffer<Double>)] = []
    for _ in 0..<threads {
      scratches.append((try Buffer(count: tileRows * frame.width), try Buffer(count: tileRows)))
    }
    nonisolated(unsafe) let scores = scores
    try forEachChunk(chunks, threads: threads, teller: ProgressTeller(call, "score")) {
      (chunk, worker) throws(DetectionError) in
      let (tile, norms) = scratches[worker]
      let first = chunk * tileRows
      let rows = min(tileRows, X.rows - first)
      try frame.load(X, from: first, rows: rows, into: tile.base)
      try frame.checkOthers(X, from: first, rows: rows)
      frame.pad(tile.base, rows: rows)
      DenseKernels.chosen.squaredNorms(
        tile.base, rows, frame.width, frame.count, whitening.matrix.base, whitening.outputs,
        whitening.isTriangular, norms.base)
      for row in 0..<rows {
        // Beyond the range of doubles: the greatest of them.
        scores[first + row] =
          norms[row] <= .greatestFiniteMagnitude ? norms[row] : .greatestFiniteMagnitude
      }
    }
  }

  /// Each feature's share is the square of its own standard coordinate, decorrelated as little as
  /// possible (Garthwaite, Koch 2016, the corr-max transformation): z = R^(-1/2) D^(-1) (x - m), for the
  /// correlations R and standard deviations D; the squares of z sum to the squared distance.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let size = frame.count
    let tileRows = 64
    let chunks = (X.rows + tileRows - 1) / tileRows
    let threads = max(1, min(call.threads, chunks))
    var tiles: [(rows: Buffer<Double>, scores: Buffer<Double>)] = []
    for _ in 0..<threads {
      tiles.append((try Buffer(count: tileRows * frame.width), try Buffer(count: tileRows)))
    }
    nonisolated(unsafe) let shares = shares
    try forEachChunk(chunks, threads: threads, teller: ProgressTeller(call, "explain")) {
      (chunk, worker) throws(DetectionError) in
      let (tile, scores) = tiles[worker]
      let first = chunk * tileRows
      let rows = min(tileRows, X.rows - first)
      try frame.load(X, from: first, rows: rows, into: tile.base)
      try frame.checkOthers(X, from: first, rows: rows)
      frame.pad(tile.base, rows: rows)
      DenseKernels.chosen.squaredNorms(
        tile.base, rows, frame.width, size, whitening.matrix.base, whitening.outputs,
        whitening.isTriangular, scores.base)
      for row in 0..<rows {
        let own = shares + (first + row) * featureCount
        own.update(repeating: 0, count: featureCount)
        let values = tile.base + row * frame.width
        var total = 0.0
        for j in 0..<size {
          var z = 0.0
          for k in 0..<size { z += root[j * size + k] * values[k] }
          own[frame.features[j]] = z * z
          total += z * z
        }
        let score = min(scores[row], .greatestFiniteMagnitude)
        let scale = total > 0 && total.isFinite ? score / total : 0
        for j in 0..<size { own[frame.features[j]] *= scale }
        if scale == 0, score > 0 || score.isNaN {
          // Too far for squares: the farthest feature has it all.
          var farthest = 0
          for j in 1..<max(size, 1) where abs(values[j]) > abs(values[farthest]) { farthest = j }
          for j in 0..<size { own[frame.features[j]] = 0 }
          own[frame.features[farthest]] = .greatestFiniteMagnitude
        }
      }
    }
  }

  private static func root(
    _ covariance: Buffer<Double>, size: Int
  ) throws(DetectionError) -> Buffer<Double> {
    let correlation = try Buffer<Double>(count: size * size)
    let deviations = try Buffer<Double>(count: size)
    for j in 0..<size where covariance[j * size + j] > Whitening.smallest {
      deviations[j] = covariance[j * size + j].squareRoot()
    }
    for j in 0..<size {
      for k in 0..<size where deviations[j] > 0 && deviations[k] > 0 {
        correlation[j * size + k] = covariance[j * size + k] / deviations[j] / deviations[k]
      }
    }
    let (values, vectors) = try LinearAlgebra.eigen(correlation.base, size: size)
    let root = try Buffer<Double>(count: size * size)
    let least = Whitening.tolerance * max(values[size - 1], 0)
    for index in 0..<size where values[index] > least {
      let factor = 1 / values[index].squareRoot()
      let vector = vectors.base + index * size
      for j in 0..<size {
        for k in 0..<size where deviations[k] > 0 {
          root[j * size + k] += factor * vector[j] * vector[k] / deviations[k]
        }
      }
    }
    return root
  }
}
