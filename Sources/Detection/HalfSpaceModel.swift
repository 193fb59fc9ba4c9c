import CKernels
import Glibc

/// The masses that the trees' nodes had in the last full window, and what they have in the next one so far.
final class HalfSpaceModel: Model, @unchecked Sendable {
  let plan: HalfSpacePlan
  let frame: Frame
  /// The trees, once the first window is full.
  var nodes: Buffer<ck_half_node>?
  /// The trees to score with: those, or until then some that know of the rows so far.
  var standing: Buffer<ck_half_node>
  /// Rows of the first window, as ``Frame`` loads them.
  private(set) var pending: Buffer<Double>?
  private(set) var pendingRows = 0
  /// Rows in each leaf, in the window that fills.
  var latest: Buffer<UInt32>?
  var latestRows = 0
  /// Rows in each node, in heap order, in the window that the scores are of.
  private(set) var masses: Buffer<UInt32>
  private(set) var referenceRows = 0
  /// For each leaf, the sum of mass * 2^depth on the way to it.
  private var sums: Buffer<Int64>

  init(_ plan: HalfSpacePlan, columns: Int) throws(DetectionError) {
    try Frame.check(columns: columns)
    self.plan = plan
    frame = try Frame(features: Array(0..<columns), of: columns)
    standing = try Buffer(count: 0)
    masses = try Buffer(count: 0)
    sums = try Buffer(count: 0)
  }

  /// A model of the same knowledge that can go on; `earlier` stays as it is.
  init(goingOnFrom earlier: HalfSpaceModel) throws(DetectionError) {
    plan = earlier.plan
    frame = earlier.frame
    nodes = earlier.nodes
    standing = earlier.standing
    latestRows = earlier.latestRows
    masses = earlier.masses
    referenceRows = earlier.referenceRows
    sums = earlier.sums
    if let pending = earlier.pending {
      let used = earlier.pendingRows * frame.width
      self.pending = try pending.copy(room: used, kept: used)
      pendingRows = earlier.pendingRows
    }
    if let latest = earlier.latest { self.latest = try latest.copy() }
  }

  var featureCount: Int { frame.count }
  var leafCount: Int { plan.treeCount << plan.height }
  let naturalThreshold = 0.0

  var fitted: [(name: String, value: Double)] {
    [
      ("n_trees", Double(plan.treeCount)), ("height", Double(plan.height)),
      ("window_size", Double(plan.windowSize)), ("random_state", Double(plan.seed)),
      ("n_window_samples", Double(referenceRows)),
    ]
  }

  // ------------------------------------------------------------------------ the first window

  func keep(_ X: Matrix, rows: Int) throws(DetectionError) {
    guard rows > 0 else { return }
    let room = try Buffer<Double>(count: (pendingRows + rows) * frame.width, zeroed: false)
    if let pending { room.base.update(from: pending.base, count: pendingRows * frame.width) }
    try frame.load(X, from: 0, rows: rows, into: room.base + pendingRows * frame.width)
    pending = room
    pendingRows += rows
  }

  func setPending(_ rows: Buffer<Double>, count: Int) {
    pending = rows
    pendingRows = count
  }

  func dropPending() {
    pending = nil
    pendingRows = 0
  }

  func pendingRange(of column: Int) -> (Double, Double) {
    guard let pending else { return (0, 1) }
    var low = pending[column]
    var high = low
    for row in 0..<pendingRows {
      let value = pending[row * frame.width + column]
      low = min(low, value)
      high = max(high, value)
    }
    return (low, high)
  }

  /// Score from now on by these masses of the leaves.
  func setReference(_ leaves: Buffer<UInt32>, rows: Int) throws(DetectionError) {
    let size = 1 << plan.height
    let limit = plan.sizeLimit * Double(rows)
    let all = try Buffer<UInt32>(count: 2 * leafCount)
    let sums = try Buffer<Int64>(count: leafCount)
    let path = try Buffer<Int64>(count: 2 * size)
    for tree in 0..<plan.treeCount {
      let own = all.base + 2 * tree * size
      (own + size).update(from: leaves.base + tree * size, count: size)
      for node in stride(from: size - 1, to: 0, by: -1) { own[node] = own[2 * node] &+ own[2 * node + 1] }
      path[1] = Int64(own[1])
      var level = 1
      for node in 2..<(2 * size) {
        if node == 1 << (level + 1) { level += 1 }
        path[node] = path[node >> 1]
        // Masses never grow on the way down: the parent's tells whether the way ends above.
        if Double(own[node >> 1]) >= limit {
          path[node] += Int64(own[node]) << Int64(level)
        }
      }
      (sums.base + tree * size).update(from: path.base + size, count: size)
    }
    masses = all
    self.sums = sums
    referenceRows = rows
  }

