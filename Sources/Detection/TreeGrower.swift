/// Grows one tree at a time; one for each thread, with that thread's scratch memory.
final class TreeGrower {
  private let X: Matrix
  private let plan: ForestPlan
  private let sampler: RowSampler
  private let centres: Buffer<Double>
  private let kernels = KernelTable.chosen

  /// Centred columns, `stride` values apart: the whole matrix, or this tree's rows.
  private let columns: Buffer<Float>
  private let stride: Int
  private let columnsAreShared: Bool

  private let chosen: Buffer<Int>  // rows of X that this tree draws
  private let rows: Buffer<UInt32>  // positions in the columns, ordered as nodes split them
  private let right: Buffer<UInt32>
  private let values: Buffer<Float>
  private let projections: Buffer<Float>  // extended forest only
  private var features: [Int]
  private var seen: RowSet
  private var random = Random(seed: 0, stream: 0)
  private let nodes: Buffer<TreeNode>
  private var nodeCount = 0
  private var tasks: [Task] = []
  private var terms: [Term] = []

  init(
    _ X: Matrix, plan: ForestPlan, sampler: RowSampler, centres: Buffer<Double>,
    shared: Buffer<Float>?
  ) throws(DetectionError) {
    self.X = X
    self.plan = plan
    self.sampler = sampler
    self.centres = centres
    let count = sampler.drawn
    chosen = try Buffer(count: plan.sampleSize)
    rows = try Buffer(count: count)
    right = try Buffer(count: count)
    values = try Buffer(count: count)
    projections = try Buffer(count: plan.ndim > 1 ? count : 0)
    nodes = try Buffer(count: 2 * count, zeroed: false)
    features = Array(0..<X.columns)
    seen = RowSet(capacity: sampler.rejects ? plan.sampleSize : 0)
    if let shared {
      columns = shared
      stride = X.rows
      columnsAreShared = true
    } else {
      let (cells, overflow) = count.multipliedReportingOverflow(by: X.columns)
      guard !overflow else {
        throw DetectionError(.outOfMemory, "cannot hold \(count) x \(X.columns) values")
      }
      columns = try Buffer(count: cells, zeroed: false)
      stride = count
      columnsAreShared = false
    }
  }

  private struct Task {
    var node: Int
    var first: Int
    var count: Int
    var depth: Int
    var constants: Int  // features at the head of `features` known to be constant here
  }

  /// Grow a tree; its number gives the random stream.
  @_optimize(speed)
  func grow(tree: Int) throws(DetectionError) -> ([TreeNode], [Term]) {
    random = Random(seed: plan.seed, stream: UInt64(tree))
    nodeCount = 0
    terms.removeAll(keepingCapacity: true)
    let usable = drawFeatures(tree)
    try drawRows(tree)
    tasks.append(
      Task(node: addLeaf(sampler.drawn), first: 0, count: sampler.drawn, depth: 0, constants: 0))
    while let task = tasks.popLast() {
      guard task.count > 1, task.depth < plan.depthLimit else { continue }
      let outcome =
        plan.ndim > 1
        ? splitByHyperplane(task, usable: usable) : splitByFeature(task, usable: usable)
      guard let (lefts, constants) = outcome else { continue }
      let child = addLeaf(lefts)
      _ = addLeaf(task.count - lefts)
      nodes.base[task.node].left = UInt32(truncatingIfNeeded: child)
      tasks.append(
        Task(
          node: child + 1, first: task.first + lefts, count: task.count - lefts,
          depth: task.depth + 1, constants: constants))
      tasks.append(
        Task(
          node: child, first: task.first, count: lefts, depth: task.depth + 1,
          constants: constants))
    }
    try Memory.require(nodeCount, of: MemoryLayout<TreeNode>.stride)
    return (Array(UnsafeBufferPointer(start: nodes.base, count: nodeCount)), terms)
  }

  /// A leaf for now; returns which node it is.
  private func addLeaf(_ count: Int) -> Int {
    nodes[nodeCount] = TreeNode(
      threshold: 0, feature: TreeNode.leaf, left: 0, count: UInt32(truncatingIfNeeded: count))
    nodeCount += 1
    return nodeCount - 1
  }

  /// Put the features of this tree at the head of `features`; returns how many they are. Where a tree has
  /// all, the first is the one its root will try first: the trees take turns, from a random beginning.
  @_optimize(speed)
  private func drawFeatures(_ tree: Int) -> Int {
    for index in features.indices { features[index] = index }
    guard plan.featuresPerTree < X.columns else {
      var turn = Random(seed: ~plan.seed, stream: UInt64(tree / X.columns))
      features.swapAt(0, (turn.below(X.columns) + tree) % X.columns)
      return X.columns
    }
    for index in 0..<plan.featuresPerTree {
      features.swapAt(index, index + random.below(X.columns - index))
    }
    return plan.featuresPerTree
  }

