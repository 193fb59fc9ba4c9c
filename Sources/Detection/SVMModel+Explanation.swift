import Glibc

extension SVMModel {
  /// Radial kernel: a feature's share is the mean of its squared distances to the support vectors, each
  /// weighted by its part in the sum of kernel values. That is how fast the logarithm of the sum falls with
  /// the feature's own gamma.
  ///
  /// Other kernels: the gradient of the score times the distance from the column's mean, where positive.
  ///
  /// Shares are scaled to the score where that is positive, and 0 where the row is inside.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let scores = try Buffer<Double>(count: X.rows)
    var silent = call
    silent.progress = call.progress
    try score(X, call: silent.part(0...0.5), into: scores.base)
    nonisolated(unsafe) let shares = shares
    try forEachRows(X, call.part(0.5...1), "explain") { tile, scratch, first, rows in
      for row in 0..<rows {
        let own = shares + (first + row) * self.featureCount
        own.update(repeating: 0, count: self.featureCount)
        let score = scores[first + row]
        guard score > 0 else { continue }
        let point = tile + row * self.frame.width
        if self.supports.kernel.kind == .radial {
          self.addDistances(point, scratch, to: own)
        } else {
          self.addSlopes(point, scratch, to: own)
        }
        SVMModel.scale(own, self.featureCount, to: score)
      }
    }
  }

  /// Shares that sum to the score; equal ones where none is positive.
  @_optimize(speed)
  static func scale(
    _ shares: UnsafeMutablePointer<Double>, _ featureCount: Int, to score: Double
  ) {
    var greatest = 0.0
    for feature in 0..<featureCount { greatest = max(greatest, shares[feature]) }
    guard greatest > 0, greatest.isFinite else {
      for feature in 0..<featureCount { shares[feature] = score / Double(featureCount) }
      return
    }
    var total = 0.0
    for feature in 0..<featureCount {
      shares[feature] /= greatest
      total += shares[feature]
    }
    for feature in 0..<featureCount { shares[feature] = score * (shares[feature] / total) }
  }

  @_optimize(speed)
  private func addDistances(
    _ point: UnsafePointer<Double>, _ scratch: KernelRows.Scratch,
    to shares: UnsafeMutablePointer<Double>
  ) {
    // The nearest first, so that weights do not vanish far away.
    var nearest = Double.infinity
    for place in 0..<supports.count { nearest = min(nearest, squaredDistance(point, place)) }
    for place in 0..<supports.count {
      let weight = coefficients[place] * exp2(nearest - squaredDistance(point, place))
      guard weight > 1e-12 else { continue }
      for feature in 0..<featureCount {
        let away = point[feature] - Double(supports.value(place, feature))
        shares[feature] += weight * min(away * away, 1e280)
      }
    }
  }

  @_optimize(speed)
  private func squaredDistance(_ point: UnsafePointer<Double>, _ place: Int) -> Double {
    var sum = 0.0
    for feature in 0..<featureCount {
      let away = point[feature] - Double(supports.value(place, feature))
      sum += away * away
    }
    return min(sum, 1e300)
  }

  @_optimize(speed)
  private func addSlopes(
    _ point: UnsafePointer<Double>, _ scratch: KernelRows.Scratch,
    to shares: UnsafeMutablePointer<Double>
  ) {
    supports.products(point, scratch)
    for place in 0..<supports.count {
      let slope = coefficients[place] * supports.kernel.slope(scratch.values[place])
      for feature in 0..<featureCount { shares[feature] -= slope * supports.value(place, feature) }
    }
    for feature in 0..<featureCount {
      let share = shares[feature] * (point[feature] - means[feature])
      shares[feature] = share > 0 ? min(share, 1e300) : 0
    }
  }
}

extension KernelRows {
  func value(_ row: Int, _ feature: Int) -> Double {
    let place = ((row >> 3) * features + feature) * 8 + (row & 7)
    return kernel.kind == .radial ? Double(floats[place]) : doubles[place]
  }
}
