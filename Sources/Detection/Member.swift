/// A fitted detector that another one holds.
struct Member: Sendable {
  let detectorClass: any DetectorClass
  let options: Options
  let model: any Model

  init(detectorClass: any DetectorClass, options: Options, model: any Model) {
    self.detectorClass = detectorClass
    self.options = options
    self.model = model
  }

  /// Fit what an option names; or with `previous`, go on learning in parts.
  init(
    fitting detector: NestedDetector, _ training: Training, call: Call
  ) throws(DetectionError) {
    detectorClass = detector.detectorClass
    options = detector.options
    try Detector(detectorClass).check(training)
    model = try detectorClass.fit(
      Member.known(training, detectorClass), options: options, previous: nil, call: call)
  }

  /// Begin or go on learning in parts.
  init(
    going detector: NestedDetector, _ training: Training, from previous: Member?, call: Call
  ) throws(DetectionError) {
    detectorClass = previous?.detectorClass ?? detector.detectorClass
    options = previous?.options ?? detector.options
    try Detector(detectorClass).check(training)
    model = try detectorClass.partialFit(
      Member.known(training, detectorClass), options: options, previous: previous?.model, call: call)
  }

  /// Labels only for those who need them, since only theirs have been checked.
  private static func known(_ training: Training, _ detectorClass: any DetectorClass) -> Training {
    guard !detectorClass.info.capabilities.contains(.needsLabels) else { return training }
    return Training(training.X, weights: training.weights)
  }

  var name: String { detectorClass.info.name }
  var readsSeries: Bool { detectorClass.readsSeries(options) }
  var explains: Bool { detectorClass.info.capabilities.contains(.explain) }

  /// The scores of the rows that the model has just learnt from.
  func trainingScores(_ X: Matrix, call: Call) throws(DetectionError) -> Buffer<Double> {
    if let known = model.takeTrainingScores(), known.count == X.rows { return known }
    let scores = try Buffer<Double>(count: X.rows, zeroed: false)
    try model.score(X, call: call, into: scores.base)
    return scores
  }
}

extension DetectionError {
  /// Says of which held detector the fault is.
  func of(_ what: String) -> DetectionError {
    guard status != .cancelled else { return self }
    var error = self
    error.message = "\(what): \(message)"
    return error
  }
}
