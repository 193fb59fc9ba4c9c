/// Grows the trees of one fit, each from its own random stream, so that the forest does not depend on
/// the number of threads.
struct ForestGrower {
  /// Up to so many values the whole matrix is checked. Of more, only the rows that trees draw are read.
  static let checkedValues = 1 << 20

  private let X: Matrix
  private let plan: ForestPlan
  private let earlier: ForestModel?
  private let call: Call
  private let sampler: RowSampler
  private let centres: Buffer<Double>
  private let shared: Buffer<Float>?

  init(
    _ X: Matrix, weights: UnsafeBufferPointer<Double>?, plan: ForestPlan, earlier: ForestModel?,
    call: Call
  ) throws(DetectionError) {
    self.X = X
    self.plan = plan
    self.earlier = earlier
    self.call = call
    sampler = try RowSampler(
      rows: X.rows, count: plan.sampleSize, replace: plan.bootstrap, weights: weights)
    if let earlier {
      centres = try columnCentres(of: earlier.forest.centres)
    } else {
      centres = try columnCentres(of: X)
    }
    let (values, overflow) = X.rows.multipliedReportingOverflow(by: X.columns)
    let small = !overflow && values <= ForestGrower.checkedValues
    // Where rows are drawn by several trees each, all are loaded once.
    let drawn = plan.sampleSize.multipliedReportingOverflow(by: plan.treeCount)
    if X.rows <= Int(Int32.max), !overflow,
      plan.sampleSize > X.rows / 8 || small && (drawn.overflow || drawn.partialValue / 2 >= X.rows)
    {
      shared = try ForestGrower.loadAll(
        X, values: values, centres: centres, missing: plan.missing, call: call)
    } else {
      shared = nil
      if small, !X.isFinite, let error = X.firstNotFinite(nanAllowed: plan.missing) { throw error }
    }
  }

  func grow() throws(DetectionError) -> ForestModel {
    let first = earlier?.forest.treeCount ?? 0
    let count = plan.treeCount - first
    try Memory.require(count, of: MemoryLayout<([TreeNode], [Term])>.stride)
    var trees: [([TreeNode], [Term])] = Array(repeating: ([], []), count: count)
    let workers = max(1, min(call.threads, count))
    var growers: [TreeGrower] = []
    for _ in 0..<workers {
      growers.append(
        try TreeGrower(
          X, plan: plan, sampler: sampler, centres: centres, shared: shared))
    }
    let teller = ProgressTeller(call, "fit")
    var failure: DetectionError?
    trees.withUnsafeMutableBufferPointer { trees in
      nonisolated(unsafe) let trees = trees
      do throws(DetectionError) {
        try forEachChunk(count, threads: workers, teller: teller) {
          (tree, worker) throws(DetectionError) in
          trees[tree] = try growers[worker].grow(tree: first + tree)
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    var forest =
      earlier?.forest
      ?? Forest(
        featureCount: X.columns, sampleSize: sampler.drawn,
        featuresPerTree: plan.featuresPerTree, seed: plan.seed, ndim: plan.ndim,
        takesMissing: plan.missing,
        centres: Array(UnsafeBufferPointer(start: centres.base, count: X.columns)))
    try forest.reserve(
      nodes: forest.nodes.count + trees.reduce(0) { $0 + $1.0.count },
      terms: forest.terms.count + trees.reduce(0) { $0 + $1.1.count })
    for (nodes, terms) in trees { forest.append(nodes, terms: terms) }
    return try ForestModel(forest)
  }

  /// All of X as centred columns, one after another.
  @_optimize(speed)
  private static func loadAll(
    _ X: Matrix, values: Int, centres: Buffer<Double>, missing: Bool, call: Call
  ) throws(DetectionError) -> Buffer<Float> {
    let columns = try Buffer<Float>(count: values, zeroed: false)
    let chunk = max(8, min(4096, (1 << 18) / max(X.columns, 1)) & ~7)
    let chunks = (X.rows + chunk - 1) / chunk
    try forEachChunk(
      chunks, threads: values < 1 << 18 ? 1 : call.threads,
      teller: ProgressTeller(call.part(0...0), "fit")
    ) { (index, _) throws(DetectionError) in
      let first = index * chunk
      let rows = min(chunk, X.rows - first)
      let finite = KernelTable.chosen.load(
        X, from: first, rowNumbers: nil, rows: rows, centres: centres.base,
        block: columns.base + first, blockStride: X.rows)
      if !finite, let error = X.firstNotFinite(in: first..<(first + rows), nanAllowed: missing) {
        throw error
      }
    }
    return columns
  }
}

/// A value near the middle of each column: the median of a few rows, evenly spaced.
@_optimize(speed)
private func columnCentres(of X: Matrix) throws(DetectionError) -> Buffer<Double> {
  let centres = try Buffer<Double>(count: X.columns)
  let probes = min(31, X.rows)
  let values = try Buffer<Double>(count: probes)
  for column in 0..<X.columns {
    var count = 0
    for probe in 0..<probes {
      let value = X.value(
        Int((UInt64(probe) &* UInt64(X.rows)) / UInt64(probes)), column)
      guard value.isFinite else { continue }
      var place = count
      while place > 0, values[place - 1] > value {
        values[place] = values[place - 1]
        place -= 1
      }
      values[place] = value
      count += 1
    }
    centres[column] = count > 0 ? values[count / 2] : 0
  }
  return centres
}

@_optimize(speed)
private func columnCentres(of values: [Double]) throws(DetectionError) -> Buffer<Double> {
  let centres = try Buffer<Double>(count: values.count)
  for (index, value) in values.enumerated() { centres[index] = value }
  return centres
}
