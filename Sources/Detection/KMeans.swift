import CKernels
import Glibc

/// Lloyd's k-means as scikit-learn runs it: centres drawn by greedy k-means++ (Arthur, Vassilvitskii 2007),
/// until no row changes its cluster, or the centres move less than `tolerance` of the columns' mean
/// variance. Single precision decides where it can (``SingleRows``), double the rest. The bits do not depend on
/// the number of threads: sums run over chunks in their order, and rows that change are moved one after another.
final class KMeans {
  let panels: RowPanels
  let singles: SingleRows
  /// One after another.
  let centres: Buffer<Double>
  /// Centres in use: no more than there are distinct rows.
  var count = 0
  private(set) var iterations = 0
  /// The sum of the squared distances, in the units of the panels.
  private(set) var inertia = 0.0
  /// Which cluster each row is in.
  let labels: Buffer<Int32>
  /// Squared, from the nearest centre.
  let distances: Buffer<Double>
  /// Whether ``labels`` are numbers of ``centres``: not when some were left without rows, and out.
  private(set) var keepsLabels = true

  let threads: Int
  let watch: Watch
  private let counts: Buffer<Int64>
  private let fresh: Buffer<Int32>
  /// ``ck_cluster_rows``.
  private let gaps: Buffer<Float>
  private let nears: Buffer<Float>
  private let drifts: Buffer<Double>
  private let moved: Buffer<Double>
  private let reaches: Buffer<Float>
  private let sums: Buffer<Double>
  private let packed: SingleCentres
  // What a pass over a chunk leaves behind: how many rows change their cluster, and which.
  private let changes: Buffer<Int>
  private let changed: Buffer<Int32>
  private let doubtful: Buffer<Int32>
  private let gathered: Buffer<Double>

  private static let mostIterations = 300
  private static let tolerance = 1e-4

  /// Rows of each cluster.
  var sizes: [Int] { (0..<count).map { Int(counts[$0]) } }

  init(_ panels: RowPanels, clusters: Int, seed: UInt64, call: Call) throws(DetectionError) {
    self.panels = panels
    threads = RowPanels.threads(panels.rows * min(clusters, 64) / 4 * panels.columns, call)
    watch = try Watch(call, "fit")
    let most = min(clusters, panels.rows)
    let cells = most.multipliedReportingOverflow(by: panels.columns)
    guard !cells.overflow, cells.partialValue < 1 << 58 else { throw .outOfMemory(bytes: Int.max) }
    centres = try Buffer(count: cells.partialValue)
    sums = try Buffer(count: 4 * cells.partialValue)
    counts = try Buffer(count: most)
    singles = try SingleRows(panels, threads: threads)
    packed = try SingleCentres(singles, most: most)
    let lanes = panels.count * 8
    labels = try Buffer(count: lanes, zeroed: false)
    labels.base.update(repeating: -1, count: lanes)
    for lane in panels.rows..<lanes { labels[lane] = 0 }
    fresh = try Buffer(count: lanes, zeroed: false)
    distances = try Buffer(count: lanes)
    gaps = try Buffer(count: lanes)
    nears = try Buffer(count: lanes)
    drifts = try Buffer(count: most)
    moved = try Buffer(count: most)
    reaches = try Buffer(count: most)
    changes = try Buffer(count: panels.chunks)
    changed = try Buffer(count: lanes, zeroed: false)
    doubtful = try Buffer(count: lanes, zeroed: false)
    gathered = try Buffer(count: min(threads, panels.chunks) * 8 * panels.columns)
    try Memory.require(most, of: 8)
    try draw(most, seed)
    try iterate()
  }

  // ---------------------------------------------------------------------------------- iterating

