/// Robust random cut forest (Guha, Mishra, Roy, Schrijvers 2016): trees of random cuts that rows are inserted
/// into and deleted from. A row's score is the displacement that it would cause.
struct RobustRandomCutForest: DetectorClass {
  let info = DetectorInfo(
    name: "RobustRandomCutForest",
    description:
      "Rows whose presence would displace many others in random cut trees are anomalous; for streams.",
    reference:
      "Guha, Mishra, Roy, Schrijvers: Robust Random Cut Forest Based Anomaly Detection on Streams,"
      + " ICML 2016",
    capabilities: [.explain, .partialFit],
    options: [
      OptionSpec("n_estimators", "Number of trees.", default: .int(100), ints: 1...100_000),
      OptionSpec("max_samples", "Rows that a tree holds.", default: .int(256), ints: 2...(1 << 24)),
      OptionSpec(
        "sampling",
        "Which rows a tree holds: \"reservoir\" for a random sample of all so far, of its own;"
          + " \"sliding\" for the last ones.",
        default: .string("reservoir"), choices: ["reservoir", "sliding"]),
      OptionSpec(
        "time_decay",
        "With sampling \"reservoir\": a row's chance to be held shrinks by exp(-time_decay) with each row"
          + " that follows.",
        default: .double(0), doubles: .init(minimum: 0, minimumExclusive: false, maximum: 1)),
      .randomState,
      .usualContamination,
    ])

  let usualContamination: Double? = 0.1
  let mostThresholdRows = 4096
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
    let earlier = previous as? CutForestModel
    let model = try CutForestModel(
      earlier?.plan ?? CutForestPlan(options), columns: X.columns, earlier: earlier)
    try model.learn(X, call: call)
    return model
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try CutForestModel.read(&reader, featureCount: featureCount)
  }
}

/// The options that a model began with.
struct CutForestPlan {
  var treeCount = 100
  var sampleSize = 256
  var isSliding = false
  var timeDecay = 0.0
  var seed: UInt64 = 0

  init() {}

  init(_ options: Options) {
    treeCount = options.int("n_estimators") ?? treeCount
    sampleSize = options.int("max_samples") ?? sampleSize
    isSliding = options.string("sampling") == "sliding"
    timeDecay = options.double("time_decay") ?? timeDecay
    seed = options.seed
  }
}

final class CutForestModel: Model, @unchecked Sendable {
  let plan: CutForestPlan
  let frame: Frame
  /// Rows learnt from so far.
  private(set) var seen: Int
  private(set) var trees: [CutTree]

  /// `earlier` stays as it is; trees that change are copied first.
  init(
    _ plan: CutForestPlan, columns: Int, earlier: CutForestModel? = nil
  ) throws(DetectionError) {
    self.plan = plan
    if let earlier {
      frame = earlier.frame
      seen = earlier.seen
      trees = earlier.trees
      return
    }
    try Frame.check(columns: columns)
    frame = try Frame(features: Array(0..<columns), of: columns)
    seen = 0
    trees = []
    try Memory.require(plan.treeCount, of: 8)
    for _ in 0..<plan.treeCount { trees.append(CutTree(columns: frame.count)) }
  }

  /// As a model file gives it.
  init(_ plan: CutForestPlan, frame: Frame, seen: Int, trees: [CutTree]) {
    self.plan = plan
    self.frame = frame
    self.seen = seen
    self.trees = trees
  }

  var featureCount: Int { frame.count }
  let naturalThreshold = 0.0

  var fitted: [(name: String, value: Double)] {
    [
      ("n_estimators", Double(plan.treeCount)), ("max_samples", Double(plan.sampleSize)),
      ("random_state", Double(plan.seed)), ("n_samples", Double(seen)),
      ("node_count", Double(trees.reduce(0) { $0 + $1.nodeCount + $1.leafCount })),
    ]
  }

  /// Learn from rows in their order. Only a model that nobody else knows yet may.
  func learn(_ X: Matrix, call: Call) throws(DetectionError) {
    let watch = try Watch(call, "fit")
    let (seen, overflow) = self.seen.addingReportingOverflow(X.rows)
    guard !overflow, seen < 1 << 52 else {
      throw DetectionError(.invalidData, "a forest learns from at most 2^52 rows")
    }
    let isSmall = X.rows < 4096 / plan.treeCount + 1
    let threads = max(1, min(isSmall ? 1 : call.threads, plan.treeCount))
    // A row's place while it is inserted, for each thread.
    let room = try Buffer<Double>(count: threads * (frame.width + 8))
    let earlier = trees
    var failure: DetectionError?
    trees.withUnsafeMutableBufferPointer { trees in
      nonisolated(unsafe) let target = trees
      do throws(DetectionError) {
        try forEachChunk(plan.treeCount, threads: threads, teller: nil) {
          (tree, worker) throws(DetectionError) in
          try watch.check(worker, Double(tree) / Double(self.plan.treeCount))
          var learner = CutTreeLearner(
            plan, tree: tree, frame: frame, row: room.base + worker * (frame.width + 8))
          target[tree] = try learner.learn(X, after: self.seen, from: earlier[tree]) {
            (share) throws(DetectionError) in
            try watch.check(worker, (Double(tree) + share) / Double(self.plan.treeCount))
          }
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    self.seen = seen
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    let count = Double(trees.count)
    try forEachTile(X, call: call, stage: "score") { (first, rows, tile) in
      let own = scores + first
      own.update(repeating: 0, count: rows)
      for tree in trees { tree.addDisplacements(tile, stride: frame.width, rows: rows, into: own) }
      for row in 0..<rows { own[row] /= count }
    }
  }

  /// What each cut displaces goes to the features by which it would part the row from the others.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let shares = shares
    let columns = featureCount
    let count = Double(trees.count)
    try forEachTile(X, call: call, stage: "explain") { (first, rows, tile) in
      let own = shares + first * columns
      own.update(repeating: 0, count: rows * columns)
      for tree in trees {
        for row in 0..<rows {
          tree.addShares(tile + row * frame.width, columns: columns, into: own + row * columns)
        }
      }
      for index in 0..<(rows * columns) { own[index] /= count }
    }
  }

  private func forEachTile(
    _ X: Matrix, call: Call, stage: StaticString,
    body: (_ first: Int, _ rows: Int, _ tile: UnsafePointer<Double>) -> Void
  ) throws(DetectionError) {
    let tileRows = min(64, frame.tileRows, max(X.rows, 1))
    let tiles = (X.rows + tileRows - 1) / tileRows
    let isSmall = X.rows < 4096 / trees.count + 1
    let threads = max(1, min(isSmall ? 1 : call.threads, tiles))
    try frame.forEachTile(
      of: X, tileRows: tileRows, threads: threads, teller: ProgressTeller(call, stage)
    ) { first, rows, tile, _ in body(first, rows, tile) }
  }
}
