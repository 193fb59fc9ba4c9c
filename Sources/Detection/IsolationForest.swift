/// Isolation Forest (Liu, Ting, Zhou 2008), with the options of scikit-learn's, and with ndim > 1 the
/// extended forest (Hariri, Carrasco Kind, Brunner 2018).
struct IsolationForest: DetectorClass {
  let info = DetectorInfo(
    name: "IsolationForest",
    description:
      "Random trees isolate each row; rows that few splits set apart are anomalous.",
    reference:
      "Liu, Ting, Zhou: Isolation Forest, ICDM 2008; Hariri, Carrasco Kind, Brunner: Extended Isolation"
      + " Forest, IEEE TKDE 2019 (ndim > 1)",
    capabilities: [.explain, .sampleWeight, .missingValues, .warmStart],
    options: [
      OptionSpec(
        "n_estimators", "Number of trees.", default: .int(100), ints: 1...1_000_000),
      OptionSpec(
        "max_samples",
        "Rows drawn for each tree: a number, a share of the rows, or \"auto\" for at most 256.",
        default: .string("auto"), ints: 1...(1 << 31),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1), choices: ["auto"]),
      OptionSpec(
        "contamination",
        "Share of outliers in the training data, which sets the threshold; \"auto\" for 0.5 as in the"
          + " paper.",
        default: .string("auto"),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 0.5), choices: ["auto"]),
      OptionSpec(
        "max_features", "Features drawn for each tree: a number or a share.", default: .double(1),
        ints: 1...(1 << 31), doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1)),
      OptionSpec(
        "bootstrap", "Draw the rows of a tree with replacement.", default: .bool(false),
        bools: true),
      OptionSpec(
        "random_state",
        "Seed; \"random\" for a new one with every fit (the model keeps which).", default: .int(0),
        ints: 0...Int.max, choices: ["random"]),
      OptionSpec(
        "warm_start", "Fitting again adds trees up to n_estimators to the fitted ones.",
        default: .bool(false), bools: true),
      OptionSpec(
        "ndim",
        "Features in each split: 1 for the classical forest, more for hyperplanes (extended forest).",
        default: .int(1), ints: 1...65535),
      OptionSpec(
        "missing_values",
        "\"error\" refuses NaN; \"native\" takes it as a value: a split sends it to a side drawn in"
          + " proportion to the rows there (with ndim > 1 it counts as the feature's median).",
        default: .string("error"), choices: ["error", "native"]),
    ])

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let X = training.X
    let plan = try ForestPlan(options, rows: X.rows, columns: X.columns)
    let earlier = previous as? ForestModel
    if let earlier { try plan.check(canGrow: earlier) }
    let grower = try ForestGrower(
      X, weights: training.weights, plan: plan, earlier: earlier, call: call)
    return try grower.grow()
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try ForestModel.read(&reader, featureCount: featureCount)
  }
}

/// The options of one fit, settled for the data at hand.
struct ForestPlan {
  let treeCount: Int
  let sampleSize: Int
  let featuresPerTree: Int
  let bootstrap: Bool
  let seed: UInt64
  let ndim: Int
  let missing: Bool
  let depthLimit: Int

  init(_ options: Options, rows: Int, columns: Int) throws(DetectionError) {
    treeCount = options.int("n_estimators") ?? 100
    if let count = options.int("max_samples") {
      sampleSize = min(count, rows)
    } else if let share = options.double("max_samples") {
      sampleSize = max(1, Int(share * Double(rows)))
    } else {
      sampleSize = min(256, rows)
    }
    guard sampleSize < 1 << 31 else {
      throw DetectionError(
        .invalidOption,
        "option max_samples: \(sampleSize) rows a tree are too many; allowed are less than 2^31")
    }
    if let count = options.int("max_features") {
      guard count <= columns else {
        throw DetectionError(
          .invalidOption,
          "option max_features: \(count) features a tree, but the data have \(columns) columns")
      }
      featuresPerTree = count
    } else {
      featuresPerTree = max(1, Int((options.double("max_features") ?? 1) * Double(columns)))
    }
    bootstrap = options.bool("bootstrap")
    ndim = min(options.int("ndim") ?? 1, featuresPerTree)
    missing = options.string("missing_values") == "native"
    seed = options.int("random_state").map { UInt64($0) } ?? SystemRandomNumberGenerator().freshSeed()
    var limit = 1
    while 1 << limit < sampleSize { limit += 1 }
    depthLimit = limit
    guard columns < 1 << 30 else {
      throw DetectionError(
        .invalidData, "the data have \(columns) columns; allowed are less than 2^30")
    }
  }

  func check(canGrow model: ForestModel) throws(DetectionError) {
    guard treeCount >= model.forest.treeCount else {
      throw DetectionError(
        .invalidOption,
        "option n_estimators: \(treeCount) is less than the \(model.forest.treeCount) trees fitted"
          + " already; with warm_start it must not be less")
    }
    guard model.forest.isExtended == (ndim > 1), model.forest.ndim == ndim,
      model.forest.takesMissing == missing
    else {
      throw DetectionError(
        .invalidOption,
        "options ndim and missing_values must stay as they were when warm_start grows a model")
    }
  }
}