  private func iterate() throws(DetectionError) {
    let limit = KMeans.tolerance * singles.meanVariance
    let before = try Buffer<Double>(count: count * panels.columns)
    let moves = try Buffer<Double>(count: count)
    var known = false
    while iterations < KMeans.mostIterations {
      let progress = 1 - 0.6 * pow(0.9, Double(iterations))
      if try assign(progress, known ? .some : .all) == 0 { break }
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
    withSums { sums in PanelKernels.chosen.addRows(&sums, 0, panels.rows, panels.columns) }
    setCentres()
    _ = try assign(1, .measured)
    moveRows()
    dropEmpty()
    for row in 0..<panels.rows { inertia += distances[row] }
  }

  private enum Look {
    /// At the rows whose nearest centre may have changed.
    case some
    case all
    /// At all of them, and leave their distances behind.
    case measured
  }

  /// Find the nearest centre of each row; returns how many change.
  private func assign(_ progress: Double, _ look: Look) throws(DetectionError) -> Int {
    let (columns, count) = (panels.columns, self.count)
    nonisolated(unsafe) let packed = self.packed.set(centres.base, count: count)
    let kernels = PanelKernels.chosen
    let mostDrift = drifts.elements.max() ?? 0
    if look == .some { measureReaches() }
    try panels.forEachChunkOfPanels(threads: threads) {
      (chunk, first, number, worker) throws(DetectionError) in
      try watch.check(worker, progress)
      let lane = first * 8
      var rows = ck_cluster_rows(
        panels: panels.values.base + lane * columns, singles: singles.values.base + lane * columns,
        squares: singles.squares.base + lane, labels: labels.base + lane, gaps: gaps.base + lane,
        nears: nears.base + lane,
        distances: distances.base + lane, changed: changed.base + lane, fresh: fresh.base + lane,
        doubtful: doubtful.base + lane, gathered: gathered.base + worker * 8 * columns,
        drifts: drifts.base, most_drift: mostDrift, moved: moved.base, reaches: reaches.base)
      var packed = packed
      let size = min(number * 8, panels.rows - lane)
      changes[chunk] =
        look == .measured
        ? kernels.assignRows(&rows, size, columns, centres.base, count)
        : kernels.assignSingles(&rows, size, columns, centres.base, count, &packed, look == .all)
    }
    var different = 0
    for chunk in 0..<panels.chunks { different += changes[chunk] }
    return different
  }

  /// More clusters than this are not measured from each other.
  private static let mostMeasured = 64

  /// Half the way from each centre to the next one, less what it has moved so far.
  @_optimize(speed)
  private func measureReaches() {
    for cluster in 0..<count { reaches[cluster] = -.infinity }
    guard count <= KMeans.mostMeasured else { return }
    let columns = panels.columns
    for cluster in 0..<count {
      var least = Double.infinity
      let own = centres.base + cluster * columns
      for other in 0..<count where other != cluster {
        let place = centres.base + other * columns
        var sum = 0.0
        for column in 0..<columns {
          sum += (own[column] - place[column]) * (own[column] - place[column])
        }
        least = min(least, sum)
      }
      let reach = least.squareRoot() / 2 * (1 - 1e-9) - moved[cluster]
      reaches[cluster] = Float(reach - abs(reach) * 1e-6)
    }
  }

  /// Take rows out of their clusters and into those they are nearest to now.
  private func moveRows() {
    withSums { sums in
      for chunk in 0..<panels.chunks {
        let first = chunk * panels.chunkPanels * 8
        PanelKernels.chosen.moveRows(
          &sums, first, changed.base + first, fresh.base + first, changes[chunk], panels.columns)
      }
    }
  }

  private func withSums(_ body: (inout ck_cluster_sums) -> Void) {
    var all = ck_cluster_sums(
      values: panels.lines?.base ?? UnsafePointer(panels.values.base),
      row_step: Int64(panels.lines?.step ?? 0), sums: sums.base, sizes: counts.base,
      labels: labels.base)
    body(&all)
  }

  /// Give each cluster that is left empty the row that is farthest from its centre. Returns whether the bounds
  /// still hold.
  private func fillEmpty(_ progress: Double) throws(DetectionError) -> Bool {
    guard let first = (0..<count).first(where: { counts[$0] == 0 }) else { return true }
    // Distances, not bounds of them; the clusters stay as they are.
    _ = try assign(progress, .measured)
    for cluster in first..<count where counts[cluster] == 0 {
      var farthest = 0
      for row in 0..<panels.rows where distances[row] > distances[farthest] { farthest = row }
      guard distances[farthest] > 0, counts[Int(labels[farthest])] > 1 else { break }
      move(farthest, to: cluster)
      distances[farthest] = 0
    }
    return false
  }

  private func move(_ row: Int, to cluster: Int) {
    changed[0] = Int32(truncatingIfNeeded: row & 7)
    fresh[0] = Int32(truncatingIfNeeded: cluster)
    withSums { sums in
      PanelKernels.chosen.moveRows(&sums, row & ~7, changed.base, fresh.base, 1, panels.columns)
    }
  }

  private func setCentres() {
    for cluster in 0..<count where counts[cluster] > 0 {
      let place = cluster * panels.columns
      for column in 0..<panels.columns {
        let own = sums.base + 4 * place + column
        let sum = (own[0] + own[panels.columns]) + (own[2 * panels.columns] + own[3 * panels.columns])
        centres[place + column] = sum / Double(counts[cluster])
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
      self.moved[cluster] += moves[cluster]
      drifts[cluster] = (drifts[cluster] + moves[cluster] + (cluster == which ? next : most)) * (1 + 1e-15)
    }
    return moved
  }

  /// Clusters without rows are none.
  private func dropEmpty() {
    var kept = 0
    for cluster in 0..<count where counts[cluster] > 0 {
      counts[kept] = counts[cluster]
      (centres.base + kept * panels.columns).update(
        from: centres.base + cluster * panels.columns, count: panels.columns)
      kept += 1
    }
    keepsLabels = kept == count
    count = kept
  }
}
