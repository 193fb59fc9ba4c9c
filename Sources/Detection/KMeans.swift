import CKernels
import Glibc

/// Lloyd's k-means as scikit-learn runs it: centres drawn by greedy k-means++ (Arthur, Vassilvitskii 2007),
/// until no row changes its cluster, or the centres move less than `tolerance` of the columns' mean
/// variance. The bits do not depend on the number of threads: sums run over chunks in their order, and
/// rows that change are moved one after another.
final class KMeans {
  let panels: RowPanels
  /// One after another.
  private(set) var centres: Buffer<Double>
  /// Centres in use: no more than there are distinct rows.
  private(set) var count = 0
  /// Rows of each cluster.
  private(set) var sizes: [Int] = []
  private(set) var iterations = 0
  /// The sum of the squared distances, in the units of the panels.
  private(set) var inertia = 0.0

  private let threads: Int
  private let watch: Watch
  private let labels: Buffer<Int32>
  private let fresh: Buffer<Int32>
  /// Squared, from the nearest centre.
  private let distances: Buffer<Double>
  /// ``ck_cluster_rows``.
  private let gaps: Buffer<Double>
  private let drifts: Buffer<Double>
  private let sums: Buffer<Double>
  // What a pass over a chunk leaves behind: how many rows change their cluster, and which.
  private let changes: Buffer<Int>
  private let changed: Buffer<Int32>
  private let doubtful: Buffer<Int32>
  private let gathered: Buffer<Double>

  private static let mostIterations = 300
  private static let tolerance = 1e-4

  init(_ panels: RowPanels, clusters: Int, seed: UInt64, call: Call) throws(DetectionError) {
    self.panels = panels
    threads = RowPanels.threads(panels.rows * min(clusters, 64) / 4 * panels.columns, call)
    watch = try Watch(call, "fit")
    let most = min(clusters, panels.rows)
    let cells = most.multipliedReportingOverflow(by: panels.columns)
    guard !cells.overflow, cells.partialValue < 1 << 58 else { throw .outOfMemory(bytes: Int.max) }
    centres = try Buffer(count: cells.partialValue)
    sums = try Buffer(count: 4 * cells.partialValue)
    let lanes = panels.count * 8
    labels = try Buffer(count: lanes, zeroed: false)
    labels.base.update(repeating: -1, count: lanes)
    for lane in panels.rows..<lanes { labels[lane] = 0 }
    fresh = try Buffer(count: lanes, zeroed: false)
    distances = try Buffer(count: lanes)
    gaps = try Buffer(count: lanes)
    drifts = try Buffer(count: most)
    changes = try Buffer(count: panels.chunks)
    changed = try Buffer(count: lanes, zeroed: false)
    doubtful = try Buffer(count: lanes, zeroed: false)
    gathered = try Buffer(count: min(threads, panels.chunks) * 8 * panels.columns)
    try Memory.require(most, of: 8)
    try draw(most, seed)
    sizes = [Int](repeating: 0, count: count)
    try iterate()
  }

  // ------------------------------------------------------------------------------------ drawing

  /// The first centre at random; then, of some rows drawn in proportion to their squared distances from the
  /// centres there are, the one that leaves the least sum of these.
  private func draw(_ most: Int, _ seed: UInt64) throws(DetectionError) {
    var random = Random(seed: seed, stream: 0)
    let trials = 2 + Int(log(Double(most)))
    let rounded = (trials + 3) & ~3
    let candidates = try Buffer<Double>(count: rounded * panels.columns)
    let partial = try Buffer<Double>(count: panels.chunks * rounded)
    let potentials = try Buffer<Double>(count: panels.chunks)
    for row in 0..<panels.rows { distances[row] = .infinity }
    copy(random.below(panels.rows), to: centres.base)
    count = 1
    while count < most {
      try watch.check(0, 0.4 * Double(count) / Double(most))
      let total = try bringCloser(count - 1, potentials)
      // All rows are where a centre is.
      guard total > 0 else { return }
      for trial in 0..<rounded {
        let share = trial < trials ? random.unit() * total : 0
        if trial < trials {
          copy(find(share, potentials), to: candidates.base + trial * panels.columns)
        }
      }
      try panels.forEachChunkOfPanels(threads: threads) { (chunk, first, number, _) in
        for group in stride(from: 0, to: rounded, by: 4) {
          PanelKernels.chosen.potentials(
            panels.values.base + first * 8 * panels.columns, number, panels.columns,
            candidates.base + group * panels.columns, distances.base + first * 8,
            partial.base + chunk * rounded + group)
        }
      }
      var best = (potential: Double.infinity, trial: 0)
      for trial in 0..<trials {
        var sum = 0.0
        for chunk in 0..<panels.chunks { sum += partial[chunk * rounded + trial] }
        if sum < best.potential { best = (sum, trial) }
      }
      (centres.base + count * panels.columns).update(
        from: candidates.base + best.trial * panels.columns, count: panels.columns)
      count += 1
    }
  }

