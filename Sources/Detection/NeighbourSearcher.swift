import CKernels

/// Searches for some queries at a time, on one thread.
final class NeighbourSearcher {
  private let index: NeighbourIndex
  private let kernels = NeighbourKernels.chosen
  private let k: Int
  private let kept: Int  // neighbours searched for: one more when the row itself is dropped
  private let dropsSelf: Bool
  private let capacity: Int
  private let queries: Buffer<Double>
  private let distances: Buffer<Double>
  private let slots: Buffer<UInt32>
  private let targets: Buffer<Int>
  private let excluded: Buffer<UInt32>
  private let pending: Buffer<ck_pending>
  private let dots: DotScratch?
  private var tree: ck_neighbour_tree
  private var count = 0

  init(
    _ index: NeighbourIndex, k: Int, queries capacity: Int, dropsSelf: Bool
  ) throws(DetectionError) {
    self.index = index
    self.k = k
    self.capacity = capacity
    self.dropsSelf = dropsSelf
    let kept = min(dropsSelf ? k + 1 : k, index.rowCount)
    self.kept = kept
    queries = try Buffer(count: capacity * index.width, zeroed: false)
    distances = try Buffer(count: capacity * kept, zeroed: false)
    slots = try Buffer(count: capacity * kept, zeroed: false)
    targets = try Buffer(count: capacity, zeroed: false)
    excluded = try Buffer(count: capacity, zeroed: false)
    pending = try Buffer(count: 8 * (index.depth + 2), zeroed: false)
    dots = try index.dense.map { dense throws(DetectionError) in
      try DotScratch(
        dense, queries: capacity, kept: kept, inTree: index.panelTree != nil, depth: index.depth)
    }
    tree = index.tree
  }

  func begin() { count = 0 }

  /// Where the next query is to be written.
  var nextQuery: UnsafeMutablePointer<Double> { queries.base + count * index.width }

  /// The first block (or row, for dot products) of a leaf near the next query.
  func locateNext() -> Int { Int(kernels.locate(&tree, nextQuery)) }

  /// The next query is written. `near`: a slot that may be near, for dot products.
  func add(target: Int, near: Int, excluded slot: UInt32) {
    targets[count] = target
    excluded[count] = slot
    dots?.near[count] = near
    count += 1
  }

  func search(_ visit: NeighbourIndex.Visit) {
    if let dense = index.dense, let dots {
      searchByDots(dense, dots)
    } else {
      for number in 0..<count {
        var found = list(number)
        let query = queries.base + number * index.width
        if index.scansBlocks {
          kernels.scanBlocks(&tree, index.slotCount / 8, query, excluded[number], &found)
        } else {
          kernels.searchTree(&tree, query, excluded[number], &found, pending.base)
        }
        tell(number, Int(found.count), visit)
      }
      return
    }
    for number in 0..<count { tell(number, Int(dots?.found[number].count ?? 0), visit) }
  }

  private func list(_ number: Int) -> ck_neighbours {
    ck_neighbours(
      distances: distances.base + number * kept, slots: slots.base + number * kept, k: Int64(kept),
      count: 0, evaluated: 0)
  }

  private func tell(_ number: Int, _ found: Int, _ visit: NeighbourIndex.Visit) {
    var first = 0
    var found = found
    let own = distances.base + number * kept
    if dropsSelf {
      if found > 0, own[0] == 0 {
        first = 1
        found -= 1
      }
      found = min(found, k)
    }
    for place in first..<(first + found) { own[place] = index.metric.distance(reduced: own[place]) }
    visit(
      Neighbourhood(
        target: targets[number], query: queries.base + number * index.width, distances: own + first,
        slots: slots.base + number * kept + first, count: found))
  }

  /// The known rows around a query: from and to which slot.
  private func around(_ number: Int, _ dots: DotScratch, atLeast: Int) -> Range<Int> {
    let rows = index.rowCount
    let count = min(rows, max(atLeast, 2 * kept))
    // A row itself must be among them, for that is where it is left out.
    let middle =
      excluded[number] == NeighbourIndex.noRow
      ? dots.near[number] + min(count, index.leafRows) / 2 : Int(excluded[number])
    let first = max(0, min(middle - count / 2, rows - count))
    return first..<(first + count)
  }

