/// A detector in a program's hands: options, and once fitted a model with its threshold.
public final class Detector {
  public let detectorClass: any DetectorClass
  public private(set) var options: Options
  public private(set) var model: (any Model)?
  public private(set) var threshold = 0.0
  public private(set) var featureNames: [String] = []
  /// How scores become probabilities; a new fit drops it.
  public private(set) var calibration: Calibration?
  /// Scores of the last rows that a detector with partial_fit learnt from, which its threshold goes by.
  private(set) var recentScores: [Double] = []

  public init(_ detectorClass: any DetectorClass) {
    self.detectorClass = detectorClass
    options = Options(detectorClass.info.options)
  }

  /// As a model file gives it.
  init(
    _ detectorClass: any DetectorClass, options: Options, model: any Model, threshold: Double,
    featureNames: [String], recentScores: [Double] = [], calibration: Calibration? = nil
  ) {
    self.detectorClass = detectorClass
    self.options = options
    self.model = model
    self.threshold = threshold
    self.featureNames = featureNames
    self.calibration = calibration
    self.recentScores = recentScores
  }

  /// Another detector of the same options and knowledge. Models never change, so they share it.
  public func copy() -> Detector {
    let copy = Detector(detectorClass)
    copy.options = options
    copy.model = model
    copy.threshold = threshold
    copy.featureNames = featureNames
    copy.recentScores = recentScores
    copy.calibration = calibration
    return copy
  }

  public func set(_ name: String, _ value: OptionValue) throws(DetectionError) {
    try options.set(name, value)
  }

  public func set(_ name: String, text: String) throws(DetectionError) {
    try options.set(name, text: text)
  }

  /// Whether rows are the steps of a series in order, which only as a whole can be fitted and scored.
  public var readsSeries: Bool { detectorClass.readsSeries(options) }

  /// What a sample of a stream's rows is drawn by.
  public var samplingSeed: UInt64 { options.seed }

  /// Learn from X. On failure everything stays as it was.
  public func fit(_ training: Training, call: Call) throws(DetectionError) {
    try learn(
      training, from: options.bool("warm_start") ? model : nil, after: [], call, detectorClass.fit)
    featureNames = []
  }

  /// Go on learning from more rows. On failure everything stays as it was.
  public func partialFit(_ training: Training, call: Call) throws(DetectionError) {
    try learn(training, from: model, after: recentScores, call, detectorClass.partialFit)
  }

  private func learn(
    _ training: Training, from previous: (any Model)?, after recent: [Double], _ call: Call,
    _ method: (Training, Options, (any Model)?, Call) throws(DetectionError) -> any Model
  ) throws(DetectionError) {
    let X = training.X
    try check(training)
    if let previous, previous.featureCount != X.columns {
      throw columnMismatch(X, previous)
    }
    let contamination = options.double("contamination") ?? detectorClass.usualContamination
    let model = try method(
      training, options, previous,
      contamination == nil || detectorClass.knowsTrainingScores ? call : call.part(0...0.5))
    let known = model.takeTrainingScores()
    var threshold = model.naturalThreshold
    var recentScores: [Double] = []
    if let contamination {
      let scores: Buffer<Double>
      if let known {
        scores = try Buffer<Double>(count: X.rows)
        scores.base.update(from: known.base, count: min(known.count, X.rows))
      } else {
        scores = try trainingScores(of: X, by: model, after: recent, call: call.part(0.5...1))
        recentScores = recents(of: scores)
      }
      // All rows of the same window can have the greatest score: then these are the outliers, rather than none.
      let range = readsSeries ? scores.range : nil
      threshold = quantile(scores, 1 - contamination)
      if let range, range.lowerBound < range.upperBound {
        threshold = min(threshold, range.upperBound.nextDown)
      }
    }
    try ProgressTeller.finish(call, "fit")
    adopt(model, threshold: threshold, recentScores: recentScores)
  }

  /// Take what has been learnt.
  func adopt(_ model: any Model, threshold: Double, recentScores: [Double]) {
    self.model = model
    self.threshold = threshold
    calibration = nil
    self.recentScores = recentScores
  }

