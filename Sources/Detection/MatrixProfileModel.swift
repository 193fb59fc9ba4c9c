/// The training series and its profile.
final class MatrixProfileModel: Model {
  struct Discord {
    let window: Int
    let distance: Double
  }

  private let plan: MatrixProfile.Plan
  private let series: TrainingSeries
  /// Of each channel, one after another, the distances of its windows.
  private let profiles: Buffer<Double>
  private let ownScores: Buffer<Double>
  /// Windows that do not overlap, the one farthest from all others first.
  let discords: [Discord]

  var featureCount: Int { series.channels }
  var trainingScores: Buffer<Double>? { ownScores }

  /// Without a contamination there is no threshold of its own.
  let naturalThreshold = Double.greatestFiniteMagnitude

  init(
    _ plan: MatrixProfile.Plan, _ series: TrainingSeries, _ profiles: Buffer<Double>
  ) throws(DetectionError) {
    self.plan = plan
    self.series = series
    self.profiles = profiles
    let windows = plan.windows(of: series.rows)
    let means = try RowProfile.mean(profiles, windows: windows, channels: series.channels)
    ownScores = try Buffer(count: series.rows)
    try RowProfile(plan).score(means, windows: windows, into: ownScores.base)
    discords = try MatrixProfileModel.discords(means, windows: windows, plan)
  }

  var fitted: [(name: String, value: Double)] {
    let values = [
      ("window", Double(plan.window)), ("exclusion_zone", Double(plan.exclusion)),
      ("n_samples", Double(series.rows)), ("n_discords", Double(discords.count)),
    ]
    return values
      + discords.enumerated().flatMap { number, discord in
        [
          ("discord_\(number)", Double(discord.window)),
          ("discord_\(number)_score", discord.distance),
        ]
      }
  }

  private static func discords(
    _ means: Buffer<Double>, windows: Int, _ plan: MatrixProfile.Plan
  ) throws(DetectionError) -> [Discord] {
    var found: [Discord] = []
    let isTaken = try Buffer<Bool>(count: windows)
    var heap = try IndexHeap(means.base, count: windows)
    while found.count < plan.discords, let window = heap.first {
      heap.removeFirst()
      if isTaken[window] { continue }
      found.append(Discord(window: window, distance: means[window]))
      for near in max(0, window - plan.window + 1)..<min(windows, window + plan.window) {
        isTaken[near] = true
      }
    }
    return found
  }

  // ------------------------------------------------------------------------------------- scoring

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    guard X.rows > 0 else { return }
    try check(X)
    if let place = try place(of: X) {
      scores.update(from: ownScores.base + place, count: X.rows)
      return
    }
    let profiles = try distances(of: X, call: call, stage: "score")
    let windows = plan.windows(of: X.rows)
    let means = try RowProfile.mean(profiles, windows: windows, channels: featureCount)
    try RowProfile(plan).score(means, windows: windows, into: scores)
  }

  /// A channel's share is its part of the mean.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    guard X.rows > 0 else { return }
    try check(X)
    var (first, rows) = (0, X.rows)
    var known = profiles
    if let place = try place(of: X) {
      (first, rows) = (place, series.rows)
    } else {
      known = try distances(of: X, call: call, stage: "explain")
    }
    let windows = plan.windows(of: rows)
    let means = try RowProfile.mean(known, windows: windows, channels: featureCount)
    let sources = try Buffer<Int>(count: rows)
    let scores = try Buffer<Double>(count: rows)
    try RowProfile(plan).score(means, windows: windows, into: scores.base, from: sources.base)
    for row in 0..<X.rows {
      let window = sources[first + row]
      for channel in 0..<featureCount {
        shares[row * featureCount + channel] =
          window < 0 ? 0 : known[channel * windows + window] / Double(featureCount)
      }
    }
  }

  private func check(_ X: Matrix) throws(DetectionError) {
    if !X.isFinite, let error = X.firstNotFinite(nanAllowed: false) { throw error }
  }

  private func place(of X: Matrix) throws(DetectionError) -> Int? {
    plan.novelty ? nil : try series.place(of: X)
  }

  /// Of each channel, one after another, the distances of the windows of X from the training series.
  private func distances(
    of X: Matrix, call: Call, stage: StaticString
  ) throws(DetectionError) -> Buffer<Double> {
    guard X.rows >= plan.window else {
      throw DetectionError(
        .invalidData,
        "\(X.rows) \(X.rows == 1 ? "row has" : "rows have") no window of \(plan.window) rows: score the"
          + " series as a whole, or at least so many rows of it")
    }
    let windows = plan.windows(of: X.rows)
    let (size, overflow) = windows.multipliedReportingOverflow(by: featureCount)
    guard !overflow else { throw .outOfMemory(bytes: Int.max) }
    let profiles = try Buffer<Double>(count: size, zeroed: false)
    let training = try series.matrix
    for column in 0..<featureCount {
      let join = SeriesJoin(
        window: plan.window, normalized: plan.normalized,
        call: call.part(
          Double(column) / Double(featureCount)...Double(column + 1) / Double(featureCount)),
        stage: stage)
      let frame = ProfiledSeries.Frame(training, column: column)
      let found = try join.distances(
        ProfiledSeries(
          X, column: column, frame: frame, window: plan.window, normalized: plan.normalized),
        to: ProfiledSeries(
          training, column: column, frame: frame, window: plan.window,
          normalized: plan.normalized), scale: frame.scale)
      for index in 0..<windows {
        profiles[column * windows + index] = min(found[index], .greatestFiniteMagnitude)
      }
    }
    return profiles
  }

  // -------------------------------------------------------------------------------- model files

  func write(to writer: inout ModelWriter) throws(DetectionError) {
    for number in [plan.window, plan.exclusion, plan.discords, series.rows] {
      writer.write(UInt64(number))
    }
    for flag in [plan.normalized, plan.takesLast, plan.novelty] { writer.write(UInt8(flag ? 1 : 0)) }
    try writer.write(all: series.values)
    try writer.write(all: profiles)
  }

  static func read(
    _ reader: inout ModelReader, channels: Int
  ) throws(DetectionError) -> MatrixProfileModel {
    let window = try reader.readCount("window", atLeast: 3, atMost: 1 << 40)
    let exclusion = try reader.readCount("exclusion zone", atMost: 1 << 40)
    let discords = try reader.readCount("number of discords", atLeast: 1, atMost: 1000)
    let rows = try reader.readCount(
      "number of rows", atLeast: MatrixProfile.Plan.leastRows(window: window, exclusion: exclusion),
      atMost: 1 << 44)
    var flags: [Bool] = []
    for _ in 0..<3 { flags.append(try reader.read(UInt8.self, "flag") != 0) }
    let cells = rows.multipliedReportingOverflow(by: channels)
    guard !cells.overflow else { throw reader.damaged("\(rows) rows have \(channels) channels") }
    let most = Double.greatestFiniteMagnitude
    let values = try reader.readAll(cells.partialValue, in: -most...most, "values")
    let profiles = try reader.readAll((rows - window + 1) * channels, in: 0...most, "distances")
    return try MatrixProfileModel(
      MatrixProfile.Plan(
        window: window, exclusion: exclusion, normalized: flags[0], discords: discords,
        takesLast: flags[1], novelty: flags[2]),
      TrainingSeries(rows: rows, channels: channels, values: values), profiles)
  }
}
