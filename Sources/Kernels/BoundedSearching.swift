// The nearest rows of a query in a tree of boxes, where some rows near it are known: no row farther than the
// farthest of these is needed. What lies within that bound is gathered unsorted, thinned when it becomes
// much, and sorted at the end. Up to `NeighbourList.longestSorted` neighbours.

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
    count = Int(ck_keep(to, Int64(count), bound, boundRow))
  }

  /// Lower the bound to about the k-th distance.
  @inline(__always)
  mutating func lower() {
    let lower = ck_lower_bound(to.pointee.distances, Int64(count), Int64(kept))
    guard lower < bound else { return }
    bound = lower
    boundRow = .max
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
    if part.bound > near.bound || (part.bound == near.bound && part.least > near.boundRow) {
      continue
    }
    let node = tree.nodes + Int(part.first)
    let words = UnsafeRawPointer(node).assumingMemoryBound(to: UInt32.self)
    var within = ck_boxes8(
      metric, tree.boxes + Int(part.first) &* 16 &* columns, query, tree.columns, tree.whole_power,
      tree.power, near.bound, eight)
    let floor = waiting
    while within != 0 {
      let child = within.trailingZeroBitCount
      within &= within &- 1
      let bound = eight[child]
      let least = words[16 &+ child]
      if bound > near.bound || (bound == near.bound && least > near.boundRow) { continue }
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
        near.count = Int(
          ck_gather8(
            metric, tree.points + block &* 8 &* columns, query, tree.columns, tree.whole_power,
            tree.power, Int64(8 &* block), tree.rows, near.bound, near.boundRow, candidates,
            Int64(near.count)))
        if near.count > near.room &- 8 { near.thin() }
        block &+= 1
      }
    }
  }
  near.finish(found)
  found.pointee.evaluated &+= evaluated
}
