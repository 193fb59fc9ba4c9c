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
}
