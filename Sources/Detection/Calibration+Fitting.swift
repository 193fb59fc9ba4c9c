import Glibc

extension Calibration {
  /// Gamma distributions of a greater shape are as good as normal ones.
  static let greatestGammaShape = 1e6
  /// Knots of the empirical distribution at most, and the level where its tail begins.
  private static let mostKnots = 1000

  /// Learn from scores, all finite, and from labels (anything but 0 is an outlier) where the method needs
  /// them; O(n log n) for tail and isotonic, else O(n).
  public init(
    _ method: Method, scores: UnsafeBufferPointer<Double>, labels: UnsafeBufferPointer<Int32>?
  ) throws(DetectionError) {
    let copy = try checkedCopy(of: scores)
    guard method.needsLabels else {
      switch method {
      case .tail: try self.init(tailOf: copy)
      case .linear: try self.init(rangeOf: copy)
      default: try self.init(method, momentsOf: copy)
      }
      return
    }
    guard let labels else {
      throw DetectionError(
        .invalidArgument, "the calibration method \(method.name) needs labels, one a score")
    }
    let outliers = labels.count { $0 != 0 }
    guard outliers > 0, outliers < labels.count else {
      throw DetectionError(
        .invalidData,
        "\(outliers) of \(labels.count) labels are outliers; at least one of each kind is needed")
    }
    if method == .isotonic {
      try self.init(stepsOf: scores, labels: labels, outliers: outliers)
    } else {
      try self.init(logisticOf: copy, labels: labels, outliers: outliers)
    }
  }

  private init(rangeOf scores: Buffer<Double>) throws(DetectionError) {
    var parameters = Parameters()
    var (least, most) = (scores[0], scores[0])
    for index in 0..<scores.count {
      least = min(least, scores[index])
      most = max(most, scores[index])
    }
    parameters.location = least
    parameters.scale = try finite(most - least)
    try self.init(.linear, parameters)
  }

  /// Kriegel and others 2011, 4.2: erf of the normal score, or the gamma distribution above the mean.
  private init(_ method: Method, momentsOf scores: Buffer<Double>) throws(DetectionError) {
    let (mean, deviation) = try moments(scores)
    var parameters = Parameters()
    parameters.location = mean
    parameters.scale = deviation
    guard method == .gamma else {
      try self.init(method, parameters)
      return
    }
    for row in 0..<scores.count where scores[row] < 0 {
      throw DetectionError(
        .invalidData,
        "the score of row \(row) is \(scores[row]); gamma scaling takes no scores below 0", row: row)
    }
    let shape = deviation > 0 ? (mean / deviation) * (mean / deviation) : .infinity
    guard shape <= Calibration.greatestGammaShape else {
      try self.init(.gaussian, parameters)
      return
    }
    parameters.shape = shape
    parameters.scale = deviation * (deviation / mean)
    parameters.share = ChiSquared.probability(2 * shape, freedom: 2 * shape)
    try self.init(.gamma, parameters)
  }

  /// The share of scores below, with a generalised Pareto tail above.
  private init(tailOf scores: Buffer<Double>) throws(DetectionError) {
    let found = try ThresholdRule(.pot).threshold(
      of: UnsafeBufferPointer(start: scores.base, count: scores.count))
    var parameters = Parameters()
    parameters.location = found.initialThreshold
    parameters.scale = found.tail.scale
    parameters.shape = found.tail.shape
    parameters.share = Double(found.peaks) / Double(scores.count)
    sort(scores)
    var places: [Double] = []
    var levels: [Double] = []
    var first = 0
    var next = 0
    let body = scores.count - found.peaks
    while first < body {
      var end = first + 1
      while end < body, scores[end] == scores[first] { end += 1 }
      if end > next || end == body {
        places.append(scores[first])
        levels.append((Double(first + end - 1) / 2 + 1) / Double(scores.count + 1))
        next = end + body / Calibration.mostKnots
      }
      first = end
    }
    if found.peaks > 0, let last = places.last, last < found.initialThreshold {
      places.append(found.initialThreshold)
      levels.append(1 - parameters.share)
    }
    try self.init(.tail, parameters, places, levels)
  }

  /// Isotonic regression by pooling adjacent violators; ties in the score count together.
  private init(
    stepsOf scores: UnsafeBufferPointer<Double>, labels: UnsafeBufferPointer<Int32>, outliers: Int
  ) throws(DetectionError) {
    let positive = try Buffer<Double>(count: outliers, zeroed: false)
    let negative = try Buffer<Double>(count: scores.count - outliers, zeroed: false)
    var (p, n) = (0, 0)
    for (row, score) in scores.enumerated() {
      if labels[row] != 0 {
        positive[p] = score
        p += 1
      } else {
        negative[n] = score
        n += 1
      }
    }
    sort(positive)
    sort(negative)
    // Blocks: the first and last score, outliers and rows.
    try Memory.require(scores.count, of: MemoryLayout<Block>.stride * 2 + 32)
    var blocks: [Block] = []
    (p, n) = (0, 0)
    while p < positive.count || n < negative.count {
      let score = min(
        p < positive.count ? positive[p] : .infinity, n < negative.count ? negative[n] : .infinity)
      var block = Block(first: score, last: score, outliers: 0, rows: 0)
      while p < positive.count, positive[p] == score {
        block.outliers += 1
        p += 1
      }
      block.rows = block.outliers
      while n < negative.count, negative[n] == score {
        block.rows += 1
        n += 1
      }
      while let before = blocks.last, before.outliers * block.rows >= block.outliers * before.rows {
        block = Block(
          first: before.first, last: block.last, outliers: before.outliers + block.outliers,
          rows: before.rows + block.rows)
        blocks.removeLast()
      }
      blocks.append(block)
    }
    var places: [Double] = []
    var levels: [Double] = []
    for block in blocks {
      let level = block.outliers / block.rows
      for place in block.first == block.last ? [block.first] : [block.first, block.last] {
        places.append(place)
        levels.append(level)
      }
    }
    try self.init(.isotonic, Parameters(), places, levels)
  }

