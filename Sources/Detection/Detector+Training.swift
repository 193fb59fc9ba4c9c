extension Detector {
  /// Check what a program gives to learn from, but for the values of X.
  func check(_ training: Training) throws(DetectionError) {
    let X = training.X
    guard X.rows > 0, X.columns > 0 else {
      throw DetectionError(
        .invalidData,
        "cannot fit on \(X.rows) rows and \(X.columns) columns; at least 1 of each is needed")
    }
    if let weights = training.weights { try check(weights, rows: X.rows) }
    guard detectorClass.info.capabilities.contains(.needsLabels) else { return }
    guard let labels = training.labels else {
      throw DetectionError(
        .invalidArgument,
        "\(detectorClass.info.name) needs labels to learn from: one a row, 0 inlier, 1 outlier")
    }
    try check(labels, rows: X.rows)
  }

  private func check(
    _ weights: UnsafeBufferPointer<Double>, rows: Int
  ) throws(DetectionError) {
    guard detectorClass.info.capabilities.contains(.sampleWeight) else {
      throw DetectionError(.notSupported, "\(detectorClass.info.name) takes no sample weights")
    }
    guard weights.count == rows else {
      throw DetectionError(
        .shapeMismatch, "there are \(weights.count) sample weights for \(rows) rows")
    }
    var sum = 0.0
    for (row, weight) in weights.enumerated() {
      guard weight.isFinite, weight >= 0 else {
        throw DetectionError(
          .invalidData,
          "the sample weight of row \(row) is \(weight); allowed are finite values >= 0", row: row)
      }
      sum += weight
    }
    guard sum > 0, sum.isFinite else {
      throw DetectionError(
        .invalidData, "the sample weights sum to \(sum); a finite sum above 0 is needed")
    }
  }

  private func check(
    _ labels: UnsafeBufferPointer<Int32>, rows: Int
  ) throws(DetectionError) {
    guard labels.count == rows else {
      throw DetectionError(.shapeMismatch, "there are \(labels.count) labels for \(rows) rows")
    }
    for (row, label) in labels.enumerated() where label != 0 && label != 1 {
      throw DetectionError(
        .invalidData, "the label of row \(row) is \(label); allowed are 0 (inlier) and 1 (outlier)",
        row: row)
    }
  }

  /// With fewer rows than this in a call of partial_fit, the threshold goes by rows of earlier calls, too.
  static let mostRecentScores = 1024

  /// Scores of the rows that a model learnt from, for the threshold: at most so many as its class wants, drawn
  /// at random, and behind `recent` ones when they are few.
  func trainingScores(
    of X: Matrix, by model: any Model, after recent: [Double], call: Call
  ) throws(DetectionError) -> Buffer<Double> {
    let sample = try thresholdSample(of: X)
    let rows = sample.map { $0.count / X.columns } ?? X.rows
    let before = min(recent.count, max(0, Detector.mostRecentScores - rows))
    let scores = try Buffer<Double>(count: before + rows)
    for index in 0..<before { scores[index] = recent[recent.count - before + index] }
    if let sample {
      let drawn = try Matrix(
        base: sample.base, element: .float64, rows: rows, columns: X.columns,
        rowStride: 8 * X.columns, columnStride: 8)
      try model.score(drawn, call: call, into: scores.base + before)
    } else {
      try model.score(X, call: call, into: scores.base + before)
    }
    return scores
  }

  /// What the next call of partial_fit needs to know of these scores.
  func recents(of scores: Buffer<Double>) -> [Double] {
    guard detectorClass.info.capabilities.contains(.partialFit) else { return [] }
    let count = min(scores.count, Detector.mostRecentScores)
    return (0..<count).map { scores[scores.count - count + $0] }
  }

  /// One row at random out of each of as many equal stretches as the class wants rows; nil for all of them.
  private func thresholdSample(of X: Matrix) throws(DetectionError) -> Buffer<Double>? {
    let most = detectorClass.mostThresholdRows
    guard X.rows > most else { return nil }
    let (cells, overflow) = most.multipliedReportingOverflow(by: X.columns)
    guard !overflow else { throw .outOfMemory(bytes: Int.max) }
    let sample = try Buffer<Double>(count: cells, zeroed: false)
    var random = Random(seed: samplingSeed, stream: .max - 1)
    for index in 0..<most {
      let first = index * (X.rows / most)
      let row = first + random.below(index == most - 1 ? X.rows - first : X.rows / most)
      for column in 0..<X.columns { sample[index * X.columns + column] = X.value(row, column) }
    }
    return sample
  }
}