  private func bringCloser(
    _ centre: Int, _ potentials: Buffer<Double>
  ) throws(DetectionError) -> Double {
    try panels.forEachChunkOfPanels(threads: threads) { (chunk, first, number, _) in
      potentials[chunk] = PanelKernels.chosen.bringCloser(
        panels.values.base + first * 8 * panels.columns, number, panels.columns,
        centres.base + centre * panels.columns, distances.base + first * 8)
    }
    var total = 0.0
    for chunk in 0..<panels.chunks { total += potentials[chunk] }
    return total
  }

  /// The row at which the sum of the squared distances reaches `share`.
  private func find(_ share: Double, _ potentials: Buffer<Double>) -> Int {
    var left = share
    var chunk = 0
    while chunk < panels.chunks - 1, left >= potentials[chunk] {
      left -= potentials[chunk]
      chunk += 1
    }
    var row = chunk * panels.chunkPanels * 8
    let end = min(row + panels.chunkPanels * 8, panels.rows)
    var last = row
    while row < end {
      if distances[row] > 0 {
        last = row
        if left < distances[row] { break }
        left -= distances[row]
      }
      row += 1
    }
    return last
  }

  private func copy(_ row: Int, to target: UnsafeMutablePointer<Double>) {
    for column in 0..<panels.columns { target[column] = panels.value(row, column) }
  }

  // ---------------------------------------------------------------------------------- iterating

  private func iterate() throws(DetectionError) {
    let limit = KMeans.tolerance * (try panels.meanVariance())
    let before = try Buffer<Double>(count: count * panels.columns)
    let moves = try Buffer<Double>(count: count)
    var known = false
    while iterations < KMeans.mostIterations {
      let progress = 1 - 0.6 * pow(0.9, Double(iterations))
      if try assign(progress, all: !known) == 0 { break }
      iterations += 1
      moveRows()
      known = try fillEmpty(progress)
      before.base.update(from: centres.base, count: before.count)
      setCentres()
      let moved = measureMoves(before, moves)
      if moved <= limit { break }
    }
    // Rounding of rows that came and went is left out of the last centres.
    sums.base.update(repeating: 0, count: sums.count)
    for row in 0..<panels.rows { add(row, 1, to: Int(labels[row])) }
    setCentres()
    _ = try assign(1, all: true)
    moveRows()
    dropEmpty()
    for row in 0..<panels.rows { inertia += distances[row] }
  }

  /// Find the nearest centre of each row; returns how many change.
  ///
  /// - all: look at all of them, and leave their distances behind.
  private func assign(
    _ progress: Double, all: Bool
  ) throws(DetectionError) -> Int {
    try panels.forEachChunkOfPanels(threads: threads) {
      (chunk, first, number, worker) throws(DetectionError) in
      try watch.check(worker, progress)
      let lane = first * 8
      var rows = ck_cluster_rows(
        panels: panels.values.base + lane * panels.columns, labels: labels.base + lane,
        gaps: gaps.base + lane, distances: distances.base + lane, changed: changed.base + lane,
        fresh: fresh.base + lane, doubtful: doubtful.base + lane,
        gathered: gathered.base + worker * 8 * panels.columns, drifts: drifts.base)
      let count = min(number * 8, panels.rows - lane)
      let kernel = all ? PanelKernels.chosen.assignRows : PanelKernels.chosen.reassignRows
      changes[chunk] = kernel(&rows, count, panels.columns, centres.base, self.count)
    }
    var different = 0
    for chunk in 0..<panels.chunks { different += changes[chunk] }
    return different
  }

