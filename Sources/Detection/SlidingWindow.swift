/// Any detector on the windows of a series: each window of consecutive rows is one row to it (delay embedding).
struct SlidingWindow: DetectorClass {
  enum Aggregation: String, CaseIterable {
    case last, mean, maximum
  }

  let info = DetectorInfo(
    name: "SlidingWindow",
    description:
      "For series: a detector judges windows of consecutive rows; a row is as anomalous as its windows.",
    reference:
      "Schmidl, Wenig, Papenbrock: Anomaly Detection in Time Series: A Comprehensive Evaluation, PVLDB 15,"
      + " 2022",
    capabilities: [.explain, .partialFit, .series],
    options: [
      OptionSpec(
        "detector", "What judges the windows; its contamination is not used.",
        default: .string("IsolationForest"), form: .detector),
      OptionSpec("window", "Rows in a window.", default: .int(10), ints: 1...1_000_000),
      OptionSpec(
        "stride", "Learn from every stride-th window; scoring always goes by one row.",
        default: .int(1), ints: 1...1_000_000),
      OptionSpec(
        "aggregation",
        "A row's score: that of the window that ends with it (\"last\", which looks at no later row; the"
          + " first rows, where none ends, take the first window's), or the mean or maximum over the windows"
          + " that hold it.",
        default: .string("last"), choices: Aggregation.allCases.map(\.rawValue)),
      OptionSpec(
        "standardize",
        "Take each window's own mean off its columns and divide them by its own deviation, so that windows"
          + " differ by shape alone.", default: .bool(false), bools: true),
      .usualContamination,
    ])

  let usualContamination: Double? = 0.1
  var knowsTrainingScores: Bool { true }

  func learnsInParts(_ options: Options) -> Bool {
    ((try? options.detectors("detector")) ?? []).allSatisfy {
      $0.detectorClass.learnsInParts($0.options)
    }
  }

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let shape = try SeriesShape(options, channels: training.X.columns)
    guard let detector = try options.detectors("detector").first else {
      throw DetectionError(.invalidOption, "option detector: a detector is needed")
    }
    return try learn(training.X, shape, detector, call) {
      (windows, call) throws(DetectionError) in
      try Member(fitting: detector, Training(windows), call: call)
    }
  }

  func partialFit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let earlier = previous as? SlidingWindowModel
    let shape: SeriesShape
    if let earlier {
      shape = earlier.shape
    } else {
      shape = try SeriesShape(options, channels: training.X.columns)
    }
    guard let detector = try options.detectors("detector").first else {
      throw DetectionError(.invalidOption, "option detector: a detector is needed")
    }
    return try learn(training.X, shape, detector, inPart: true, call) {
      (windows, call) throws(DetectionError) in
      try Member(going: detector, Training(windows), from: earlier?.detector, call: call)
    }
  }

  private func learn(
    _ X: Matrix, _ shape: SeriesShape, _ detector: NestedDetector, inPart: Bool = false,
    _ call: Call, _ fit: (_ windows: Matrix, _ call: Call) throws(DetectionError) -> Member
  ) throws(DetectionError) -> any Model {
    if detector.detectorClass.readsSeries(detector.options) {
      throw DetectionError(
        .invalidOption,
        "option detector: \(detector.detectorClass.info.name) reads a series itself; here it would get"
          + " windows, which are none")
    }
    let series = try SeriesWindows(X, shape, nanAllowed: Self.takesMissing(detector.options))
    let windows = try series.learned(call: call)
    let member: Member
    do throws(DetectionError) {
      member = try withExtendedLifetime(windows) { () throws(DetectionError) in
        try fit(windows.matrix, call.part(0...0.5))
      }
    } catch {
      throw series.located(error, stride: shape.stride)
        .of("\(detector.detectorClass.info.name) on \(windows.matrix.rows) windows")
    }
    // Of parts, whoever asks scores the rows together with those of earlier parts.
    guard !inPart else { return SlidingWindowModel(member, shape, trainingScores: nil) }
    // Their scores are known where every window was learnt from.
    var scores = member.model.takeTrainingScores()
    if scores?.count != series.count {
      let all = try Buffer<Double>(count: series.count, zeroed: false)
      try series.score(with: member, call: call.part(0.5...0.95), into: all.base)
      scores = all
    }
    let steps = try Buffer<Double>(count: X.rows, zeroed: false)
    if let scores { try shape.spread(scores, rows: X.rows, into: steps.base) }
    return SlidingWindowModel(member, shape, trainingScores: steps)
  }

  static func takesMissing(_ options: Options) -> Bool {
    options.string("missing_values") == "native"
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try SlidingWindowModel.read(&reader, featureCount: featureCount)
  }
}
