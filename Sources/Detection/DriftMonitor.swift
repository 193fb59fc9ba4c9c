/// Compares the last rows of a stream with a reference sample, feature by feature and by the detector's
/// scores, and says when they differ by more than chance. One thread at a time: callers see to that.
///
/// Memory, with d features and the scores as one more: 8 bytes x d x (reference rows + window) and, while
/// it looks, 8 bytes x 2 (window + 1) a thread.
public final class DriftMonitor {
  /// What the last look found of a feature; the scores come behind the features.
  public struct Finding: Sendable {
    public var statistic = 0.0
    public var pValue = 1.0
    public var adjustedPValue = 1.0
    public var stabilityIndex = 0.0
    public var isDrifted = false
    /// How many rows had gone by at the first look that found it drifted; 0 while none has.
    public var firstDrift = 0
  }

  /// All that changes: a copy of it takes back an update that failed.
  struct State {
    var recent: [Double] = []  // a ring of rows
    var rows = 0
    var looks = 0
    var level = 0.0
    var findings: [Finding]
    var firstDrift = 0
  }

  public let options: DriftOptions
  public let features: Int
  public let hasScores: Bool
  public let referenceRows: Int
  let reference: [Buffer<Double>]  // sorted, one a column
  private let bins: [StabilityBins]
  private(set) var state: State

  /// Columns of the ring: the features, and the scores if there are.
  private var width: Int { features + (hasScores ? 1 : 0) }

  public init(
    _ X: Matrix, scores: UnsafeBufferPointer<Double>?, options: DriftOptions
  ) throws(DetectionError) {
    try options.check()
    guard X.rows >= 2, X.columns >= 1 else {
      throw DetectionError(
        .invalidData,
        "the reference has \(X.rows) rows and \(X.columns) columns; at least 2 rows and 1 column are needed")
    }
    try DriftMonitor.check(X, scores)
    self.options = options
    features = X.columns
    hasScores = scores != nil
    let chosen = try DriftMonitor.sample(X.rows, options)
    referenceRows = chosen.count
    let width = X.columns + (scores == nil ? 0 : 1)
    try Memory.require(width, of: options.window * 8 + 256)
    var reference: [Buffer<Double>] = []
    var bins: [StabilityBins] = []
    for column in 0..<width {
      let values = try Buffer<Double>(count: chosen.count, zeroed: false)
      for (place, row) in chosen.enumerated() {
        values[place] = column < X.columns ? X.value(row, column) : scores?[row] ?? 0
      }
      sort(values)
      bins.append(StabilityBins(values))
      reference.append(values)
    }
    self.reference = reference
    self.bins = bins
    state = State(findings: [Finding](repeating: Finding(), count: width))
    state.recent = [Double](repeating: 0, count: width * options.window)
  }

  /// As saved bytes give it.
  init(
    options: DriftOptions, features: Int, hasScores: Bool, reference: [Buffer<Double>], state: State
  ) {
    self.options = options
    self.features = features
    self.hasScores = hasScores
    self.reference = reference
    self.state = state
    referenceRows = reference[0].count
    bins = reference.map { StabilityBins($0) }
  }

  /// All rows, or a uniform random sample of so many in their order (Knuth's algorithm S).
  private static func sample(_ rows: Int, _ options: DriftOptions) throws(DetectionError) -> [Int] {
    guard rows > options.referenceRows else { return Array(0..<rows) }
    var random = Random(seed: options.seed, stream: 0)
    var chosen: [Int] = []
    chosen.reserveCapacity(options.referenceRows)
    var row = 0
    while chosen.count < options.referenceRows {
      if random.below(rows - row) < options.referenceRows - chosen.count { chosen.append(row) }
      row += 1
    }
    return chosen
  }

  private static func check(
    _ X: Matrix, _ scores: UnsafeBufferPointer<Double>?
  ) throws(DetectionError) {
    if !X.isFinite, let failure = X.firstNotFinite(nanAllowed: false) { throw failure }
    guard let scores else { return }
    guard scores.count == X.rows else {
      throw DetectionError(.shapeMismatch, "there are \(scores.count) scores for \(X.rows) rows")
    }
    try checkFinite(scores)
  }