  /// Take rows out of their clusters and into those they are nearest to now.
  private func moveRows() {
    for chunk in 0..<panels.chunks {
      let first = chunk * panels.chunkPanels * 8
      for place in first..<(first + changes[chunk]) {
        move(first + Int(changed[place]), to: Int(fresh[place]))
      }
    }
  }

  /// Give each cluster that is left empty the row that is farthest from its centre. Returns whether the bounds
  /// still hold.
  private func fillEmpty(_ progress: Double) throws(DetectionError) -> Bool {
    guard let first = sizes.firstIndex(of: 0) else { return true }
    // Distances, not bounds of them; the clusters stay as they are.
    _ = try assign(progress, all: true)
    for cluster in first..<count where sizes[cluster] == 0 {
      var farthest = 0
      for row in 0..<panels.rows where distances[row] > distances[farthest] { farthest = row }
      guard distances[farthest] > 0, sizes[Int(labels[farthest])] > 1 else { break }
      move(farthest, to: cluster)
      distances[farthest] = 0
    }
    return false
  }

  private func move(_ row: Int, to cluster: Int) {
    if labels[row] >= 0 {
      add(row, -1, to: Int(labels[row]))
      sizes[Int(labels[row])] -= 1
    }
    add(row, 1, to: cluster)
    sizes[cluster] += 1
    labels[row] = Int32(truncatingIfNeeded: cluster)
  }

  /// Four sums take turns, so that rows of the same cluster need not wait for each other.
  @inline(__always)
  private func add(_ row: Int, _ sign: Double, to cluster: Int) {
    let columns = panels.columns
    let target = sums.base + (4 * cluster + (row & 3)) * columns
    let source = panels.values.base + (row >> 3) * 8 * columns + (row & 7)
    for column in 0..<columns { target[column] += sign * source[8 * column] }
  }

  private func setCentres() {
    for cluster in 0..<count where sizes[cluster] > 0 {
      let place = cluster * panels.columns
      for column in 0..<panels.columns {
        let own = sums.base + 4 * place + column
        let sum = (own[0] + own[panels.columns]) + (own[2 * panels.columns] + own[3 * panels.columns])
        centres[place + column] = sum / Double(sizes[cluster])
      }
    }
  }

  /// Add to each cluster's drift how far its centre moved, and the farthest that another one did; returns the
  /// sum of the squares of the moves.
  private func measureMoves(_ before: Buffer<Double>, _ moves: Buffer<Double>) -> Double {
    var moved = 0.0
    var (most, next, which) = (0.0, 0.0, 0)
    for cluster in 0..<count {
      var sum = 0.0
      for index in (cluster * panels.columns)..<((cluster + 1) * panels.columns) {
        sum += (centres[index] - before[index]) * (centres[index] - before[index])
      }
      moved += sum
      // A little more, for the rounding.
      moves[cluster] = sum.squareRoot() * (1 + 1e-12)
      if moves[cluster] > most {
        (most, next, which) = (moves[cluster], most, cluster)
      } else {
        next = max(next, moves[cluster])
      }
    }
    for cluster in 0..<count {
      drifts[cluster] = (drifts[cluster] + moves[cluster] + (cluster == which ? next : most)) * (1 + 1e-15)
    }
    return moved
  }

  /// Clusters without rows are none.
  private func dropEmpty() {
    var kept = 0
    for cluster in 0..<count where sizes[cluster] > 0 {
      sizes[kept] = sizes[cluster]
      (centres.base + kept * panels.columns).update(
        from: centres.base + cluster * panels.columns, count: panels.columns)
      kept += 1
    }
    count = kept
    sizes.removeLast(sizes.count - kept)
  }
}
