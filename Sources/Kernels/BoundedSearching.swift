// The nearest rows of a query in a tree of boxes, where some rows near it are known: no row farther than the
// farthest of these is needed. What lies within that bound is gathered unsorted, thinned when it becomes
// much, and sorted at the end. Up to `NeighbourList.longestSorted` neighbours.
//
// For the euclidean distance boxes and leaves are looked at in single precision first, where the tree has its points so.
// With c the centre, s the scale, and p(x) = s (x - c) rounded, a row x within the bound U of the query q has
// |p(x) - p(q)| <= s sqrt(U) + 2^-24 (|p(x)| + |p(q)|) and |p(x)| <= |p(q)| + s sqrt(U), all but some 2^-50
// of it, and what is lost below the least numbers: of U up to columns times 2^-1074, so of sqrt(U) less than
// 1e-155. The sum over the columns is off by at most (columns + 3) 2^-24 of itself. The limit is beyond all
// that: no block with such a row is left out, and whatever is not is measured in double precision.

import CKernels

/// Find the k nearest rows, `found` sorted. `seeds`: the slots of any k rows; the nearer they are the less is
/// looked at.
public func searchBounded(
  _ tree: UnsafePointer<ck_neighbour_tree>, query: UnsafePointer<Double>,
  seeds: UnsafePointer<UInt32>, found: UnsafeMutablePointer<ck_neighbours>,
  candidates: UnsafePointer<ck_candidates>, pending: UnsafeMutablePointer<ck_pending>
) {
  switch tree.pointee.metric {
  case 0: search(tree.pointee, query, seeds, found, candidates, pending, 0)
  case 1: search(tree.pointee, query, seeds, found, candidates, pending, 1)
  case 2: search(tree.pointee, query, seeds, found, candidates, pending, 2)
  default: search(tree.pointee, query, seeds, found, candidates, pending, 3)
  }
}

/// Of some queries in blocks the one that is nearest to this one.
public func nearestQuery(
  _ blocks: UnsafePointer<Double>, count: Int, query: UnsafePointer<Double>, columns: Int
) -> Int {
  Int(ck_nearest_row(blocks, Int64(count), query, Int64(columns)))
}

/// Replace values by their square roots.
public func takeRoots(_ values: UnsafeMutablePointer<Double>, count: Int) {
  ck_take_roots(values, Int64(count))
}

private struct Gathered {
  let to: UnsafePointer<ck_candidates>
  let kept: Int
  let room: Int
  var count = 0
  /// No row beyond this is needed, nor one at this distance with a number beyond `boundRow`.
  var bound = Double.greatestFiniteMagnitude
  var boundRow = UInt32.max
  /// The same for the bounds of boxes, which are in single precision where `filters`.
  var cut = Double.greatestFiniteMagnitude
  var cutRow = UInt32.max
  /// What a distance in single precision must not exceed.
  var limit = Float.infinity
  /// Whether distances in single precision are looked at first.
  var filters = false
  private var scale = 0.0
  private var error = 0.0
  private var factor = 1.0

  @inline(__always)
  init(_ to: UnsafePointer<ck_candidates>, kept: Int) {
    self.to = to
    self.kept = kept
    room = Int(to.pointee.room)
  }

  @inline(__always)
  mutating func seed(
    _ tree: ck_neighbour_tree, _ query: UnsafePointer<Double>, _ seeds: UnsafePointer<UInt32>,
    _ metric: Int32
  ) {
    bound = ck_farthest(
      metric, tree.points, tree.rows, seeds, Int64(kept), query, tree.columns, tree.whole_power,
      tree.power, to.pointee.distances, &boundRow)
    if metric == 0, tree.singles != nil {
      let norm = ck_single_query(query, tree.centre, tree.scale, tree.columns, to.pointee.query)
      scale = tree.scale
      error = norm.squareRoot() * 0x1p-22
      factor = 1 + Double(tree.columns &+ 16) * 0x1p-23
      filters = true
      noteBound()
      // Not beyond the range of single precision, nor for a distance so small that it tells little.
      filters = norm < 0x1p120 && limit < .infinity && error < 0.25 * scale * bound.squareRoot()
    }
    noteBound()
  }

  @inline(__always)
  private mutating func noteBound() {
    guard filters else {
      cut = bound
      cutRow = boundRow
      return
    }
    let length = (bound.squareRoot() + 1e-150) * scale * (1 + 0x1p-20) + error
    let most = length * length * factor + 1e-30
    limit = most < 0x1p126 ? Float(most).nextUp : .infinity
    cut = Double(limit)
  }

