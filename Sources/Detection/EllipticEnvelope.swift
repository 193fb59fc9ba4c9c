import Glibc

/// Rows far from the centre of an ellipse that holds the bulk of the data are anomalous: squared
/// Mahalanobis distances under the minimum covariance determinant, with scikit-learn's options.
struct EllipticEnvelope: DetectorClass {
  let info = DetectorInfo(
    name: "EllipticEnvelope",
    description:
      "An ellipse around the bulk of the data, whatever the outliers; rows far from its centre are"
      + " anomalous.",
    reference:
      "Rousseeuw, Van Driessen: A Fast Algorithm for the Minimum Covariance Determinant Estimator,"
      + " Technometrics 1999",
    capabilities: [.explain],
    options: [
      OptionSpec(
        "assume_centered", "The centre is 0 and only the covariance is estimated.",
        default: .bool(false), bools: true),
      OptionSpec(
        "support_fraction",
        "Share of the rows whose covariance has the least determinant; \"auto\" for the least that"
          + " withstands the most outliers, (rows + columns + 1) / 2.",
        default: .string("auto"),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1), choices: ["auto"]),
      .contamination(auto: nil, default: .double(0.1)),
      .randomState,
    ])

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    try EllipseFit(training.X, options, call).model()
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try EllipseModel.read(&reader, featureCount: featureCount)
  }
}

/// One fit.
struct EllipseFit {
  private let X: Matrix
  private let call: Call
  private let nearest: Int
  private let centred: Bool
  private let seed: UInt64
  private let frame: Frame

  init(_ X: Matrix, _ options: Options, _ call: Call) throws(DetectionError) {
    guard X.rows >= 2 else {
      throw DetectionError(
        .invalidData, "EllipticEnvelope cannot fit on 1 row; at least 2 are needed")
    }
    try Frame.check(columns: X.columns)
    self.X = X
    self.call = call
    centred = options.bool("assume_centered")
    seed = options.seed
    if let share = options.double("support_fraction") {
      nearest = Int(share * Double(X.rows))
      guard nearest > 0 else {
        throw DetectionError(
          .invalidOption, "option support_fraction: \(share) of \(X.rows) rows is not a single row")
      }
    } else {
      nearest = min(X.rows, (X.rows + X.columns + 2) / 2)
    }
    frame = try ColumnSpread.frame(X, keepConstant: centred, call: call.part(0...0.02))
  }

  func model() throws(DetectionError) -> EllipseModel {
    let watch = try Watch(call, "fit")
    let passes = try ScatterPasses(X, frame: frame, call: call, watch: watch)
    let scatter = try Scatter(frame)
    if frame.count == 1, nearest < X.rows {
      try chooseShortest(passes)
      try passes.gather(into: scatter, fraction: 0.8)
      try passes.gather(into: scatter, fraction: 0.9)
      try passes.whitening.set(scatter.covariance.base, singular: .raised)
      scatter.logDeterminant = passes.whitening.logDeterminant
    } else {
      scatter.copy(
        from: try FastMCD(
          X: X, frame: frame, nearest: nearest, seed: seed, call: call, watch: watch, passes: passes
        ).search())
    }
    if centred {
      for feature in 0..<frame.count {
        scatter.location[feature] = -frame.centres[feature] * frame.scales[feature]
      }
      try passes.gather(into: scatter, moving: false, fraction: 0.92)
    }
    let raw = scatter.logDeterminant - 2 * logOfScales
    let reweighted = try reweight(scatter, passes)
    for feature in 0..<frame.count {
      frame.centres[feature] =
        centred ? 0 : frame.centres[feature] + scatter.location[feature] / frame.scales[feature]
    }
    return try EllipseModel(
      featureCount: X.columns, frame: frame, covariance: scatter.covariance,
      numbers: .init(
        seed: seed, supportCount: nearest, reweightedCount: reweighted, rawLogDeterminant: raw))
  }

  private var logOfScales: Double {
    var sum = 0.0
    for feature in 0..<frame.count { sum += log(frame.scales[feature]) }
    return sum
  }

  /// The covariance of the rows within the 97.5 % ellipse of the raw estimate, made consistent. Returns how
  /// many they are.
  private func reweight(_ scatter: Scatter, _ passes: ScatterPasses) throws(DetectionError) -> Int {
    let features = X.columns
    try passes.whitening.set(scatter.covariance.base, singular: .leftOut)
    guard passes.whitening.outputs > 0 else {
      throw DetectionError(
        .invalidData,
        "\(nearest) of the \(X.rows) rows are the same, so that their covariance is 0; a greater"
          + " support_fraction, or the rows without duplicates, would do")
    }
    try passes.measure(from: scatter.location.base, fraction: 0.94)
    let correction = ChiSquared.consistency(
      features: features, alpha: Double(nearest) / Double(X.rows))
    let limit = ChiSquared.quantile(0.975, freedom: Double(features)) * correction
    let count = passes.chooseNearer(than: limit)
    let consistency = ChiSquared.consistency(features: features, alpha: 0.975)
    guard count > 0 else { return 0 }
    try passes.gather(into: scatter, moving: !centred, fraction: 0.97)
    for index in 0..<scatter.covariance.count { scatter.covariance[index] *= consistency }
    return count
  }

  /// In one dimension the best set is a run of the sorted values: the one of least variance.
  private func chooseShortest(_ passes: ScatterPasses) throws(DetectionError) {
    let values = try Buffer<Double>(count: X.rows)
    let feature = frame.features[0]
    for row in 0..<X.rows {
      values[row] = (X.value(row, feature) - frame.centres[0]) * frame.scales[0]
    }
    var all = UnsafeMutableBufferPointer(start: values.base, count: X.rows)
    all.sort()
    var (sum, squares) = (0.0, 0.0)
    for row in 0..<nearest {
      sum += values[row]
      squares += values[row] * values[row]
    }
    var (best, least) = (0, squares - sum * sum / Double(nearest))
    for end in nearest..<X.rows {
      let (enters, leaves) = (values[end], values[end - nearest])
      sum += enters - leaves
      squares += enters * enters - leaves * leaves
      let spread = squares - sum * sum / Double(nearest)
      if spread < least { (best, least) = (end - nearest + 1, spread) }
    }
    let middle = (values[best] + values[best + nearest - 1]) / 2
    for row in 0..<X.rows {
      let value = (X.value(row, feature) - frame.centres[0]) * frame.scales[0]
      passes.distances[row] = abs(value - middle)
    }
    passes.chooseNearest(nearest)
  }
}
