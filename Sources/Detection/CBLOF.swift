/// Cluster-based local outlier factor (He, Xu, Deng 2003), with the options and the scores of PyOD's.
struct CBLOF: DetectorClass {
  let info = DetectorInfo(
    name: "CBLOF",
    description:
      "How far rows are from the centre of the nearest large cluster; rows of small clusters, and those far"
      + " from the centre of their own, are anomalous.",
    reference:
      "He, Xu, Deng: Discovering Cluster-based Local Outliers, Pattern Recognition Letters 24, 2003",
    capabilities: [.explain],
    options: [
      OptionSpec(
        "n_clusters", "Clusters to form by k-means; no more than there are distinct rows.",
        default: .int(8), ints: 1...1_000_000),
      OptionSpec(
        "alpha", "The share of the rows that the large clusters hold together.",
        default: .double(0.9), doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1)),
      OptionSpec(
        "beta", "How many times as many rows the least large cluster has as the greatest small one.",
        default: .double(5), doubles: .init(minimum: 1, minimumExclusive: true, maximum: 1e300)),
      OptionSpec(
        "use_weights", "Multiply each score by the number of rows of the row's own cluster.",
        default: .bool(false), bools: true),
      .contamination(auto: nil, default: .double(0.1)),
      .randomState,
    ])

  let knowsTrainingScores = true

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let seed = options.seed
    let panels = try RowPanels(training.X, call: call.part(0...0.1))
    let means = try KMeans(
      panels, clusters: options.int("n_clusters") ?? 8, seed: seed, call: call.part(0.1...0.95))
    try Memory.require(3 * means.count, of: 8)
    let order = means.sizes.indices.sorted { means.sizes[$0] > means.sizes[$1] }
    let sizes = order.map { means.sizes[$0] }
    let centres = try Buffer<Double>(count: means.count * panels.columns)
    for (place, cluster) in order.enumerated() {
      for column in 0..<panels.columns {
        centres[place * panels.columns + column] =
          means.centres[cluster * panels.columns + column] / panels.scale
      }
    }
    let model = try CBLOFModel(
      columns: panels.columns, centres: centres, sizes: sizes,
      large: CBLOF.largeCount(
        sizes, rows: panels.rows, alpha: options.double("alpha") ?? 0.9,
        beta: options.double("beta") ?? 5),
      weighted: options.bool("use_weights"), scale: panels.scale, seed: seed,
      iterations: means.iterations, inertia: means.inertia / panels.scale / panels.scale)
    if options.double("contamination") != nil {
      try model.scoreTraining(training.X, means, order: order, call: call.part(0.95...1))
    }
    return model
  }

  /// How many clusters are large, of sizes in falling order: the first number that both rules allow, else
  /// that the rule of alpha allows, else that of beta; else all of them.
  static func largeCount(_ sizes: [Int], rows: Int, alpha: Double, beta: Double) -> Int {
    var byAlpha: Int?
    var byBeta: Int?
    var held = 0
    for count in 1..<max(sizes.count, 1) {
      held += sizes[count - 1]
      let fitsAlpha = Double(held) >= Double(rows) * alpha
      let fitsBeta = Double(sizes[count - 1]) / Double(sizes[count]) >= beta
      if fitsAlpha, fitsBeta { return count }
      if fitsAlpha { byAlpha = byAlpha ?? count }
      if fitsBeta { byBeta = byBeta ?? count }
    }
    return byAlpha ?? byBeta ?? sizes.count
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try CBLOFModel.read(&reader, columns: featureCount)
  }
}