  /// Make room for eight more.
  @inline(never)
  mutating func thin() {
    lower()
    guard count > room / 2 else { return }
    // Many at the same distance.
    ck_sort_candidates(to, Int64(count))
    bound = to.pointee.sorted[kept &- 1]
    boundRow = to.pointee.sorted_rows[kept &- 1]
    noteBound()
    count = Int(ck_keep(to, Int64(count), bound, boundRow))
  }

  /// Lower the bound to about the k-th distance.
  @inline(__always)
  mutating func lower() {
    let lower = ck_lower_bound(to.pointee.distances, Int64(count), Int64(kept))
    guard lower < bound else { return }
    bound = lower
    boundRow = .max
    noteBound()
    count = Int(ck_keep(to, Int64(count), bound, boundRow))
  }

  @inline(__always)
  mutating func finish(_ found: UnsafeMutablePointer<ck_neighbours>) {
    if count > kept &+ 12 { lower() }
    ck_sort_candidates(to, Int64(count))
    let end = min(count, kept)
    for place in 0..<end { found.pointee.distances[place] = to.pointee.sorted[place] }
    for place in 0..<end { found.pointee.slots[place] = to.pointee.sorted_slots[place] }
    found.pointee.count = Int64(end)
  }
}

@inline(__always)
private func search(
  _ tree: ck_neighbour_tree, _ query: UnsafePointer<Double>, _ seeds: UnsafePointer<UInt32>,
  _ found: UnsafeMutablePointer<ck_neighbours>, _ candidates: UnsafePointer<ck_candidates>,
  _ pending: UnsafeMutablePointer<ck_pending>, _ metric: Int32
) {
  var near = Gathered(candidates, kept: Int(found.pointee.k))
  near.seed(tree, query, seeds, metric)
  let columns = Int(tree.columns)
  var evaluated: Int64 = 0
  let eight = candidates.pointee.eights.unsafelyUnwrapped
  pending[0] = ck_pending(bound: 0, least: 0, first: 0, blocks: 0, unused: 0)
  var waiting = 1
  while waiting > 0 {
    waiting &-= 1
    let part = pending[waiting]
    if part.bound > near.cut || (part.bound == near.cut && part.least > near.cutRow) { continue }
    let node = tree.nodes + Int(part.first)
    let words = UnsafeRawPointer(node).assumingMemoryBound(to: UInt32.self)
    let boxes = Int(part.first) &* 16 &* columns
    var within =
      near.filters
      ? ck_single_boxes8(
        tree.single_boxes + boxes, candidates.pointee.query, tree.columns, near.limit, eight)
      : ck_boxes8(
        metric, tree.boxes + boxes, query, tree.columns, tree.whole_power, tree.power, near.bound, eight)
    let floor = waiting
    while within != 0 {
      let child = within.trailingZeroBitCount
      within &= within &- 1
      let bound = eight[child]
      let least = words[16 &+ child]
      if bound > near.cut || (bound == near.cut && least > near.cutRow) { continue }
      var block = Int(words[child])
      let blocks = Int(words[8 &+ child])
      if blocks == 0 {
        // The nearest comes to lie last.
        var place = waiting
        if place > floor, pending[place &- 1].bound < bound {
          pending[place] = pending[place &- 1]
          place &-= 1
        }
        pending[place] = ck_pending(
          bound: bound, least: least, first: words[child], blocks: 0, unused: 0)
        waiting &+= 1
        continue
      }
      let end = block &+ blocks
      evaluated &+= Int64(8 &* blocks)
      while block < end {
        let first = block
        var left = (1 << min(4, end &- block)) &- 1
        if near.filters {
          left = Int(
            ck_near_blocks(
              tree.singles + block &* 8 &* columns, Int64(min(4, end &- block)),
              candidates.pointee.query, tree.columns, near.limit))
        }
        while left != 0 {
          block = first &+ left.trailingZeroBitCount
          left &= left &- 1
          near.count = Int(
            ck_gather8(
              metric, tree.points + block &* 8 &* columns, query, tree.columns, tree.whole_power,
              tree.power, Int64(8 &* block), tree.rows, near.bound, near.boundRow, candidates,
              Int64(near.count)))
          if near.count > near.room &- 8 { near.thin() }
        }
        block = first &+ 4
      }
    }
  }
  near.finish(found)
  found.pointee.evaluated &+= evaluated
}