  private struct Block: BitwiseCopyable {
    var first: Double
    var last: Double
    var outliers: Double
    var rows: Double
  }

  private init(
    _ method: Method, _ parameters: Parameters, _ places: [Double], _ levels: [Double]
  ) throws(DetectionError) {
    let knots = try Buffer<Double>(count: places.count, zeroed: false)
    let heights = try Buffer<Double>(count: places.count, zeroed: false)
    for (index, place) in places.enumerated() {
      knots[index] = place
      heights[index] = levels[index]
    }
    self.init(method, parameters, knots: knots, levels: heights)
  }
}

/// Mean and standard deviation (divided by n).
private func moments(_ scores: Buffer<Double>) throws(DetectionError) -> (Double, Double) {
  let count = Double(scores.count)
  var mean = 0.0
  for index in 0..<scores.count { mean += scores[index] / count }
  var unit = 0.0
  for index in 0..<scores.count { unit = max(unit, abs(scores[index] - mean)) }
  // Where all are equal the mean may still be off by a rounding.
  var spread = 0.0
  for index in 1..<max(scores.count, 1) { spread = max(spread, abs(scores[index] - scores[0])) }
  guard spread > 0, unit > 0 else { return (scores[0], 0) }
  var sum = 0.0
  for index in 0..<scores.count {
    let part = (scores[index] - mean) / unit
    sum += part * part
  }
  return (mean, try finite(unit * (sum / count).squareRoot()))
}

private func finite(_ value: Double) throws(DetectionError) -> Double {
  if value.isFinite { return value }
  throw DetectionError(.invalidData, "the scores lie too far apart to be calibrated")
}

extension Calibration {
  /// Platt's logistic curve with his targets, by the damped Newton steps of Lin, Lin and Weng (2007).
  private init(
    logisticOf scores: Buffer<Double>, labels: UnsafeBufferPointer<Int32>, outliers: Int
  ) throws(DetectionError) {
    let (mean, deviation) = try moments(scores)
    for index in 0..<scores.count {
      scores[index] = deviation > 0 ? (scores[index] - mean) / deviation : 0
    }
    let inliers = Double(labels.count - outliers)
    let high = (Double(outliers) + 1) / (Double(outliers) + 2)
    let low = 1 / (inliers + 2)
    var (slope, intercept) = (0.0, log((Double(outliers) + 1) / (inliers + 1)))

    func loss(_ slope: Double, _ intercept: Double) -> Double {
      var sum = 0.0
      for index in 0..<scores.count {
        let logit = slope * scores[index] + intercept
        let target = labels[index] != 0 ? high : low
        // log(1 + e^logit) - target * logit, from the side that does not overflow.
        sum += logit >= 0 ? (1 - target) * logit + log1p(exp(-logit)) : log1p(exp(logit)) - target * logit
      }
      return sum
    }

    var current = loss(slope, intercept)
    for _ in 0..<200 {
      var (g0, g1) = (0.0, 0.0)
      var (h00, h01, h11) = (1e-12, 0.0, 1e-12)
      for index in 0..<scores.count {
        let z = scores[index]
        let logit = slope * z + intercept
        let small = exp(-abs(logit))
        let p = logit >= 0 ? 1 / (1 + small) : small / (1 + small)
        let weight = small / ((1 + small) * (1 + small))
        let error = p - (labels[index] != 0 ? high : low)
        g0 += error * z
        g1 += error
        h00 += weight * z * z
        h01 += weight * z
        h11 += weight
      }
      let determinant = h00 * h11 - h01 * h01
      guard determinant > 0 else { break }
      let d0 = -(h11 * g0 - h01 * g1) / determinant
      let d1 = -(h00 * g1 - h01 * g0) / determinant
      var step = 1.0
      var moved = false
      while step >= 1e-10, !moved {
        let height = loss(slope + step * d0, intercept + step * d1)
        if height < current || (step == 1 && height == current && abs(d0) + abs(d1) > 1e-12) {
          slope += step * d0
          intercept += step * d1
          current = height
          moved = true
        }
        step /= 2
      }
      if !moved || abs(d0) + abs(d1) < 1e-12 { break }
    }
    var parameters = Parameters()
    parameters.location = mean
    parameters.scale = deviation
    parameters.slope = slope
    parameters.intercept = intercept
    try self.init(.logistic, parameters)
  }
}
