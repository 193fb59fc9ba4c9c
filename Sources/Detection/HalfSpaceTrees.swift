import CKernels

/// Half-space trees (Tan, Ting, Liu 2011), with the options and the score of river's.
struct HalfSpaceTrees: DetectorClass {
  let info = DetectorInfo(
    name: "HalfSpaceTrees",
    description:
      "Rows that fall where random trees counted few rows of the last window are anomalous; for streams.",
    reference:
      "Tan, Ting, Liu: Fast Anomaly Detection for Streaming Data, IJCAI 2011",
    capabilities: [.explain, .partialFit],
    options: [
      OptionSpec("n_trees", "Number of trees.", default: .int(25), ints: 1...100_000),
      OptionSpec(
        "height", "Cuts from the root of a tree to its leaves.", default: .int(8), ints: 1...20),
      OptionSpec(
        "window_size", "Rows in a window; each full one takes the place of the one before.",
        default: .int(250), ints: 1...16_000_000),
      OptionSpec(
        "size_limit",
        "Share of the window's rows below which a node is not looked into any further.",
        default: .double(0.1), doubles: .init(minimum: 0, minimumExclusive: false, maximum: 1)),
      OptionSpec(
        "limits",
        "Where the features' values lie: \"window\" learns it from the first window, as in the paper;"
          + " \"unit\" takes it to be 0 to 1, as river does when it is not told.",
        default: .string("window"), choices: ["window", "unit"]),
      .randomState,
      .usualContamination,
    ])

  let usualContamination: Double? = 0.1
  let fitsInParts = true

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    try partialFit(training, options: options, previous: nil, call: call)
  }

  func partialFit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let X = training.X
    if !X.isFinite, let error = X.firstNotFinite(nanAllowed: false) { throw error }
    let model: HalfSpaceModel
    if let earlier = previous as? HalfSpaceModel {
      model = try HalfSpaceModel(goingOnFrom: earlier)
    } else {
      model = try HalfSpaceModel(HalfSpacePlan(options), columns: X.columns)
    }
    try model.learn(X, call: call)
    return model
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try HalfSpaceModel.read(&reader, featureCount: featureCount)
  }
}

/// The options that a model began with.
struct HalfSpacePlan {
  var treeCount = 25
  var height = 8
  var windowSize = 250
  var sizeLimit = 0.1
  var isUnit = false
  var seed: UInt64 = 0

  init() {}

  init(_ options: Options) {
    treeCount = options.int("n_trees") ?? treeCount
    height = options.int("height") ?? height
    windowSize = options.int("window_size") ?? windowSize
    sizeLimit = options.double("size_limit") ?? sizeLimit
    isUnit = options.string("limits") == "unit"
    seed = options.seed
  }
}

extension HalfSpaceModel {
  /// Learn from rows in their order. Only a model that nobody else knows yet may.
  func learn(_ X: Matrix, call: Call) throws(DetectionError) {
    let teller = ProgressTeller(call, "fit")
    var next = 0
    if nodes == nil {
      next = min(plan.windowSize - pendingRows, X.rows)
      try keep(X, rows: next)
      guard pendingRows == plan.windowSize else { return try standIn() }
      try plant()
      nodes = standing
      try setReference(countPending(), rows: pendingRows)
      latest = try Buffer(count: leafCount)
      dropPending()
    }
    guard let latest, next < X.rows else { return }
    // Only the last full window and what follows it leave a trace.
    let windows = (latestRows + X.rows - next) / plan.windowSize
    if windows > 1 {
      next += (windows - 1) * plan.windowSize - latestRows
      latest.base.update(repeating: 0, count: latest.count)
      latestRows = 0
    }
    let first = next
    let tile = try frame.makeTile()
    while next < X.rows {
      let rows = min(frame.tileRows, X.rows - next, plan.windowSize - latestRows)
      try frame.load(X, from: next, rows: rows, into: tile.base)
      try count(tile.base, rows: rows, into: latest)
      latestRows += rows
      next += rows
      if latestRows == plan.windowSize {
        try setReference(latest, rows: latestRows)
        latest.base.update(repeating: 0, count: latest.count)
        latestRows = 0
      }
      if !teller.tell(Double(next - first) / Double(X.rows - first)) { throw .cancelled }
    }
  }

  /// Until the first window is full, its rows so far stand for it.
  private func standIn() throws(DetectionError) {
    try plant()
    try setReference(countPending(), rows: pendingRows)
  }

  func countPending() throws(DetectionError) -> Buffer<UInt32> {
    let masses = try Buffer<UInt32>(count: leafCount)
    guard let pending else { return masses }
    var first = 0
    while first < pendingRows {
      let rows = min(frame.tileRows, pendingRows - first)
      try count(pending.base + first * frame.width, rows: rows, into: masses)
      first += rows
    }
    return masses
  }

