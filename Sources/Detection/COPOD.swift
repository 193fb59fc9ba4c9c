/// Copula-based outlier detection (Li, Zhao, Botta, Ionescu, Hu 2020): each feature adds the larger of
/// the mean of its two tails' -log and that of the tail which its skewness points to.
struct COPOD: DetectorClass {
  let info = DetectorInfo(
    name: "COPOD",
    description:
      "Rows in the tails of the empirical copula, in the direction of skewness, are anomalous;"
      + " no parameters.",
    reference:
      "Li, Zhao, Botta, Ionescu, Hu: COPOD: Copula-Based Outlier Detection, ICDM 2020",
    capabilities: [.explain],
    options: [.usualContamination])

  let usualContamination: Double? = 0.1

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    try TailModel.fit(training.X, call: call) { (sorted) throws(DetectionError) in
      try sorted.isSkewedLeft()
        ? { left, right in max(left, (left + right) / 2) }
        : { left, right in max(right, (left + right) / 2) }
    }
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try TailModel.read(&reader, featureCount: featureCount)
  }
}

extension SortedColumn {
  /// Whether the third central moment is below zero. The values are scaled by a power of two that keeps
  /// their powers in range.
  @_optimize(speed)
  func isSkewedLeft() throws(DetectionError) -> Bool {
    let largest = max(values[0].magnitude, values[count - 1].magnitude)
    guard largest > 0 else { return false }
    let exponent = Int(largest.exponent)
    let first = Double(sign: .plus, exponent: -(exponent / 2), significand: 1)
    let second = Double(sign: .plus, exponent: -(exponent - exponent / 2), significand: 1)
    var mean = 0.0
    try forEachValue { value, weight in mean += weight * (value * first * second) }
    mean /= Double(rows)
    var moment = 0.0
    try forEachValue { value, weight in
      let deviation = value * first * second - mean
      moment += weight * (deviation * deviation * deviation)
    }
    return moment < 0
  }

  @_optimize(speed)
  private func forEachValue(
    _ body: (_ value: Double, _ weight: Double) -> Void
  ) throws(DetectionError) {
    var before: UInt32 = 0
    try SortedColumn.forEachPiece(of: count, check) { (piece) throws(DetectionError) in
      for index in piece {
        body(values[index], Double(ends[index] - before))
        before = ends[index]
      }
    }
  }
}
