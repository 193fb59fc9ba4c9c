/// Which detector to take for data of some size.
public struct SelectionRequest {
  public enum Policy: Int32, Sendable {
    /// By what was measured: quality, time, memory.
    case measured = 0
    /// The rule of the performance guide.
    case guide = 1
  }

  public var rows: Int
  public var columns: Int
  /// Rows come one at a time and wait for their scores.
  public var realTime = false
  public var policy = Policy.measured
  /// What the detector must be able to do.
  public var capabilities: DetectorInfo.Capabilities = []
  public var maxFitSeconds: Double
  /// Of a call for one row.
  public var maxRowSeconds = 0.01
  public var maxMemory = 8e9
  /// Of this machine; 1 is that of the table.
  public var speed: Double?

  /// The limits are those that the performance guide sets for such data.
  public init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    maxFitSeconds = rows <= 1000 ? 30 : rows <= 100_000 ? 300 : 1800
  }

  private func check() throws(DetectionError) {
    for (name, value) in [("rows", rows), ("columns", columns)]
    where !(1...Matrix.dimensionLimit).contains(value) {
      throw DetectionError(.invalidArgument, "\(name) is \(value); allowed are 1 to 2^48")
    }
    for (name, value) in [
      ("max_fit_seconds", maxFitSeconds), ("max_score_milliseconds", maxRowSeconds * 1000),
      ("max_memory_bytes", maxMemory), ("machine_speed", speed ?? 1),
    ] where !(value > 0) {
      throw DetectionError(.invalidArgument, "\(name) is \(value); allowed are numbers above 0")
    }
  }

  /// The best first: the guide's detector, unless another is measurably better; then by quality. Detectors that
  /// do not meet the request come last; just before them those that nobody has measured, such as those of
  /// plugins, for which nobody knows whether they keep within the limits. With the guide's policy only the
  /// detector that its rule names.
  public func ranked() throws(DetectionError) -> [Selection] {
    try check()
    let speed = self.speed ?? MachineSpeed.measured
    let guide = SelectionRequest.guide(rows: rows, realTime: realTime)
    if policy == .guide { return [judge(try Registry.find(guide), speed)] }
    var found = Registry.classes.map { judge($0, speed) }
    found.sort { a, b in
      let (first, second) = (a.order, b.order)
      if first != second { return first < second }
      return a.worth != b.worth ? a.worth > b.worth : a.name < b.name
    }
    if let place = found.firstIndex(where: { $0.name == guide }), found[place].fits,
      found[0].worth - found[place].worth <= Selection.error
    {
      found.insert(found.remove(at: place), at: 0)
    }
    return found
  }

  /// select_optimal_algorithm of the performance guide, word for word.
  static func guide(rows: Int, realTime: Bool) -> String {
    if realTime && rows < 10_000 {
      return "LocalOutlierFactor"
    } else if rows > 1_000_000 {
      return "IsolationForest"
    } else if rows > 100_000 {
      return "OneClassSVM"
    } else {
      return "EllipticEnvelope"
    }
  }

  private func judge(_ detectorClass: any DetectorClass, _ speed: Double) -> Selection {
    let info = detectorClass.info
    var selection = Selection(name: info.name)
    var lacks: [String] = []
    for (capability, words) in SelectionRequest.words
    where capabilities.contains(capability) && !info.capabilities.contains(capability) {
      lacks.append(words)
    }
    if info.capabilities.contains(.needsLabels), !capabilities.contains(.needsLabels) {
      lacks.append("it needs labels to learn from")
    }
    if info.capabilities.contains(.series), !capabilities.contains(.series) {
      lacks.append("it reads rows as the steps of a series")
    }
    if let profile = DetectorProfile.all.first(where: { $0.name == info.name }) {
      selection.predict(profile, Double(rows), Double(columns), speed)
      lacks += exceeded(selection)
      // Only time that somebody notices is paid for.
      let waits =
        realTime
        ? Selection.tens(selection.rowSeconds, above: 1e-3) + Selection.tens(selection.fitSeconds, above: 1)
        : Selection.tens(selection.fitSeconds + selection.scoreSeconds, above: 1)
      selection.worth -= Selection.price * waits
    }
    selection.meets = lacks.isEmpty
    selection.reason = selection.words(lacks, realTime)
    return selection
  }

  private static let words: [(DetectorInfo.Capabilities, String)] = [
    (.partialFit, "it cannot learn in parts"), (.explain, "it cannot explain its scores"),
    (.missingValues, "it does not take missing values"),
    (.sampleWeight, "it takes no sample weights"), (.warmStart, "it cannot grow a model"),
    (.series, "it does not read series"),
  ]

  private func exceeded(_ selection: Selection) -> [String] {
    var lacks: [String] = []
    for (value, limit, what, words) in [
      (selection.fitSeconds, maxFitSeconds, "fitting takes ", Words.duration),
      (selection.rowSeconds, maxRowSeconds, "scoring one row takes ", Words.duration),
      (selection.memory, maxMemory, "it needs ", Words.size),
    ] where value > limit {
      lacks.append("\(what)\(Words.about(words(value))), the limit is \(words(limit))")
    }
    return lacks
  }
}

