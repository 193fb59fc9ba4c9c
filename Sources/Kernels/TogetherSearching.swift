// The bounded search for some queries that are near each other, in one walk through the tree: what is
// looked at for one of them is in the cache for the others. Where a search looks at many leaves, fetching
// them is what its time goes into.

import CKernels

/// Find the k nearest rows of up to 16 queries, as ``searchBounded`` does, by the euclidean
/// distance. `seeds` and `candidates`: of each.
/// `room`: 16 times 8 doubles, aligned to 64 bytes.
public func searchTogether(
  _ tree: UnsafePointer<ck_neighbour_tree>, count: Int,
  queries: UnsafePointer<UnsafePointer<Double>?>, seeds: UnsafePointer<UnsafePointer<UInt32>?>,
  found: UnsafeMutablePointer<ck_neighbours>, candidates: UnsafePointer<ck_candidates>,
  room: UnsafeMutablePointer<Double>, pending: UnsafeMutablePointer<ck_pending>
) {
  withUnsafeTemporaryAllocation(of: Gathered.self, capacity: 16) { gathered in
    let near = gathered.baseAddress.unsafelyUnwrapped
    let walk = Walk(tree: tree.pointee, count: count, queries: queries, near: near, bounds: room)
    for query in 0..<count {
      (near + query).initialize(
        to: Gathered(candidates + query, kept: Int(found[query].k)))
    }
    search(walk, seeds, found, pending, 0)
  }
}

private struct Walk {
  let tree: ck_neighbour_tree
  let count: Int
  let queries: UnsafePointer<UnsafePointer<Double>?>
  let near: UnsafeMutablePointer<Gathered>
  /// Of every query to the eight boxes of a node.
  let bounds: UnsafeMutablePointer<Double>

  @inline(__always)
  func query(_ number: Int) -> UnsafePointer<Double> { queries[number].unsafelyUnwrapped }

  /// Which of a node's boxes are near enough to a query.
  @inline(__always)
  func boxes(_ node: Int, _ number: Int, _ metric: Int32) -> UInt32 {
    let boxes = node &* 16 &* Int(tree.columns)
    return near[number].filters
      ? ck_single_boxes8(
        tree.single_boxes + boxes, near[number].to.pointee.query, tree.columns, near[number].limit,
        bounds + 8 &* number)
      : ck_boxes8(
        metric, tree.boxes + boxes, query(number), tree.columns, tree.whole_power, tree.power,
        near[number].bound, bounds + 8 &* number)
  }
}

@inline(__always)
private func search(
  _ walk: Walk, _ seeds: UnsafePointer<UnsafePointer<UInt32>?>,
  _ found: UnsafeMutablePointer<ck_neighbours>,
  _ pending: UnsafeMutablePointer<ck_pending>, _ metric: Int32
) {
  let near = walk.near
  for query in 0..<walk.count {
    near[query].seed(walk.tree, walk.query(query), seeds[query].unsafelyUnwrapped, metric)
  }
  // `unused` holds the queries that a part is near to, a bit each.
  let all = (UInt32(1) << UInt32(walk.count)) &- 1
  pending[0] = ck_pending(bound: 0, least: 0, first: 0, blocks: 0, unused: all)
  var waiting = 1
  withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 16) { room in
    let within = room.baseAddress.unsafelyUnwrapped
    while waiting > 0 {
      waiting &-= 1
      let part = pending[waiting]
      let words = UnsafeRawPointer(walk.tree.nodes + Int(part.first)).assumingMemoryBound(
        to: UInt32.self)
      var any: UInt32 = 0
      var active = part.unused
      while active != 0 {
        let query = active.trailingZeroBitCount
        active &= active &- 1
        within[query] = walk.boxes(Int(part.first), query, metric)
        any |= within[query]
      }
      let floor = waiting
      while any != 0 {
        let child = any.trailingZeroBitCount
        any &= any &- 1
        let blocks = Int(words[8 &+ child])
        let least = words[16 &+ child]
        var nearest = Double.infinity
        var wanting: UInt32 = 0
        active = part.unused
        while active != 0 {
          let query = active.trailingZeroBitCount
          active &= active &- 1
          if within[query] >> UInt32(child) & 1 == 0 { continue }
          let bound = walk.bounds[8 &* query &+ child]
          if bound > near[query].cut || (bound == near[query].cut && least > near[query].cutRow) {
            continue
          }
          if blocks > 0 {
            found[query].evaluated &+= Int64(8 &* blocks)
            near[query].look(walk.tree, Int(words[child]), blocks, walk.query(query), metric)
          } else {
            wanting |= 1 << UInt32(query)
            nearest = min(nearest, bound)
          }
        }
        if wanting == 0 { continue }
        // The nearest comes to lie last.
        var place = waiting
        if place > floor, pending[place &- 1].bound < nearest {
          pending[place] = pending[place &- 1]
          place &-= 1
        }
        pending[place] = ck_pending(
          bound: nearest, least: least, first: words[child], blocks: 0, unused: wanting)
        waiting &+= 1
      }
    }
  }
  for query in 0..<walk.count { near[query].finish(found + query) }
}
