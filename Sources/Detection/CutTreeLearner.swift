import Glibc

/// Chooses which of the rows that go by one tree holds, and has it insert and delete them.
///
/// Reservoir: row t gets the key ln(-ln u) - time_decay * t, u uniform in (0, 1), and the `max_samples` least
/// keys are held (Efraimidis, Spirakis 2006, weights growing with time). The rows between two that are held
/// are skipped in one step.
///
/// Sliding: whenever the number of rows is a multiple of `max_samples`, the tree is made anew of those it holds, and
/// row t is drawn for by the random numbers of t. So a tree depends on the last 2 * `max_samples` rows alone, and
/// not on the calls that they came in.
struct CutTreeLearner {
  private let plan: CutForestPlan
  private let tree: Int
  private let frame: Frame
  private let row: UnsafeMutablePointer<Double>

  init(_ plan: CutForestPlan, tree: Int, frame: Frame, row: UnsafeMutablePointer<Double>) {
    self.plan = plan
    self.tree = tree
    self.frame = frame
    self.row = row
  }

  /// A tree that has learnt from the rows of X, which follow `seen` others; `earlier` itself when it holds none
  /// of them.
  mutating func learn(
    _ X: Matrix, after seen: Int, from earlier: CutTree,
    check: (Double) throws(DetectionError) -> Void
  ) throws(DetectionError) -> CutTree {
    var next = nextHeld(earlier, seen)
    // Where the tree that is last made anew begins.
    let fresh = (seen + X.rows) / plan.sampleSize * plan.sampleSize - plan.sampleSize
    let isFresh = plan.isSliding && fresh >= seen
    if isFresh { next = fresh }
    guard next < seen + X.rows else { return earlier }
    let held = min(plan.sampleSize, seen + X.rows)
    var tree =
      isFresh
      ? CutTree(columns: frame.count) : try earlier.copy(room: held, atMost: plan.sampleSize)
    try tree.makeRoom(leaves: held, entries: held, atMost: plan.sampleSize)
    var heap: IndexHeap?
    var steps = 0
    while next < seen + X.rows {
      try frame.load(X, from: next - seen, rows: 1, into: row)
      if plan.isSliding {
        try slide(&tree, next)
        next += 1
      } else {
        next = try hold(tree, next, &heap)
      }
      steps += 1
      if steps & 255 == 0 { try check(Double(next - seen) / Double(X.rows)) }
    }
    tree.nextHeld = next
    return tree
  }

  private func random(_ number: Int) -> Random {
    Random(
      seed: plan.seed &+ UInt64(tree) &* 0x9e37_79b9_7f4a_7c15, stream: UInt64(number))
  }

  /// Insert row t in the place of the oldest one.
  private func slide(_ tree: inout CutTree, _ t: Int) throws(DetectionError) {
    let isFull = tree.entryCount == plan.sampleSize
    let entry = isFull ? tree.oldestEntry : tree.entryCount
    if isFull {
      tree.delete(entry)
      tree.oldestEntry = (entry + 1) % plan.sampleSize
    }
    var random = random(t)
    tree.insert(row, as: entry, &random)
    if isFull, (t + 1) % plan.sampleSize == 0 { tree = try anew(tree, t + 1) }
  }

  /// A tree of the rows that another one holds, the last of the first `rows`.
  private func anew(_ tree: CutTree, _ rows: Int) throws(DetectionError) -> CutTree {
    let new = CutTree(columns: frame.count)
    let size = plan.sampleSize
    try new.makeRoom(leaves: size, entries: size, atMost: size)
    guard let points = tree.points else { return tree }
    for entry in 0..<size {
      let leaf = tree.leaf(of: (tree.oldestEntry + entry) % size)
      var random = random(rows - size + entry)
      new.insert(points.base + leaf * tree.width, as: entry, &random)
    }
    return new
  }

