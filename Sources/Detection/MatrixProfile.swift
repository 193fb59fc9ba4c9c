/// Discords of a series by its matrix profile (Yeh and others 2016; Zimmerman and others 2019): rows are
/// time steps, columns are channels.
struct MatrixProfile: DetectorClass {
  let info = DetectorInfo(
    name: "MatrixProfile",
    description:
      "Windows of a time series that are unlike all others (discords); rows are time steps in their order,"
      + " columns are channels.",
    reference:
      "Yeh et al.: Matrix Profile I: All Pairs Similarity Joins for Time Series, ICDM 2016; Zimmerman et al.:"
      + " Matrix Profile XIV: Scaling Time Series Motif Discovery with GPUs to Break a Quintillion Pairwise"
      + " Comparisons a Day and Beyond, SoCC 2019",
    capabilities: [.explain, .series],
    options: [
      OptionSpec(
        "window",
        "Time steps of a window; \"auto\" for the period of the training series, where its autocorrelation"
          + " is highest.",
        default: .string("auto"), ints: 3...(1 << 31), choices: ["auto"]),
      OptionSpec(
        "exclusion_zone",
        "Windows of the training series at most so many steps apart are not compared; \"auto\" for a quarter"
          + " of the window, rounded up.",
        default: .string("auto"), ints: 0...(1 << 31), choices: ["auto"]),
      OptionSpec(
        "normalize",
        "Compare shapes: bring each window to mean 0 and variance 1; false for distances of the values.",
        default: .bool(true), bools: true),
      OptionSpec(
        "n_discords", "Most discords to keep: windows that do not overlap, the least alike first.",
        default: .int(3), ints: 1...1000),
      OptionSpec(
        "row_score",
        "What of the windows' distances is a row's score: the \"maximum\" of the windows that it is part of,"
          + " or that of the window of which it is the \"last\" row.",
        default: .string("maximum"), choices: ["maximum", "last"]),
      .contamination(auto: nil, default: .double(0.1)),
      OptionSpec(
        "novelty",
        "True: every series that is scored is a new one. False: a piece of the training series is scored as"
          + " in training.",
        default: .bool(false), bools: true),
    ])

  var keepsTrainingScores: Bool { true }

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let X = training.X
    if !X.isFinite, let error = X.firstNotFinite(nanAllowed: false) { throw error }
    let plan = try Plan(options, X)
    let series = try TrainingSeries(X)
    let matrix = try series.matrix
    let profiles = try Buffer<Double>(count: X.columns * plan.windows(of: X.rows), zeroed: false)
    for column in 0..<X.columns {
      let join = SeriesJoin(
        window: plan.window, normalized: plan.normalized,
        call: call.part(
          Double(column) / Double(X.columns)...Double(column + 1) / Double(X.columns)),
        stage: "fit")
      let frame = ProfiledSeries.Frame(matrix, column: column)
      let windows = try ProfiledSeries(
        matrix, column: column, frame: frame, window: plan.window, normalized: plan.normalized)
      let found = try join.ownDistances(windows, exclusion: plan.exclusion, scale: frame.scale)
      for index in 0..<windows.count {
        profiles[column * windows.count + index] = min(found[index], .greatestFiniteMagnitude)
      }
    }
    return try MatrixProfileModel(plan, series, profiles)
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try MatrixProfileModel.read(&reader, channels: featureCount)
  }

  /// What the options come to for a series.
  struct Plan {
    let window: Int
    let exclusion: Int
    let normalized: Bool
    let discords: Int
    /// Rows score as the last of a window, not as the worst of those they are part of.
    let takesLast: Bool
    let novelty: Bool

    func windows(of rows: Int) -> Int { rows - window + 1 }

    /// Rows of which every window has another to be compared with.
    static func leastRows(window: Int, exclusion: Int) -> Int { window + 2 * exclusion + 1 }

    static func exclusion(_ window: Int) -> Int { (window + 3) / 4 }

    init(_ options: Options, _ X: Matrix) throws(DetectionError) {
      let least = Plan.leastRows(window: 3, exclusion: 1)
      guard X.rows >= least else {
        throw DetectionError(
          .invalidData, "a series of \(X.rows) rows is too short; at least \(least) are needed")
      }
      let zone = options.int("exclusion_zone")
      window = options.int("window") ?? SeriesPeriod.window(for: X, exclusion: zone)
      exclusion = zone ?? Plan.exclusion(window)
      normalized = options.bool("normalize")
      discords = options.int("n_discords") ?? 3
      takesLast = options.string("row_score") == "last"
      novelty = options.bool("novelty")
      let needed = Plan.leastRows(window: window, exclusion: exclusion)
      if zone != nil, X.rows < needed,
        X.rows >= Plan.leastRows(window: window, exclusion: min(exclusion, Plan.exclusion(window)))
      {
        throw DetectionError(
          .invalidOption,
          "option exclusion_zone: windows of \(window) rows, compared when more than \(exclusion) rows"
            + " apart, need a series of at least \(needed) rows; it has \(X.rows)")
      }
      guard X.rows >= needed else {
        throw DetectionError(
          .invalidOption,
          "option window: windows of \(window) rows, compared when more than \(exclusion) rows apart, need"
            + " a series of at least \(needed) rows; it has \(X.rows)")
      }
    }

    init(
      window: Int, exclusion: Int, normalized: Bool, discords: Int, takesLast: Bool, novelty: Bool
    ) {
      self.window = window
      self.exclusion = exclusion
      self.normalized = normalized
      self.discords = discords
      self.takesLast = takesLast
      self.novelty = novelty
    }
  }
}
