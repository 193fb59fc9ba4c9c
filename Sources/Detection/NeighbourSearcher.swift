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
  private let bounded: BoundedScratch?
  private var tree: ck_neighbour_tree
  private var count = 0

  init(
    _ index: NeighbourIndex, k: Int, queries capacity: Int, dropsSelf: Bool, ownRows: Bool = false
  ) throws(DetectionError) {
    self.index = index
    self.k = k
    self.capacity = capacity
    self.dropsSelf = dropsSelf
    let isBounded = index.dense == nil && !index.scansBlocks && k < BoundedScratch.mostKept
    kept = min(dropsSelf || (ownRows && isBounded) ? k + 1 : k, index.rowCount)
    bounded =
      isBounded
      ? try BoundedScratch(
        queries: capacity, width: index.width, kept: kept,
        together: index.metric.kernelNumber == 0 ? BoundedScratch.mostTogether : 1) : nil
    queries = try Buffer(count: capacity * index.width, zeroed: false)
    distances = try Buffer(count: capacity * kept, zeroed: false)
    slots = try Buffer(count: capacity * kept, zeroed: false)
    targets = try Buffer(count: capacity, zeroed: false)
    excluded = try Buffer(count: capacity, zeroed: false)
    pending = try Buffer(count: 8 * (index.depth + 2), zeroed: false)
    dots = try index.dense.map { dense throws(DetectionError) in
      try DotScratch(dense, queries: capacity)
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
    } else if let bounded {
      searchBounded(bounded, visit)
      return
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

  /// Equal queries once, each with the bound that the neighbours of one near it give; several in one walk
  /// through the tree where a search looks at much.
  private func searchBounded(_ bounded: BoundedScratch, _ visit: NeighbourIndex.Visit) {
    bounded.begin()
    for number in 0..<count where bounded.findSource(number, queries.base) == number {
      bounded.wait(number)
      if bounded.isReady { searchWaiting(bounded) }
    }
    if bounded.waiting > 0 { searchWaiting(bounded) }
    for number in 0..<count {
      let own = list(bounded.source[number])
      var found = Neighbourhood(
        target: targets[number], query: queries.base + number * index.width,
        distances: own.distances, slots: own.slots, count: bounded.found[bounded.source[number]])
      if excluded[number] != NeighbourIndex.noRow {
        found = bounded.leaveOut(excluded[number], found)
      } else if dropsSelf {
        found = own.distances[0] == 0 ? found.dropFirst(k) : found.prefix(k)
      }
      visit(found)
    }
  }

  private func searchWaiting(_ bounded: BoundedScratch) {
    for place in 0..<bounded.waiting {
      let query = queries.base + bounded.numbers[place] * index.width
      bounded.queries[place] = UnsafePointer(query)
      bounded.lists[place] = list(bounded.numbers[place])
      if let near = bounded.nearest(query, kernels) {
        bounded.seeds[place] = UnsafePointer(slots.base + near * kept)
      } else {
        bounded.seeds[place] = bounded.seeds(
          of: place, from: Int(kernels.locate(&tree, query)) * 8, index.rowOf)
      }
    }
    if bounded.waiting == 1, let query = bounded.queries[0], let seeds = bounded.seeds[0] {
      kernels.searchBounded(
        &tree, query, seeds, bounded.lists.base, bounded.candidates.base, pending.base)
    } else {
      kernels.searchTogether(
        &tree, bounded.waiting, bounded.queries.base, bounded.seeds.base, bounded.lists.base,
        bounded.candidates.base, bounded.room.base, pending.base)
    }
    for place in 0..<bounded.waiting {
      if bounded.lists[place].count < Int64(kept), let query = bounded.queries[place] {
        // Only where a power that is not monotonic has put a row outside its box.
        bounded.lists[place].count = 0
        kernels.searchTree(
          &tree, query, NeighbourIndex.noRow, bounded.lists.base + place, pending.base)
      }
      let own = bounded.lists[place]
      if index.metric == .euclidean {
        kernels.takeRoots(own.distances, Int(own.count))
      } else {
        for number in 0..<Int(own.count) {
          own.distances[number] = index.metric.distance(reduced: own.distances[number])
        }
      }
      if let query = bounded.queries[place] { bounded.remember(query, place) }
    }
    bounded.waiting = 0
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

  /// First the rows around, for a bound; then all others by their dot products.
  private func searchByDots(_ dense: DenseRows, _ dots: DotScratch) {
    var store = dense.store(index.rowOf)
    let rows = index.rowCount
    let width = index.width
    let around = min(rows, max(64, 2 * kept))
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
      // A row itself must be among them, for that is where it is left out.
      let middle =
        excluded[number] == NeighbourIndex.noRow
        ? dots.near[number] + min(around, index.leafRows) / 2 : Int(excluded[number])
      let first = max(0, min(middle - around / 2, rows - around))
      kernels.scanRows(&store, first, first + around, query, excluded[number], dots.found.base + number)
      dots.skipped[2 * number] = UInt32(first)
      dots.skipped[2 * number + 1] = UInt32(first + around)
      let norm = dense.shorten(query, to: target, stride: 6)
      dots.norms[number] = norm
      if !(norm <= 0x1p120) || width > DenseRows.mostColumns {
        // Too far out for single precision.
        for column in 0..<dense.panelWidth { target[6 * column] = 0 }
        kernels.scanRows(&store, 0, first, query, excluded[number], dots.found.base + number)
        kernels.scanRows(&store, first + around, rows, query, excluded[number], dots.found.base + number)
      } else {
        let worst = dots.found[number].count == Int64(kept) ? dots.worst(number) : .greatestFiniteMagnitude
        dots.limits[number] = kernels.dotLimit(&store, norm, worst)
      }
    }
    // Some panels at a time, so that they stay in the second cache for all groups.
    let panels = dense.panelCount
    let step = max(1, 65536 / (16 * dense.panelWidth))
    let begin = count > 0 ? dots.near[count / 2] / 16 / step * step : 0
    for turn in 0..<((panels + step - 1) / step) {
      var first = begin + turn * step
      if first >= (panels + step - 1) / step * step { first -= (panels + step - 1) / step * step }
      for group in 0..<(dots.lanes(count) / 6) {
        var queryGroup = dots.group(group, dense.panelWidth)
        kernels.filterPanels(&store, &queryGroup, first, min(first + step, panels))
      }
    }
    for number in 0..<count { kernels.sortNeighbours(dots.found.base + number, index.rowOf.base) }
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

  init(_ dense: DenseRows, queries: Int) throws(DetectionError) {
    let lanes = (queries + 5) / 6 * 6
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
      skipped: skipped.base + group * 12)
  }
}