  public func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let model = try fittedModel(for: X)
    try model.score(X, call: call, into: scores)
    try ProgressTeller.finish(call, "score")
  }

  public func predict(
    _ X: Matrix, call: Call, into labels: UnsafeMutablePointer<Int32>
  ) throws(DetectionError) {
    let model = try fittedModel(for: X)
    let scores = try Buffer<Double>(count: X.rows)
    try model.score(X, call: call, into: scores.base)
    try ProgressTeller.finish(call, "score")
    for row in 0..<X.rows { labels[row] = scores[row] > threshold ? 1 : 0 }
  }

  public func setCalibration(_ calibration: Calibration?) throws(DetectionError) {
    _ = try fittedModel()
    self.calibration = calibration
  }

  /// The probability that a row is an outlier, by the calibration.
  public func predictProbability(
    _ X: Matrix, call: Call, into probabilities: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let model = try fittedModel(for: X)
    guard let calibration else {
      throw DetectionError(
        .notFitted, "this \(detectorClass.info.name) is not calibrated yet; give it a calibration first")
    }
    let scores = try Buffer<Double>(count: X.rows)
    try model.score(X, call: call, into: scores.base)
    try calibration.apply(
      UnsafeBufferPointer(start: scores.base, count: X.rows), into: probabilities)
    try ProgressTeller.finish(call, "score")
  }

  public func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let model = try fittedModel(for: X)
    guard detectorClass.info.capabilities.contains(.explain) else {
      throw DetectionError(.notSupported, "\(detectorClass.info.name) cannot explain its scores")
    }
    try model.explain(X, call: call, into: shares)
    try ProgressTeller.finish(call, "explain")
  }

  public func trainingScores() throws(DetectionError) -> Buffer<Double> {
    if let scores = try fittedModel().trainingScores { return scores }
    throw DetectionError(
      .notSupported,
      "\(detectorClass.info.name) keeps no training scores; score the training data instead")
  }

  public func setThreshold(_ value: Double) throws(DetectionError) {
    _ = try fittedModel()
    guard value.isFinite else {
      throw DetectionError(.invalidArgument, "the threshold \(value) is not finite")
    }
    threshold = value
  }

  /// Set the threshold by a rule, from these scores or the training scores.
  public func setThreshold(
    by rule: ThresholdRule, scores: UnsafeBufferPointer<Double>?
  ) throws(DetectionError) -> FoundThreshold {
    _ = try fittedModel()
    let found: FoundThreshold
    if let scores {
      found = try rule.threshold(of: scores)
    } else {
      let kept = try trainingScores()
      found = try rule.threshold(of: UnsafeBufferPointer(start: kept.base, count: kept.count))
    }
    threshold = found.value
    return found
  }

  func dropFeatureNames() { featureNames = [] }

  public func setFeatureNames(_ names: [String]) throws(DetectionError) {
    let model = try fittedModel()
    guard names.count == model.featureCount else {
      throw DetectionError(
        .shapeMismatch,
        "\(names.count) feature names were given; the model has \(model.featureCount) features")
    }
    for (index, name) in names.enumerated() where name.isEmpty || name.utf8.count > 0xffff {
      throw DetectionError(
        .invalidArgument,
        "feature name \(index) has \(name.utf8.count) bytes; allowed are 1 to 65535",
        column: index)
    }
    featureNames = names
  }

  public func fittedModel() throws(DetectionError) -> any Model {
    if let model { return model }
    throw DetectionError(
      .notFitted, "this \(detectorClass.info.name) is not fitted yet; call fit first")
  }

  private func fittedModel(for X: Matrix) throws(DetectionError) -> any Model {
    let model = try fittedModel()
    guard X.columns == model.featureCount else { throw columnMismatch(X, model) }
    return model
  }

  func columnMismatch(_ X: Matrix, _ model: any Model) -> DetectionError {
    DetectionError(
      .shapeMismatch,
      "X has \(X.columns) columns, but the model was fitted on \(model.featureCount)")
  }
}
