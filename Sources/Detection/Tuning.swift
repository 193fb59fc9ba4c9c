import CKernels

/// Tries configurations of a detector's options and says how well each does.
public final class Tuning {
  /// What became of one configuration.
  public struct Result {
    /// The values of the grid's options, in their order.
    public let values: [OptionValue]
    /// The criterion of each fold, round after round; empty when it failed.
    public fileprivate(set) var folds: [Double] = []
    /// NaN when it failed.
    public fileprivate(set) var mean = Double.nan
    /// Over the folds, dividing by their number.
    public fileprivate(set) var deviation = Double.nan
    /// Mean of a fold's fit and scoring, on the wall's clock.
    public fileprivate(set) var fitSeconds = 0.0
    public fileprivate(set) var scoreSeconds = 0.0
    /// 1 for the best; equal means share a rank, and failed ones come after all others.
    public fileprivate(set) var rank = 0
    /// The earlier configuration that differs in nothing but the threshold, whose fits these are.
    public let sameAs: Int?
    public fileprivate(set) var error: DetectionError?
  }

  public let detectorClass: any DetectorClass
  public private(set) var grid: TuningGrid
  public private(set) var results: [Result] = []
  /// The criterion that the last run measured.
  public private(set) var criterion = TuningPlan.Criterion.automatic
  /// What the results are of: the grid may have grown since.
  private var configurations: [Options] = []
  private let base: Options

  /// Rows that stability is measured on, at most.
  static let sampleRows = 1 << 14

  /// Options that are not in the grid stay as this detector has them.
  public init(_ detector: Detector) {
    detectorClass = detector.detectorClass
    base = detector.options
    grid = TuningGrid(detector.options)
  }

  public func add(_ option: String, _ value: OptionValue) throws(DetectionError) {
    try grid.add(option, value)
  }

  public func add(_ option: String, text: String) throws(DetectionError) {
    try grid.add(option, text: text)
  }

  public func addDefaults() throws(DetectionError) {
    var whole = TuningGrid(base)
    try whole.addDefaults(for: detectorClass.info.name)
    grid = whole
  }

  /// A detector with the options of configuration `index`, not fitted.
  public func detector(_ index: Int) throws(DetectionError) -> Detector {
    let detector = Detector(detectorClass)
    let options = configurations[index]
    for spec in options.specs { try detector.set(spec.name, options.value(spec.name)) }
    return detector
  }

  /// The best configuration's, not fitted. Options that no criterion judges are not chosen: they stay as the
  /// tuned detector has them.
  public func bestDetector() throws(DetectionError) -> Detector {
    guard let best else {
      throw DetectionError(.invalidArgument, "there are no results yet; run the tuning first")
    }
    let detector = try detector(best)
    for axis in grid.axes where !judges(axis.option) {
      try detector.set(axis.option, base.value(axis.option))
    }
    return detector
  }

  /// The first of the best configurations; nil before a run.
  public var best: Int? { results.firstIndex { $0.rank == 1 } }

  /// Compare the configurations. On failure the earlier results stay.
  public func run(
    _ X: Matrix, labels: UnsafeBufferPointer<Int32>?, plan: TuningPlan, call: Call
  ) throws(DetectionError) {
    try plan.check()
    guard !detectorClass.info.capabilities.contains(.series) else {
      throw DetectionError(
        .notSupported,
        "\(detectorClass.info.name) reads rows as the steps of a series; tuning deals rows in a random order")
    }
    let criterion = try plan.criterion(labelled: labels != nil)
    let places = try grid.configurations(budget: plan.budget, seed: plan.seed)
    try Detector(detectorClass).check(Training(X, labels: labels))
    try TuningRound.check(rows: X.rows, labels: labels, plan)
    let run = try TuningRun(
      detectorClass, places.map(grid.options), fixed: fixedAxes(), places: places, plan: plan,
      criterion: criterion, X: X)
    try run.measure(X, labels: labels, call: call)
    var results = zip(places, run.outcomes()).map { places, outcome in
      Result(
        values: zip(grid.axes, places).map { $0.values[$1] }, sameAs: outcome.sameAs, outcome)
    }
    if let error = results.first?.error, results.allSatisfy({ $0.error != nil }) { throw error }
    Tuning.rank(&results)
    try ProgressTeller.finish(call, "tune")
    self.results = results
    self.criterion = criterion
    configurations = places.map(grid.options)
  }

  /// Whether a criterion can tell the option's values apart; not where they move nothing but the threshold.
  public func judges(_ option: String) -> Bool {
    let info = detectorClass.info
    return info.origin != nil
      || option != "contamination" && !(option == "threshold" && info.name == "MAD")
  }

  private func fixedAxes() -> Set<Int> {
    Set(grid.axes.indices.filter { !judges(grid.axes[$0].option) })
  }

  private static func rank(_ results: inout [Result]) {
    let order = results.indices.sorted { a, b in
      let (first, second) = (results[a].mean, results[b].mean)
      return second.isNaN ? !first.isNaN : first > second
    }
    for (place, index) in order.enumerated() {
      let mean = results[index].mean
      let earlier = place > 0 ? results[order[place - 1]] : nil
      results[index].rank =
        earlier.map { $0.mean == mean || $0.mean.isNaN ? $0.rank : place + 1 } ?? 1
    }
  }
}

extension Tuning.Result {
  fileprivate init(values: [OptionValue], sameAs: Int?, _ outcome: TuningRun.Outcome) {
    self.values = values
    self.sameAs = sameAs
    error = outcome.error
    guard error == nil, !outcome.folds.isEmpty else { return }
    folds = outcome.folds
    let count = Double(folds.count)
    let mean = folds.reduce(0, +) / count
    self.mean = mean
    deviation = (folds.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    fitSeconds = outcome.fitSeconds / count
    scoreSeconds = outcome.scoreSeconds / count
  }
}
