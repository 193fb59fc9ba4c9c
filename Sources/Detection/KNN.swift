import CKernels

/// The distance of the k-th neighbour, or of the k neighbours on average (Ramaswamy, Rastogi, Shim 2000;
/// Angiulli, Pizzuti 2002), with the options of PyOD's.
struct KNN: DetectorClass {
  let info = DetectorInfo(
    name: "KNN",
    description: "How far the nearest rows are; rows far from all others are anomalous.",
    reference:
      "Ramaswamy, Rastogi, Shim: Efficient Algorithms for Mining Outliers from Large Data Sets, SIGMOD"
      + " 2000; Angiulli, Pizzuti: Fast Outlier Detection in High Dimensional Spaces, PKDD 2002 (mean)",
    capabilities: [.explain],
    options: NeighbourPlan.options(neighbours: 5) + [
      OptionSpec(
        "method",
        "What of the distances to the neighbours is the score: the \"largest\", \"mean\" or \"median\".",
        default: .string("largest"), choices: ["largest", "mean", "median"])
    ] + NeighbourIndex.Algorithm.options + DistanceMetric.options + [
      .contamination(
        auto: "the upper fence of a box plot of the training scores, Q3 + 1.5 (Q3 - Q1)",
        default: .double(0.1)),
      NeighbourPlan.novelty,
    ])

  var keepsTrainingScores: Bool { true }

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let X = training.X
    let plan = try NeighbourPlan(options, rows: X.rows)
    let index = try plan.index(X, call: call.part(0...0.1))
    return try KNNModel(
      plan, index, KNNModel.Method(rawValue: options.string("method") ?? "") ?? .largest,
      call: call.part(0.1...1))
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try NeighbourPlan.read(&reader, featureCount: featureCount) {
      (plan, index, reader) throws(DetectionError) in
      try KNNModel(plan, index, &reader)
    }
  }
}

/// The training rows.
final class KNNModel: Model {
  enum Method: String, CaseIterable {
    case largest, mean, median
  }

  private let plan: NeighbourPlan
  private let index: NeighbourIndex
  private let method: Method
  private let ownScores: Buffer<Double>
  /// Tukey's upper fence: what lies above it is far out for the middle half of the training scores, whatever
  /// their distribution.
  let naturalThreshold: Double

  var featureCount: Int { index.featureCount }
  var trainingScores: Buffer<Double>? { ownScores }
  var fitted: [(name: String, value: Double)] {
    [("n_neighbors", Double(plan.k)), ("n_samples", Double(index.rowCount))]
  }

  init(
    _ plan: NeighbourPlan, _ index: NeighbourIndex, _ method: Method, call: Call
  ) throws(DetectionError) {
    self.plan = plan
    self.index = index
    self.method = method
    let scores = try Buffer<Double>(count: index.rowCount)
    try index.searchOwnRows(k: plan.k, stage: "fit", call: call) { found in
      scores[Int(index.rowOf[found.target])] = KNNModel.score(found, method)
    }
    ownScores = scores
    naturalThreshold = try KNNModel.fence(scores)
  }

  private static func fence(_ scores: Buffer<Double>) throws(DetectionError) -> Double {
    let sorted = try Buffer<Double>(count: scores.count)
    sorted.base.update(from: scores.base, count: scores.count)
    let low = quantile(sorted, 0.25)
    let high = quantile(sorted, 0.75)
    return high + 1.5 * (high - low)
  }

  private static func score(_ found: Neighbourhood, _ method: Method) -> Double {
    guard found.count > 0 else { return .greatestFiniteMagnitude }
    switch method {
    case .largest: return found.distances[found.count - 1]
    case .mean:
      var sum = 0.0
      for place in 0..<found.count { sum += found.distances[place] }
      return sum / Double(found.count)
    case .median:
      let middle = found.distances[found.count / 2]
      return found.count % 2 == 1 ? middle : (found.distances[found.count / 2 - 1] + middle) / 2
    }
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    try index.search(X, k: plan.k, dropsSelf: !plan.novelty, stage: "score", call: call) { found in
      scores[found.target] = KNNModel.score(found, self.method)
    }
  }

  /// A feature's share of the distances that make the score.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let shares = shares
    try index.search(X, k: plan.k, dropsSelf: !plan.novelty, stage: "explain", call: call) { found in
      let own = shares + found.target * self.featureCount
      self.index.explain(found, score: KNNModel.score(found, self.method), into: own) { place in
        let counts: Bool
        switch self.method {
        case .largest: counts = place == found.count - 1
        case .mean: counts = true
        case .median: counts = place == found.count / 2 || place == (found.count - 1) / 2
        }
        return counts ? found.distances[place] : 0
      }
    }
  }

  // -------------------------------------------------------------------------------- model files

  func write(to writer: inout ModelWriter) throws(DetectionError) {
    try plan.write(to: &writer, index)
    writer.write(UInt32(Method.allCases.firstIndex(of: method) ?? 0))
    try writer.write(all: ownScores)
  }

  init(
    _ plan: NeighbourPlan, _ index: NeighbourIndex, _ reader: inout ModelReader
  ) throws(DetectionError) {
    self.plan = plan
    self.index = index
    let number = try reader.read(UInt32.self, "method")
    guard number < Method.allCases.count else { throw reader.damaged("there is no method \(number)") }
    method = Method.allCases[Int(number)]
    ownScores = try reader.readAll(index.rowCount, in: 0...1e300, "training scores")
    naturalThreshold = try KNNModel.fence(ownScores)
  }
}