/// A detector's place in the list, and why.
public struct Selection {
  public let name: String
  /// Nothing is known against it. Of a detector that nobody measured this is no promise.
  var meets = true
  public internal(set) var isMeasured = false
  // NaN where nothing was measured. Times are of one thread.
  public internal(set) var fitSeconds = Double.nan
  public internal(set) var scoreSeconds = Double.nan
  public internal(set) var rowSeconds = Double.nan
  public internal(set) var memory = Double.nan
  public internal(set) var rocAUC = Double.nan
  public internal(set) var averagePrecision = Double.nan
  public internal(set) var reason = ""
  /// Quality, less ``price`` for every ten times a time that somebody notices.
  var worth = 0.0

  /// Whether it can do what was asked, within the limits.
  public var fits: Bool { meets && isMeasured }

  /// Standard error of the difference between two detectors' mean quality over the labelled sets.
  static let error = 0.04
  /// What ten times the time must bring in quality: half that error.
  static let price = 0.02

  init(name: String) { self.name = name }

  var order: Int { !meets ? 2 : isMeasured ? 0 : 1 }

  mutating func predict(_ profile: DetectorProfile, _ n: Double, _ d: Double, _ speed: Double) {
    isMeasured = true
    fitSeconds = DetectorProfile.cost(profile.fit, n, d) / speed
    scoreSeconds = DetectorProfile.cost(profile.score, n, d) / speed
    rowSeconds = DetectorProfile.cost(profile.oneRow, n, d) / speed
    memory = DetectorProfile.cost(profile.memory, n, d)
    rocAUC = profile.rocAUC
    averagePrecision = profile.averagePrecision
    worth = (rocAUC + averagePrecision) / 2
  }

  /// By how many powers of ten a time exceeds one that nobody minds.
  static func tens(_ seconds: Double, above floor: Double) -> Double {
    seconds > floor ? Words.log10(seconds / floor) : 0
  }

  /// Bytes of ``reason``, at most: pyn_selection has room for 384 with the end.
  static let reasonRoom = 383

  /// What it lacks (never more than there is room for), and what it costs where there is room for that, too.
  func words(_ lacks: [String], _ realTime: Bool) -> String {
    let costs = costWords(realTime)
    guard !lacks.isEmpty else { return costs }
    let text = lacks.joined(separator: "; ") + "."
    return text.utf8.count + 1 + costs.utf8.count <= Selection.reasonRoom ? "\(text) \(costs)" : text
  }

  private func costWords(_ realTime: Bool) -> String {
    guard isMeasured else {
      return "Not measured: nothing is known of its quality, nor whether it keeps within the limits."
    }
    return "ROC-AUC \(Words.thousandths(rocAUC)), average precision \(Words.thousandths(averagePrecision))"
      + " on labelled sets; fit \(Words.about(Words.duration(fitSeconds))),"
      + (realTime
        ? " one row scored in \(Words.duration(rowSeconds)),"
        : " all rows scored in \(Words.duration(scoreSeconds)),") + " \(Words.size(memory))."
  }
}