  /// By dot products, in the tree or with all rows; with a projection first the rows around, for a bound.
  private func searchByDots(_ dense: DenseRows, _ dots: DotScratch) {
    var store = dense.store(index.rowOf)
    let rows = index.rowCount
    let width = index.width
    for number in 0..<dots.lanes(count) {
      let isQuery = number < count
      let target = dots.packed.base + number / 6 * 6 * dense.panelWidth + number % 6
      dots.pointers[number] = UnsafePointer(queries.base + (isQuery ? number : 0) * width)
      dots.limits[number] = .infinity
      dots.skipped[2 * number] = 0
      dots.skipped[2 * number + 1] = 0
      guard isQuery else {
        for column in 0..<dense.panelWidth { target[6 * column] = 0 }
        continue
      }
      dots.found[number] = list(number)
      let query = queries.base + number * width
      let found = dots.found.base + number
      let norm = dense.shorten(query, to: target, stride: 6)
      dots.norms[number] = norm
      if !(norm <= 0x1p120) || width > DenseRows.mostColumns {
        // Too far out for single precision.
        for column in 0..<dense.panelWidth { target[6 * column] = 0 }
        kernels.scanRows(&store, 0, rows, query, excluded[number], found)
      } else if dots.collects {
        dots.beginCollecting(number)
        dots.limits[number] = -.greatestFiniteMagnitude
        if excluded[number] != NeighbourIndex.noRow {
          dots.skipped[2 * number] = excluded[number]
          dots.skipped[2 * number + 1] = excluded[number] + 1
        }
      } else {
        let known = around(number, dots, atLeast: 64)
        kernels.scanRows(&store, known.lowerBound, known.upperBound, query, excluded[number], found)
        dots.skipped[2 * number] = UInt32(known.lowerBound)
        dots.skipped[2 * number + 1] = UInt32(known.upperBound)
        let worst = found.pointee.count == Int64(kept) ? dots.worst(number) : .greatestFiniteMagnitude
        dots.limits[number] = kernels.dotLimit(&store, norm, worst)
      }
    }
    if let tree = index.panelTree {
      searchTree(tree.kernelTree, dense, dots, &store)
    } else {
      scanPanels(dense, dots, &store)
    }
    if dots.collects {
      for group in 0..<(dots.lanes(count) / 6) {
        var queryGroup = dots.group(group, dense.panelWidth)
        kernels.measureCandidates(&store, &queryGroup)
      }
    }
    for number in 0..<count { kernels.sortNeighbours(dots.found.base + number, index.rowOf.base) }
  }

  /// Some panels at a time, so that they stay in the second cache for all groups; for each group the
  /// panels around it before all others.
  private func scanPanels(_ dense: DenseRows, _ dots: DotScratch, _ store: inout ck_row_store) {
    let panels = dense.panelCount
    let groups = dots.lanes(count) / 6
    let firsts = scanAround(dense, dots, &store)
    let step = max(1, 65536 / (16 * dense.panelWidth))
    let begin = count > 0 ? dots.near[count / 2] / 16 / step * step : 0
    for turn in 0..<((panels + step - 1) / step) {
      var first = begin + turn * step
      if first >= (panels + step - 1) / step * step { first -= (panels + step - 1) / step * step }
      let end = min(first + step, panels)
      for group in 0..<groups {
        var queryGroup = dots.group(group, dense.panelWidth)
        let done = firsts[group]
        let before = min(end, max(first, done))
        let behind = max(first, min(end, done + 4))
        if first < before { kernels.filterPanels(&store, &queryGroup, first, before) }
        if behind < end { kernels.filterPanels(&store, &queryGroup, behind, end) }
      }
    }
  }

  /// Compare each group with four panels around it; returns the first of them.
  private func scanAround(
    _ dense: DenseRows, _ dots: DotScratch, _ store: inout ck_row_store
  ) -> [Int] {
    let panels = dense.panelCount
    return (0..<(dots.lanes(count) / 6)).map { group in
      let middle = dots.near[min(group * 6 + 3, count - 1)] / 16
      let first = max(0, min(middle - 1, panels - 4))
      var queryGroup = dots.group(group, dense.panelWidth)
      kernels.filterPanels(&store, &queryGroup, first, min(first + 4, panels))
      return first
    }
  }

