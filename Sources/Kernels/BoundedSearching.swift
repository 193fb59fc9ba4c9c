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
      evaluated &+= Int64(8 &* blocks)
      near.look(tree, Int(words[child]), blocks, query, metric)
    }
  }
  near.finish(found)
  found.pointee.evaluated &+= evaluated
}