  /// Add rows to the masses of the leaves that they fall into.
  private func count(
    _ tile: UnsafePointer<Double>, rows: Int, into masses: Buffer<UInt32>
  ) throws(DetectionError) {
    let places = try Buffer<UInt32>(count: rows, zeroed: false)
    for tree in 0..<plan.treeCount {
      StreamKernels.chosen.halfSpaceLeaves(
        tile, frame.width, rows, standing.base + (tree << plan.height), plan.height, places.base)
      let own = masses.base + (tree << plan.height)
      for row in 0..<rows { own[Int(places[row])] += 1 }
    }
  }

  /// Cut the space at random, within where the rows of the first window lie.
  private func plant() throws(DetectionError) {
    let columns = featureCount
    let lows = try Buffer<Double>(count: columns)
    let highs = try Buffer<Double>(count: columns)
    for column in 0..<columns {
      (lows[column], highs[column]) = plan.isUnit ? (0, 1) : pendingRange(of: column)
    }
    var varying: [Int] = []
    try varying.makeRoom(for: columns)
    for column in 0..<columns where lows[column] < highs[column] { varying.append(column) }
    if varying.isEmpty {
      // All rows are equal: whatever differs from them is to fall elsewhere.
      varying = Array(0..<columns)
      for column in varying {
        let step = max(lows[column].magnitude * 1e-9, 1e-300)
        highs[column] = lows[column] + step
        if !highs[column].isFinite { (lows[column], highs[column]) = (lows[column] - step, lows[column]) }
      }
    }
    let trees = try Buffer<ck_half_node>(count: leafCount)
    // Where a node's space begins and ends, in units of the range, for each level.
    let (cells, overflow) = columns.multipliedReportingOverflow(by: 2 * (plan.height + 1))
    guard !overflow else { throw .outOfMemory(bytes: Int.max) }
    let bounds = try Buffer<Double>(count: cells)
    for tree in 0..<plan.treeCount {
      var random = Random(seed: plan.seed, stream: UInt64(tree))
      for column in 0..<columns {
        // The paper's work range: around a random place, wide enough for all of 0 to 1.
        let place = plan.isUnit ? 0.5 : random.unit()
        let reach = plan.isUnit ? 0.5 : 2 * max(place, 1 - place)
        bounds[2 * column] = place - reach
        bounds[2 * column + 1] = place + reach
      }
      let nodes = trees.base + (tree << plan.height)
      nodes[0] = ck_half_node(split: 0, feature: 0)
      // A node and all below it, left ones first; each level has its own copy of the bounds.
      var pending: [(place: Int, level: Int, cut: (bound: Int, value: Double)?)] = [(1, 0, nil)]
      while let (place, level, cut) = pending.popLast() {
        let own = bounds.base + level * 2 * columns
        if let cut {
          own.update(from: own - 2 * columns, count: 2 * columns)
          own[cut.bound] = cut.value
        }
        let feature =
          plan.isUnit
          ? widest(own, &random, columns) : varying[random.below(varying.count)]
        let (low, high) = (own[2 * feature], own[2 * feature + 1])
        // river keeps cuts off the borders by 15 %; the paper halves.
        let share = plan.isUnit ? 0.15 + 0.7 * random.unit() : 0.5
        let at = low + share * (high - low)
        nodes[place] = ck_half_node(
          split: HalfSpaceModel.between(lows[feature], highs[feature], at), feature: Int64(feature))
        guard level + 1 < plan.height else { continue }
        pending.append((2 * place + 1, level + 1, (2 * feature, at)))
        pending.append((2 * place, level + 1, (2 * feature + 1, at)))
      }
    }
    standing = trees
  }

  /// Cuts that would be beyond the range of numbers are at its end.
  private static func between(_ low: Double, _ high: Double, _ at: Double) -> Double {
    let split = low * (1 - at) + high * at
    guard !split.isFinite else { return split }
    let most = Double.greatestFiniteMagnitude / 8
    return max(-most, min(most, low / 8 * (1 - at) + high / 8 * at)) * 8
  }

  /// A feature drawn in proportion to how wide the space still is on it.
  private func widest(
    _ bounds: UnsafePointer<Double>, _ random: inout Random, _ columns: Int
  ) -> Int {
    var sum = 0.0
    for column in 0..<columns { sum += bounds[2 * column + 1] - bounds[2 * column] }
    var left = random.unit() * sum
    for column in 0..<columns {
      left -= bounds[2 * column + 1] - bounds[2 * column]
      if left < 0 { return column }
    }
    return columns - 1
  }
}