  // ------------------------------------------------------------------------------- scoring

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    let most =
      Double(plan.treeCount) * Double(referenceRows) * Double((1 << (plan.height + 1)) - 1)
    try forEachTile(X, call: call, stage: "score") { (first, rows, tile, places, totals) in
      for row in 0..<rows { totals[row] = 0 }
      for tree in 0..<plan.treeCount {
        StreamKernels.chosen.halfSpaceLeaves(
          tile, frame.width, rows, standing.base + (tree << plan.height), plan.height, places)
        let own = sums.base + (tree << plan.height)
        for row in 0..<rows { totals[row] &+= own[Int(places[row])] }
      }
      for row in first..<(first + rows) {
        scores[row] = 1 - Double(totals[row - first]) / most
      }
    }
  }

  /// A node that keeps c of its parent's p rows takes log2((p + 1) / (c + 1)) bits off a row's way; a feature's
  /// share is the bits of its cuts, scaled to the score.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let columns = featureCount
    let scores = try Buffer<Double>(count: X.rows, zeroed: false)
    try score(X, call: call.part(0...0.1), into: scores.base)
    let limit = plan.sizeLimit * Double(referenceRows)
    nonisolated(unsafe) let shares = shares
    nonisolated(unsafe) let own = scores.base
    defer { withExtendedLifetime(scores) {} }
    try forEachTile(X, call: call.part(0.1...1), stage: "explain") { (first, rows, tile, _, _) in
      for row in 0..<rows {
        let target = shares + (first + row) * columns
        target.update(repeating: 0, count: columns)
        var sum = 0.0
        for tree in 0..<plan.treeCount {
          let nodes = standing.base + (tree << plan.height)
          let masses = masses.base + (tree << (plan.height + 1))
          var place = 1
          while place < 1 << plan.height, Double(masses[place]) >= limit {
            let node = nodes[place]
            let isRight = tile[row * frame.width + Int(node.feature)] >= node.split
            let next = 2 * place + (isRight ? 1 : 0)
            let bits = log2((Double(masses[place]) + 1) / (Double(masses[next]) + 1))
            target[Int(node.feature)] += bits
            sum += bits
            place = next
          }
        }
        let score = own[first + row]
        for column in 0..<columns {
          target[column] = sum > 0 ? score * (target[column] / sum) : score / Double(columns)
        }
      }
    }
  }

  /// Load the rows tile by tile; each thread has memory for a tile, its places and sums to itself.
  private func forEachTile(
    _ X: Matrix, call: Call, stage: StaticString,
    body: (
      _ first: Int, _ rows: Int, _ tile: UnsafePointer<Double>, _ places: UnsafeMutablePointer<UInt32>,
      _ totals: UnsafeMutablePointer<Int64>
    ) -> Void
  ) throws(DetectionError) {
    let tileRows = min(frame.tileRows, max(X.rows, 1))
    let tiles = (X.rows + tileRows - 1) / tileRows
    let isSmall = X.rows < (1 << 18) / (plan.treeCount * plan.height + featureCount) + 1
    let threads = max(1, min(isSmall ? 1 : call.threads, tiles))
    let places = try Buffer<UInt32>(count: threads * (tileRows + 16), zeroed: false)
    let totals = try Buffer<Int64>(count: threads * (tileRows + 8), zeroed: false)
    try frame.forEachTile(
      of: X, tileRows: tileRows, threads: threads, teller: ProgressTeller(call, stage)
    ) { first, rows, tile, worker in
      body(
        first, rows, tile, places.base + worker * (tileRows + 16),
        totals.base + worker * (tileRows + 8))
    }
  }
}
