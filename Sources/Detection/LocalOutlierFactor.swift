import CKernels

/// Local Outlier Factor (Breunig, Kriegel, Ng, Sander 2000), with the options of scikit-learn's.
struct LocalOutlierFactor: DetectorClass {
  let info = DetectorInfo(
    name: "LocalOutlierFactor",
    description:
      "Compares how densely a row lies with how densely its neighbours do; rows that lie much thinner are"
      + " anomalous.",
    reference: "Breunig, Kriegel, Ng, Sander: LOF: Identifying Density-Based Local Outliers, SIGMOD 2000",
    capabilities: [.explain],
    options: NeighbourPlan.options(neighbours: 20) + NeighbourIndex.Algorithm.options
      + DistanceMetric.options + [
        .contamination(auto: "1.5, as in scikit-learn"),
        NeighbourPlan.novelty,
      ])

  var keepsTrainingScores: Bool { true }

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let X = training.X
    let plan = try NeighbourPlan(options, rows: X.rows)
    let index = try plan.index(X, call: call.part(0...0.1))
    return try LocalOutlierFactorModel(plan, index, call: call.part(0.1...1))
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try NeighbourPlan.read(&reader, featureCount: featureCount) {
      (plan, index, reader) throws(DetectionError) in
      try LocalOutlierFactorModel(plan, index, &reader)
    }
  }
}

/// The training rows with their densities.
final class LocalOutlierFactorModel: Model {
  private let plan: NeighbourPlan
  private let index: NeighbourIndex
  /// By slot: how far the k-th neighbour is, and the local reachability density.
  private let reach: Buffer<Double>
  private let density: Buffer<Double>
  private let ownScores: Buffer<Double>

  var featureCount: Int { index.featureCount }
  let naturalThreshold = 1.5
  var trainingScores: Buffer<Double>? { ownScores }
  var fitted: [(name: String, value: Double)] {
    [("n_neighbors", Double(plan.k)), ("n_samples", Double(index.rowCount))]
  }

  init(_ plan: NeighbourPlan, _ index: NeighbourIndex, call: Call) throws(DetectionError) {
    self.plan = plan
    self.index = index
    let k = plan.k
    let (count, overflow) = index.slotCount.multipliedReportingOverflow(by: k)
    guard !overflow else {
      throw DetectionError(.outOfMemory, "cannot keep \(k) neighbours of \(index.rowCount) rows")
    }
    let distances = try Buffer<Double>(count: count, zeroed: false)
    let slots = try Buffer<UInt32>(count: count, zeroed: false)
    let reach = try Buffer<Double>(count: index.slotCount)
    let density = try Buffer<Double>(count: index.slotCount)
    let scores = try Buffer<Double>(count: index.rowCount)
    try index.searchOwnRows(k: k, stage: "fit", call: call.part(0...0.9)) { found in
      (distances.base + found.target * k).update(from: found.distances, count: found.count)
      (slots.base + found.target * k).update(from: found.slots, count: found.count)
      reach[found.target] = found.distances[found.count - 1]
    }
    self.reach = reach
    self.density = density
    ownScores = scores
    let neighbourhood = { (slot: Int) in
      Neighbourhood(
        target: slot, query: distances.base, distances: distances.base + slot * k,
        slots: slots.base + slot * k, count: k)
    }
    let chunk = 4096
    let chunks = (index.slotCount + chunk - 1) / chunk
    try forEachChunk(chunks, threads: call.threads, teller: ProgressTeller(call.part(0.9...0.95), "fit")) {
      (number, _) throws(DetectionError) in
      for slot in (number * chunk)..<min((number + 1) * chunk, index.slotCount)
      where index.rowOf[slot] != NeighbourIndex.noRow {
        density[slot] = self.reachabilityDensity(neighbourhood(slot))
      }
    }
    try forEachChunk(chunks, threads: call.threads, teller: ProgressTeller(call.part(0.95...1), "fit")) {
      (number, _) throws(DetectionError) in
      for slot in (number * chunk)..<min((number + 1) * chunk, index.slotCount)
      where index.rowOf[slot] != NeighbourIndex.noRow {
        scores[Int(index.rowOf[slot])] = self.factor(neighbourhood(slot), density[slot])
      }
    }
  }

  /// 1 / mean reachability distance; rows in one place have one of 1e10, as in scikit-learn.
  private func reachabilityDensity(_ found: Neighbourhood) -> Double {
    var sum = 0.0
    for place in 0..<found.count {
      sum += max(found.distances[place], reach[Int(found.slots[place])])
    }
    return 1 / (sum / Double(found.count) + 1e-10)
  }

  private func factor(_ found: Neighbourhood, _ own: Double) -> Double {
    var sum = 0.0
    for place in 0..<found.count { sum += density[Int(found.slots[place])] }
    return sum / Double(found.count) / own
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    try index.search(X, k: plan.k, dropsSelf: !plan.novelty, stage: "score", call: call) { found in
      scores[found.target] = self.factor(found, self.reachabilityDensity(found))
    }
  }

  /// A feature's share of the reachability distances to the neighbours, of which the score is a multiple.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let shares = shares
    try index.search(X, k: plan.k, dropsSelf: !plan.novelty, stage: "explain", call: call) { found in
      let own = shares + found.target * self.featureCount
      let score = self.factor(found, self.reachabilityDensity(found))
      self.index.explain(found, score: score, into: own) { place in
        max(found.distances[place], self.reach[Int(found.slots[place])])
      }
    }
  }

  // -------------------------------------------------------------------------------- model files

  func write(to writer: inout ModelWriter) throws(DetectionError) {
    try plan.write(to: &writer, index)
    try index.write(reach, to: &writer)
    try index.write(density, to: &writer)
    try writer.write(all: ownScores)
  }

  init(
    _ plan: NeighbourPlan, _ index: NeighbourIndex, _ reader: inout ModelReader
  ) throws(DetectionError) {
    self.plan = plan
    self.index = index
    reach = try index.read(in: 0...1e160, "distances of the neighbours", &reader)
    density = try index.read(in: 1e-160...1.000001e10, "densities", &reader)
    ownScores = try reader.readAll(index.rowCount, in: 0...1e300, "training scores")
  }
}
