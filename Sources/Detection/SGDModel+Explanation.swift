import Glibc

extension SGDModel {
  /// Landmarks: as with ``SVMModel``, how fast the sum of kernel values falls with the feature's own gamma.
  /// Waves: by how much the score falls when the feature is at its mean. No map: a feature's own part of
  /// the product, less that of its mean.
  ///
  /// What is negative counts as 0. Shares are scaled to the score where that is positive, and 0 where the
  /// row is inside.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let scores = try Buffer<Double>(count: X.rows)
    try score(X, call: call.part(0...0.5), into: scores.base)
    nonisolated(unsafe) let shares = shares
    let (size, overflow) = featureCount.multipliedReportingOverflow(by: map.width)
    let chunkRows = max(1, min(64, (1 << 19) / max(1, overflow ? Int.max : size)))
    let chunks = (X.rows + chunkRows - 1) / chunkRows
    let threads = max(1, min(call.threads, chunks))
    var scratches: [(tile: Buffer<Double>, turns: Buffer<Double>)] = []
    for _ in 0..<threads {
      scratches.append((try Buffer(count: map.frame.width), try Buffer(count: map.width)))
    }
    try forEachChunk(chunks, threads: threads, teller: ProgressTeller(call.part(0.5...1), "explain")) {
      (chunk, worker) throws(DetectionError) in
      let (tile, turns) = scratches[worker]
      for row in (chunk * chunkRows)..<min((chunk + 1) * chunkRows, X.rows) {
        let own = shares + row * self.featureCount
        own.update(repeating: 0, count: self.featureCount)
        guard scores[row] > 0 else { continue }
        try self.map.frame.load(X, from: row, rows: 1, into: tile.base)
        switch self.map.kind {
        case .identity: self.addParts(tile.base, to: own)
        case .nystroem: self.addDistances(tile.base, to: own)
        case .fourier: self.addFalls(tile.base, turns.base, to: own)
        }
        for feature in 0..<self.featureCount {
          own[feature] = own[feature] > 0 ? min(own[feature], 1e300) : 0
        }
        SVMModel.scale(own, self.featureCount, to: scores[row])
      }
    }
  }

  @_optimize(speed)
  private func addParts(_ point: UnsafePointer<Double>, to shares: UnsafeMutablePointer<Double>) {
    for feature in 0..<featureCount {
      shares[feature] = -weights[feature] * (point[feature] - map.means[feature])
    }
  }

  @_optimize(speed)
  private func addDistances(
    _ point: UnsafePointer<Double>, to shares: UnsafeMutablePointer<Double>
  ) {
    // The nearest first, so that weights do not vanish far away.
    var nearest = Double.infinity
    for place in 0..<map.count where weights[place] != 0 {
      nearest = min(nearest, squaredDistance(point, place))
    }
    for place in 0..<map.count {
      let weight = weights[place] * exp2(nearest - squaredDistance(point, place))
      guard abs(weight) > 1e-300 else { continue }
      for feature in 0..<featureCount {
        let away = point[feature] - map.rows.value(place, feature)
        shares[feature] += weight * min(away * away, 1e280)
      }
    }
  }

  @_optimize(speed)
  private func squaredDistance(_ point: UnsafePointer<Double>, _ place: Int) -> Double {
    var sum = 0.0
    for feature in 0..<featureCount {
      let away = point[feature] - map.rows.value(place, feature)
      sum += away * away
    }
    return min(sum, 1e300)
  }

  @_optimize(speed)
  private func addFalls(
    _ point: UnsafePointer<Double>, _ turns: UnsafeMutablePointer<Double>,
    to shares: UnsafeMutablePointer<Double>
  ) {
    func wave(_ turns: Double) -> Double { cos(2 * Double.pi * (turns - turns.rounded())) }
    for place in 0..<map.count {
      turns[place] = Double(map.phases[place])
      for feature in 0..<featureCount {
        turns[place] += Double(KernelRows.clamp(point[feature])) * map.rows.value(place, feature)
      }
    }
    for feature in 0..<featureCount {
      let own = Double(KernelRows.clamp(point[feature]))
      for place in 0..<map.count {
        let without = turns[place] - own * map.rows.value(place, feature)
        shares[feature] += weights[place] * (wave(without) - wave(turns[place]))
      }
    }
  }
}
