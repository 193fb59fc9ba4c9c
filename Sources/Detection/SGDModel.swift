/// A one-class machine that is linear in the features of a map.
final class SGDModel: Model {
  let map: FeatureMap
  /// Where learning goes on.
  let state: HingeDescent.State
  /// The machine is the average of the steps.
  let averages: Bool
  let seed: UInt64

  var featureCount: Int { map.frame.count }
  let naturalThreshold = 0.0

  var weights: Buffer<Double> { averages ? state.average : state.weights }
  /// What a row's product must reach.
  var offset: Double { 1 - (averages ? state.averageIntercept : state.intercept) }

  init(
    _ map: FeatureMap, _ state: HingeDescent.State, averages: Bool, seed: UInt64
  ) throws(DetectionError) {
    self.map = map
    self.state = state
    self.averages = averages
    self.seed = seed
    guard offset.isFinite else {
      throw DetectionError(.invalidData, "the offset is not finite; scale the columns, or lower eta0")
    }
  }

  var fitted: [(name: String, value: Double)] {
    [
      ("n_iter", Double(state.epochs)), ("t", Double(state.time)), ("objective", state.objective),
      ("rho", offset), ("gamma", map.gamma), ("component_count", Double(map.count)),
      ("random_state", Double(seed)),
    ]
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    try forEachRows(X, call, "score") { products, first, rows in
      for row in 0..<rows { scores[first + row] = SVMModel.bounded(self.offset - products[row]) }
    }
  }

  /// Load the rows of X chunk by chunk for `body(products, first, rows)`.
  private func forEachRows(
    _ X: Matrix, _ call: Call, _ stage: StaticString,
    _ body: (UnsafePointer<Double>, Int, Int) -> Void
  ) throws(DetectionError) {
    guard X.rows > 0 else { return }
    let chunkRows = min(max(4, min(512, (1 << 15) / map.width & ~3)), (X.rows + 3) & ~3)
    let chunks = (X.rows + chunkRows - 1) / chunkRows
    let work = X.rows.multipliedReportingOverflow(by: map.width * featureCount)
    let threads =
      work.partialValue < 1 << 19 && !work.overflow ? 1 : max(1, min(call.threads, chunks))
    var scratches: [(map: FeatureMap.Scratch, products: Buffer<Double>)] = []
    for _ in 0..<threads {
      scratches.append(
        (
          try FeatureMap.Scratch(map, rows: chunkRows, keepsFeatures: map.kind != .nystroem),
          try Buffer(count: chunkRows)
        ))
    }
    try forEachChunk(chunks, threads: threads, teller: ProgressTeller(call, stage)) {
      (chunk, worker) throws(DetectionError) in
      let (scratch, products) = scratches[worker]
      let first = chunk * chunkRows
      let rows = min(chunkRows, X.rows - first)
      if self.map.kind == .nystroem {
        try self.sum(X, first, rows, scratch, products.base)
      } else {
        try self.map.load(X, from: first, rows: rows, scratch)
        if self.map.kind == .identity {
          FeatureKernels.chosen.rowProducts(
            scratch.doubles.base, self.map.width, rows, self.weights.base, products.base)
        } else {
          FeatureKernels.chosen.rowProductsOfFloats(
            scratch.floats.base, self.map.width, rows, self.weights.base, products.base)
        }
      }
      body(products.base, first, rows)
    }
  }

  /// Kernel values with the landmarks are summed where they arise.
  @_optimize(speed)
  private func sum(
    _ X: Matrix, _ first: Int, _ rows: Int, _ scratch: FeatureMap.Scratch,
    _ products: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let (features, landmarks) = (featureCount, UnsafePointer(map.rows.floats.base))
    let (weights, groups) = (UnsafePointer(weights.base), map.width / 8)
    let kernel = SVMKernels.chosen.addRadialSums
    try map.forEachFour(X, from: first, rows: rows, scratch) { row, points in
      for lane in 0..<4 { products[row + lane] = 0 }
      kernel(points, features, landmarks, weights, groups, products + row)
    }
  }
}