  /// Take the next rows of the stream, and look at each step. On failure everything stays as it was.
  public func update(
    _ X: Matrix, scores: UnsafeBufferPointer<Double>?, call: Call
  ) throws(DetectionError) {
    guard X.columns == features else {
      throw DetectionError(
        .shapeMismatch, "X has \(X.columns) columns, but the reference has \(features)")
    }
    guard (scores != nil) == hasScores else {
      throw DetectionError(
        .invalidArgument,
        hasScores ? "the reference has scores; rows need theirs, too" : "the reference has no scores")
    }
    try DriftMonitor.check(X, scores)
    // Without a look nothing can fail any more, and few rows take no time.
    var before: State?
    if X.rows >= min(rowsToLook, DriftMonitor.mostAtOnce) {
      try Memory.require(state.recent.count, of: 8)
      before = state
    }
    do throws(DetectionError) {
      let teller = ProgressTeller(call, "drift")
      var row = 0
      while row < X.rows {
        let taken = min(X.rows - row, rowsToLook, DriftMonitor.mostAtOnce)
        for row in row..<(row + taken) { take(X, scores, row) }
        let part = (Double(row) / Double(X.rows))...(Double(row + taken) / Double(X.rows))
        row += taken
        if isLookDue { try look(call.part(part)) }
        if before != nil, !teller.tell(part.upperBound) { throw .cancelled }
      }
      if before != nil { try ProgressTeller.finish(call, "drift") }
    } catch {
      if let before { state = before }
      throw error
    }
  }

  /// So many rows are taken before the caller is asked whether to go on.
  private static let mostAtOnce = 1 << 14

  private func take(_ X: Matrix, _ scores: UnsafeBufferPointer<Double>?, _ row: Int) {
    let start = state.rows % options.window * width
    for column in 0..<features { state.recent[start + column] = X.value(row, column) }
    if let scores { state.recent[start + features] = scores[row] }
    state.rows += 1
  }

  /// Rows until the next look: the first when the window is full, then one each step.
  private var rowsToLook: Int {
    state.rows < options.window
      ? options.window - state.rows : options.step - (state.rows - options.window) % options.step
  }

  private var isLookDue: Bool {
    state.rows >= options.window && (state.rows - options.window) % options.step == 0
  }
}

// ------------------------------------------------------------------------------------- looking --

extension DriftMonitor {
  private func look(_ call: Call) throws(DetectionError) {
    let (window, width, rows) = (options.window, width, referenceRows)
    let workers = max(1, min(call.threads, width))
    let room = window + min(window, rows) + 3
    let scratch = try Buffer<Double>(count: workers * room, zeroed: false)
    let found = try Buffer<Double>(count: width * 3)
    nonisolated(unsafe) let (targets, rooms) = (found.base, scratch.base)
    let recent = state.recent
    try forEachChunk(width, threads: workers, teller: ProgressTeller(call, "drift")) { (column, worker) in
      let values = rooms + worker * room
      for row in 0..<window { values[row] = recent[row * width + column] }
      var all = UnsafeMutableBufferPointer(start: values, count: window)
      all.sort()
      let distance = KolmogorovSmirnov.distance(reference[column].base, rows, values, window)
      targets[column * 3] = Double(distance) / (Double(rows) * Double(window))
      targets[column * 3 + 1] = KolmogorovSmirnov.pValue(distance, rows, window, row: values + window)
      targets[column * 3 + 2] = bins[column].index(of: values, window)
    }
    state.looks += 1
    state.level = options.level(ofLook: state.looks)
    let adjusted = options.adjusted((0..<width).map { found[$0 * 3 + 1] })
    for column in 0..<width {
      var finding = state.findings[column]
      finding.statistic = found[column * 3]
      finding.pValue = found[column * 3 + 1]
      finding.adjustedPValue = adjusted[column]
      finding.stabilityIndex = found[column * 3 + 2]
      finding.isDrifted = adjusted[column] <= state.level
      if finding.isDrifted {
        if finding.firstDrift == 0 { finding.firstDrift = state.rows }
        if state.firstDrift == 0 { state.firstDrift = state.rows }
      }
      state.findings[column] = finding
    }
  }

  /// Rows taken so far, looks so far, and the level of the last one.
  public var rows: Int { state.rows }
  public var looks: Int { state.looks }
  public var level: Double { state.level }
  /// How many rows had gone by at the first alarm; 0 while there was none.
  public var firstDrift: Int { state.firstDrift }
  /// Features that the last look found drifted.
  public var drifted: Int { state.findings.count { $0.isDrifted } }
  public var findings: [Finding] { state.findings }
}