  /// Insert row t, in the place of the one with the greatest key where there is no room. Returns the next row
  /// to hold.
  private func hold(
    _ tree: CutTree, _ t: Int, _ heap: inout IndexHeap?
  ) throws(DetectionError) -> Int {
    var random = random(tree.draws)
    tree.draws += 1
    let isFull = tree.entryCount == plan.sampleSize
    if isFull, heap == nil { heap = try tree.heapOfKeys() }
    let entry = isFull ? heap?.first ?? 0 : tree.entryCount
    if isFull { tree.delete(entry) }
    tree.setKey(of: entry, key(tree, entry, t, &random))
    tree.insert(row, as: entry, &random)
    guard tree.entryCount == plan.sampleSize else { return t + 1 }
    if heap == nil { heap = try tree.heapOfKeys() } else { heap?.sinkFirst() }
    return skip(tree, worst: heap?.first ?? 0, t, &random)
  }

  private func nextHeld(_ tree: CutTree, _ seen: Int) -> Int {
    plan.isSliding || tree.entryCount < plan.sampleSize ? seen : tree.nextHeld
  }

  /// The key of row t that takes the place of an entry: any while there is room, and then one below that of
  /// the entry.
  private func key(
    _ tree: CutTree, _ entry: Int, _ t: Int, _ random: inout Random
  ) -> Double {
    let u = 1 - random.unit()
    let decay = plan.timeDecay * Double(t)
    guard tree.entryCount >= plan.sampleSize else { return log(max(-log(u), 0x1p-60)) - decay }
    // An exponential variable of rate 1, given that it is below the entry's, seen from row t.
    let most = exp(tree.key(of: entry) + decay)
    let value = most < 1e-12 ? u * most : -log1p(u * expm1(-most))
    return log(max(value, 0x1p-1000)) - decay
  }

  /// The next row that is held, after row t.
  private func skip(_ tree: CutTree, worst: Int, _ t: Int, _ random: inout Random) -> Int {
    let decay = plan.timeDecay
    let most = exp(tree.key(of: worst) + decay * Double(t + 1))
    // Row t + m passes over the threshold with exp(-most * e^(decay (m - 1))); so the sum over them of
    // these exponents must reach an exponential variable.
    let reach = -log(1 - random.unit()) / most
    let rows = decay > 0 ? log1p(reach * expm1(decay)) / decay : reach
    return t + 1 + (Int(exactly: min(rows, 0x1p53).rounded(.down)) ?? 1 << 53)
  }
}

/// A cut that parts a row from a box.
struct RandomCut {
  let feature: Int
  let value: Double
  let isRowLeft: Bool

  /// Draw the first cut of the box that the row is in, too; nil when it goes through the box itself. `growth` is
  /// by how much the row widens the box, above 0, and `length` the sum of the box's sides.
  init?(
    _ row: UnsafePointer<Double>, low: UnsafePointer<Double>, high: UnsafePointer<Double>,
    _ width: Int, _ growth: Double, _ length: Double, _ random: inout Random
  ) {
    var (growth, length, scale) = (growth, length, 1.0)
    if !(length + growth < .infinity) {
      (growth, length, scale) = (0, 0, 0x1p-40)
      for index in 0..<width {
        growth += RandomCut.outside(row[index], low[index], high[index], scale)
        length += high[index] * scale - low[index] * scale
      }
    }
    var left = random.unit() * (length + growth)
    if length > 0, left >= growth { return nil }
    var chosen = -1
    var share = 0.5
    for index in 0..<width {
      let outside = RandomCut.outside(row[index], low[index], high[index], scale)
      guard outside > 0 else { continue }
      chosen = index
      if left < outside {
        share = left / outside
        break
      }
      left -= outside
    }
    guard chosen >= 0 else { return nil }
    feature = chosen
    let x = row[chosen]
    isRowLeft = x < low[chosen]
    value =
      isRowLeft
      ? max(x, min(x * (1 - share) + low[chosen] * share, low[chosen].nextDown))
      : max(high[chosen], min(high[chosen] * (1 - share) + x * share, x.nextDown))
  }

  @inline(__always)
  private static func outside(
    _ x: Double, _ low: Double, _ high: Double, _ scale: Double
  ) -> Double {
    max(low * scale - x * scale, x * scale - high * scale, 0)
  }
}
