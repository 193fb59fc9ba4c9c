import Glibc

/// Principal components as PyOD uses them (Shyu and others 2003): weighted distances to the components,
/// those of little variance counting most.
struct PCA: DetectorClass {
  let info = DetectorInfo(
    name: "PCA",
    description:
      "Distances to the principal components, each by the variance it explains; rows that go where the"
      + " others do not are anomalous.",
    reference:
      "Shyu, Chen, Sarinnapakorn, Chang: A Novel Anomaly Detection Scheme Based on Principal Component"
      + " Classifier, ICDM Foundations and New Directions of Data Mining Workshop 2003",
    capabilities: [.explain],
    options: [
      OptionSpec(
        "n_components",
        "Components to keep: a number, the share of variance that they must explain, or \"all\".",
        default: .string("all"), ints: 1...(1 << 31),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1), choices: ["all"]),
      OptionSpec(
        "n_selected_components",
        "How many of these, the ones of least variance, give the score; \"all\" for each of them.",
        default: .string("all"), ints: 1...(1 << 31), choices: ["all"]),
      .contamination(auto: nil, default: .double(0.1)),
      OptionSpec(
        "whiten", "Taken for PyOD's sake: scores do not depend on it, there or here.",
        default: .bool(false), bools: true),
      OptionSpec(
        "weighted", "Divide each distance by the share of variance that the component explains.",
        default: .bool(true), bools: true),
      OptionSpec(
        "standardization", "Bring columns to mean 0 and variance 1 first.", default: .bool(true),
        bools: true),
    ])

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let X = training.X
    guard X.rows >= 2 else {
      throw DetectionError(.invalidData, "PCA cannot fit on 1 row; at least 2 are needed")
    }
    try Frame.check(columns: X.columns)
    // No component goes along a column whose values are all the same.
    let frame = try Frame(features: try varyingColumns(X), of: X.columns)
    guard frame.count > 0 else { throw allTheSame(X) }
    let size = frame.count
    let covariance = try covariance(X, frame, options.bool("standardization"), call)
    let (values, vectors) = try LinearAlgebra.eigen(covariance.base, size: size)
    var variance = 0.0
    for index in 0..<size { variance += max(values[index], 0) }
    let greatest = values[size - 1]
    guard greatest > 0, variance.isFinite else { throw allTheSame(X) }
    // The greatest first; those without variance are left out.
    var kept = (0..<size).reversed().filter { values[$0] > PCA.tolerance * greatest }
    let shares = kept.map { values[$0] / variance }
    kept = Array(kept.prefix(try count(options, shares, most: min(X.rows, X.columns))))
    if let selected = options.int("n_selected_components") {
      guard selected <= kept.count else {
        throw DetectionError(
          .invalidOption,
          "option n_selected_components: \(selected) components, but only \(kept.count) are kept")
      }
      kept = Array(kept.suffix(selected))
    }
    let weighted = options.bool("weighted")
    return try PCAModel(
      frame: try whole(frame, X, options.bool("standardization")),
      components: try components(kept, vectors, frame, X.columns),
      weights: kept.map { weighted ? variance / values[$0] : 1 })
  }

  private func allTheSame(_ X: Matrix) -> DetectionError {
    DetectionError(
      .invalidData, "all \(X.rows) rows are the same; rows that differ are needed for components")
  }

  /// The columns in which rows differ. Where columns are few all of them, which costs less than to look.
  private func varyingColumns(_ X: Matrix) throws(DetectionError) -> [Int] {
    guard X.columns > PanelScatter.mostColumns else { return Array(0..<X.columns) }
    if !X.isFinite, let error = X.firstNotFinite(nanAllowed: false) { throw error }
    return (0..<X.columns).filter { column in
      let first = X.value(0, column)
      return (1..<X.rows).contains { X.value($0, column) != first }
    }
  }

  /// The frame of all columns: that of the varying ones, and the others at their only value.
  private func whole(
    _ frame: Frame, _ X: Matrix, _ standardise: Bool
  ) throws(DetectionError) -> Frame {
    guard frame.count < X.columns else { return frame }
    let whole = try Frame(features: Array(0..<X.columns), of: X.columns)
    for column in frame.others where standardise { whole.centres[column] = X.value(0, column) }
    for (place, column) in frame.features.elements.enumerated() {
      whole.centres[column] = frame.centres[place]
      whole.scales[column] = frame.scales[place]
    }
    return whole
  }

  /// Components that explain less than this share of the variance of the first count as explaining none.
  static let tolerance = 1e-12

  private func count(
    _ options: Options, _ shares: [Double], most: Int
  ) throws(DetectionError) -> Int {
    if let count = options.int("n_components") {
      guard count <= most else {
        throw DetectionError(
          .invalidOption,
          "option n_components: \(count) components, but the data have at most \(most)")
      }
      return count
    }
    guard let share = options.double("n_components"), share < 1 else { return shares.count }
    var (sum, count) = (0.0, 0)
    while count < shares.count, sum <= share {
      sum += shares[count]
      count += 1
    }
    return count
  }

  /// The covariance of the columns. The frame becomes that of scoring: mean 0 and variance 1, or the
  /// values as they are.
  private func covariance(
    _ X: Matrix, _ frame: Frame, _ standardise: Bool, _ call: Call
  ) throws(DetectionError) -> Buffer<Double> {
    // Sums are taken about the mean of the first rows, once more about that of all where these lie far.
    let tile = try frame.makeTile()
    let first = min(X.rows, frame.tileRows)
    try frame.load(X, from: 0, rows: first, into: tile.base)
    for row in 0..<first {
      for column in 0..<frame.count {
        frame.centres[column] += tile[row * frame.width + column] / Double(first)
      }
    }
    let watch = try Watch(call, "fit")
    var passes: ScatterPasses?
    if X.columns > PanelScatter.mostColumns {
      passes = try ScatterPasses(X, frame: frame, call: call, watch: watch)
      passes?.chooseAll()
    }
    let scatter = try Scatter(frame)
    let (size, covariance) = (frame.count, scatter.covariance)
    for pass in 0..<2 {
      scatter.location.base.update(repeating: 0, count: scatter.location.count)
      if let passes {
        try passes.gather(into: scatter, fraction: 0.5 * Double(pass))
      } else {
        try PanelScatter.gather(X, frame, into: scatter, call: call)
      }
      var isFar = false
      for column in 0..<size {
        let (shift, variance) = (scatter.location[column], covariance[column * size + column])
        frame.centres[column] += shift
        guard frame.centres[column].isFinite, variance.isFinite else {
          throw tooLarge(frame.features[column])
        }
        isFar = isFar || shift * shift > 1e4 * variance
      }
      if !isFar { break }
    }
    guard standardise else {
      for column in 0..<size { frame.centres[column] = 0 }
      return covariance
    }
    for column in 0..<size {
      let deviation = covariance[column * size + column].squareRoot()
      // A constant column has rounding only.
      let rounding = abs(frame.centres[column]) * 1e-14 * Double(X.rows).squareRoot()
      frame.scales[column] = deviation > rounding && (1 / deviation).isFinite ? 1 / deviation : 1
    }
    for j in 0..<size {
      for k in 0..<size { covariance[j * size + k] *= frame.scales[j] * frame.scales[k] }
    }
    return covariance
  }

  private func tooLarge(_ column: Int) -> DetectionError {
    DetectionError(
      .invalidData, "the values of column \(column) are too large for their squares to be told",
      column: column)
  }

  /// The components as rows, their signs such that the coordinate of greatest magnitude is positive.
  private func components(
    _ kept: [Int], _ vectors: Buffer<Double>, _ frame: Frame, _ columns: Int
  ) throws(DetectionError) -> Buffer<Double> {
    let components = try Buffer<Double>(count: kept.count * columns)
    for (place, index) in kept.enumerated() {
      let vector = vectors.base + index * frame.count
      var largest = 0
      for feature in 1..<max(frame.count, 1) where abs(vector[feature]) > abs(vector[largest]) {
        largest = feature
      }
      let sign: Double = vector[largest] < 0 ? -1 : 1
      for (feature, column) in frame.features.elements.enumerated() {
        components[place * columns + column] = sign * vector[feature]
      }
    }
    return components
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try PCAModel.read(&reader, featureCount: featureCount)
  }
}