  @_optimize(speed)
  private func drawRows(_ tree: Int) throws(DetectionError) {
    sampler.draw(tree: tree, seed: plan.seed, &random, into: chosen.base, seen: &seen)
    if columnsAreShared {
      for index in 0..<sampler.drawn { rows[index] = UInt32(truncatingIfNeeded: chosen[index]) }
      return
    }
    for index in 0..<sampler.drawn { rows[index] = UInt32(truncatingIfNeeded: index) }
    let finite = kernels.load(
      X, from: 0, rowNumbers: chosen.base, rows: sampler.drawn, centres: centres.base,
      block: columns.base, blockStride: stride)
    if !finite,
      let error = X.firstNotFinite(
        in: (0..<sampler.drawn).lazy.map { self.chosen[$0] }, nanAllowed: plan.missing)
    {
      throw error
    }
  }

  /// Split at a uniform threshold of a random feature that is not constant here.
  /// Returns how many rows stay left, and how many features are known to be constant; nil for a leaf.
  @_optimize(speed)
  private func splitByFeature(_ task: Task, usable: Int) -> (lefts: Int, constants: Int)? {
    var constants = task.constants
    let own = rows.base + task.first
    while constants < usable {
      let isFirst = task.node == 0 && constants == 0 && usable == X.columns
      let place = isFirst ? 0 : constants + random.below(usable - constants)
      let feature = features[place]
      var least: Float = 0
      var greatest: Float = 0
      kernels.gatherRange(
        columns.base + feature * stride, own, task.count, values.base, &least, &greatest)
      guard least < greatest else {
        features.swapAt(place, constants)
        constants += 1
        continue
      }
      let threshold = randomThreshold(least, greatest)
      let missingLeft = plan.missing && sendMissing(task.count, threshold)
      nodes.base[task.node].threshold = threshold
      nodes.base[task.node].feature = UInt32(missingLeft ? feature + X.columns : feature)
      let lefts = kernels.partitionRows(
        own, values.base, task.count, threshold, right.base)
      return (lefts, constants)
    }
    return nil
  }

  /// Missing values go where a row drawn at random would go. Returns whether that is left.
  @_optimize(speed)
  private func sendMissing(_ count: Int, _ threshold: Float) -> Bool {
    var lefts = 0
    var present = 0
    for index in 0..<count {
      lefts += values[index] <= threshold ? 1 : 0
      present += values[index].isNaN ? 0 : 1
    }
    let goLeft = random.below(present) < lefts
    for index in 0..<count where values[index].isNaN {
      values[index] = goLeft ? -.infinity : .infinity
    }
    return goLeft
  }

  /// Split by a hyperplane through random features that are not constant here: coefficients are normal,
  /// in units of each feature's range, and the threshold is uniform over the rows' projections, so that
  /// no side is empty.
  @_optimize(speed)
  private func splitByHyperplane(_ task: Task, usable: Int) -> (lefts: Int, constants: Int)? {
    var constants = task.constants
    let own = rows.base + task.first
    let plane = terms.count / plan.ndim
    var found = 0
    for index in 0..<task.count { projections[index] = 0 }
    while found < plan.ndim, constants + found < usable {
      let place = constants + found + random.below(usable - constants - found)
      let feature = features[place]
      var least: Float = 0
      var greatest: Float = 0
      kernels.gatherRange(
        columns.base + feature * stride, own, task.count, values.base, &least, &greatest)
      if least < greatest {
        let coefficient = Float(random.normal() / (Double(greatest) - Double(least)))
        for index in 0..<task.count {
          let value = values[index]
          projections[index] += coefficient * (value.isNaN ? 0 : value)
        }
        terms.append(Term(feature: UInt32(feature), coefficient: coefficient))
        features.swapAt(place, constants + found)
        found += 1
      } else {
        // Constant: to the head, the found ones move up by one.
        features.swapAt(place, constants + found)
        features.swapAt(constants + found, constants)
        constants += 1
      }
    }
    var least = Float.infinity
    var greatest = -Float.infinity
    for index in 0..<task.count {
      least = min(least, projections[index])
      greatest = max(greatest, projections[index])
    }
    guard least < greatest, least.isFinite, greatest.isFinite else {
      terms.removeLast(found)
      return nil
    }
    // A plane of fewer features, where no more vary, is padded with idle terms.
    for _ in found..<plan.ndim {
      terms.append(Term(feature: terms[plane * plan.ndim].feature, coefficient: 0))
    }
    nodes.base[task.node].threshold = randomThreshold(least, greatest)
    nodes.base[task.node].feature = UInt32(plane)
    let lefts = kernels.partitionRows(
      own, projections.base, task.count, nodes[task.node].threshold, right.base)
    return (lefts, constants)
  }

  /// Uniform in [least, greatest), never a negative zero.
  @_optimize(speed)
  private func randomThreshold(_ least: Float, _ greatest: Float) -> Float {
    let span = Double(greatest) - Double(least)
    let threshold = Float(Double(least) + random.unit() * span) + 0
    return threshold < greatest ? max(threshold, least) : least
  }
}