  private func searchTree(
    _ tree: ck_panel_tree, _ dense: DenseRows, _ dots: DotScratch, _ store: inout ck_row_store
  ) {
    var tree = tree
    let width = dense.panelWidth
    let groups = dots.lanes(count) / 6
    let firsts = scanAround(dense, dots, &store)
    for group in 0..<groups {
      let packed = dots.packed.base + group * 6 * width
      for query in 0..<6 {
        let row = dots.rows.base + (6 * group + query) * width
        for column in 0..<width { row[column] = packed[6 * column + query] }
      }
      dots.groups[group] = dots.group(group, width)
      dots.groups[group].done_from = Int64(firsts[group])
      dots.groups[group].done_to = Int64(firsts[group] + 4)
    }
    kernels.searchPanels(
      &store, &tree, dots.groups.base, groups, dots.rows.base, dots.parts.base)
  }
}

/// What the search by dot products needs for its queries, six to a group.
final class DotScratch {
  let near: Buffer<Int>
  let packed: Buffer<Float>
  let pointers: Buffer<UnsafePointer<Double>?>
  let found: Buffer<ck_neighbours>
  let limits: Buffer<Float>
  let norms: Buffer<Double>
  let skipped: Buffer<UInt32>
  /// For the tree: the queries one after another, their groups, and parts that wait.
  let rows: Buffer<Float>
  let groups: Buffer<ck_query_group>
  let parts: Buffer<ck_panel_part>
  /// Whether candidates are collected, and measured at the end. A projection gives no upper bounds.
  let collects: Bool
  private let kept: Int
  private let bounds: Buffer<ck_neighbours>
  private let boundDistances: Buffer<Double>
  private let boundSlots: Buffer<UInt32>
  private let waiting: Buffer<Int64>
  private let candidates: Buffer<ck_candidate>
  private let capacity: Int

  /// For so many queries at a time, and `kept` neighbours of each.
  init(
    _ dense: DenseRows, queries: Int, kept: Int, inTree: Bool, depth: Int
  ) throws(DetectionError) {
    let collects = kept <= 4096 && !dense.isProjected
    let lanes = (queries + 5) / 6 * 6
    self.kept = kept
    self.collects = collects
    capacity = 2 * kept + 256
    let room = collects ? lanes : 0
    rows = try Buffer(count: inTree ? lanes * dense.panelWidth : 0)
    groups = try Buffer(count: inTree ? lanes / 6 : 0)
    parts = try Buffer(count: inTree ? 8 * (depth + 2) : 0)
    bounds = try Buffer(count: lanes)
    waiting = try Buffer(count: lanes)
    boundDistances = try Buffer(count: room * kept, zeroed: false)
    boundSlots = try Buffer(count: room * kept, zeroed: false)
    candidates = try Buffer(count: room * capacity, zeroed: false)
    near = try Buffer(count: lanes)
    packed = try Buffer(count: lanes * dense.panelWidth)
    pointers = try Buffer(count: lanes)
    found = try Buffer(count: lanes)
    limits = try Buffer(count: lanes)
    norms = try Buffer(count: lanes)
    skipped = try Buffer(count: 2 * lanes)
  }

  func lanes(_ queries: Int) -> Int { (queries + 5) / 6 * 6 }

  /// The farthest of a full list, sorted or a heap.
  func worst(_ number: Int) -> Double {
    let list = found[number]
    var worst = 0.0
    for place in 0..<Int(list.count) { worst = max(worst, list.distances[place]) }
    return worst
  }

  func group(_ group: Int, _ width: Int) -> ck_query_group {
    ck_query_group(
      packed: packed.base + group * 6 * width, queries: pointers.base + group * 6,
      found: found.base + group * 6, limits: limits.base + group * 6, norms: norms.base + group * 6,
      skipped: skipped.base + group * 12, bounds: collects ? bounds.base + group * 6 : nil,
      candidates: candidates.base + group * 6 * capacity, waiting: waiting.base + group * 6,
      capacity: Int64(capacity), done_from: 0, done_to: 0)
  }

  func beginCollecting(_ number: Int) {
    waiting[number] = 0
    bounds[number] = ck_neighbours(
      distances: boundDistances.base + number * kept, slots: boundSlots.base + number * kept,
      k: Int64(kept), count: 0, evaluated: 0)
  }
}
