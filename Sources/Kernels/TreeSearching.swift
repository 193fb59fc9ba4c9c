// The nearest rows of a query in a tree of boxes: eight children are measured at once, the nearest is
// looked at first, and whatever lies farther than the k nearest so far is left aside.

import CKernels

/// Find the k nearest rows of the tree, leaving out the slot `excluded`. On return `found` is sorted.
/// `pending` is room for 8 parts a level of the tree, and 8 more.
public func searchTree(
  _ tree: UnsafePointer<ck_neighbour_tree>, query: UnsafePointer<Double>, excluded: UInt32,
  found: UnsafeMutablePointer<ck_neighbours>, pending: UnsafeMutablePointer<ck_pending>
) {
  switch tree.pointee.metric {
  case 0: search(tree.pointee, query, excluded, found, pending, 0)
  case 1: search(tree.pointee, query, excluded, found, pending, 1)
  case 2: search(tree.pointee, query, excluded, found, pending, 2)
  default: search(tree.pointee, query, excluded, found, pending, 3)
  }
}

/// The same by looking at every row of the blocks.
public func scanBlocks(
  _ tree: UnsafePointer<ck_neighbour_tree>, blocks: Int, query: UnsafePointer<Double>,
  excluded: UInt32, found: UnsafeMutablePointer<ck_neighbours>
) {
  var list = NeighbourList(found.pointee, rows: tree.pointee.rows)
  withEight { distances in
    switch tree.pointee.metric {
    case 0: scan(tree.pointee, 0, blocks, query, excluded, &list, distances, 0)
    case 1: scan(tree.pointee, 0, blocks, query, excluded, &list, distances, 1)
    case 2: scan(tree.pointee, 0, blocks, query, excluded, &list, distances, 2)
    default: scan(tree.pointee, 0, blocks, query, excluded, &list, distances, 3)
    }
  }
  list.sort()
  found.pointee.count = Int64(list.count)
  found.pointee.evaluated &+= Int64(8 &* blocks)
}

/// The first block of a leaf near the query, by going to the nearest box on each level.
public func locate(
  _ tree: UnsafePointer<ck_neighbour_tree>, query: UnsafePointer<Double>
) -> UInt32 {
  let tree = tree.pointee
  return withEight { bounds in
    var node = 0
    while true {
      _ = boxes(tree, node, query, .infinity, bounds, tree.metric)
      var nearest = 0
      for child in 1..<8 where bounds[child] < bounds[nearest] { nearest = child }
      let (first, blocks) = child(of: tree.nodes + node, nearest)
      if blocks > 0 { return first }
      node = Int(first)
    }
  }
}

@inline(__always)
private func withEight<Result>(_ body: (UnsafeMutablePointer<Double>) -> Result) -> Result {
  // Aligned here: memory that is to be aligned to more than 16 bytes comes from the heap.
  withUnsafeTemporaryAllocation(byteCount: 128, alignment: 16) {
    let address = UInt(bitPattern: $0.baseAddress.unsafelyUnwrapped)
    let base = $0.baseAddress.unsafelyUnwrapped + Int((64 &- address & 63) & 63)
    return body(base.assumingMemoryBound(to: Double.self))
  }
}

@inline(__always)
private func child(
  of node: UnsafePointer<ck_tree_node>, _ index: Int
) -> (first: UInt32, blocks: UInt32) {
  let words = UnsafeRawPointer(node).assumingMemoryBound(to: UInt32.self)
  return (words[index], words[8 &+ index])
}

@inline(__always)
private func boxes(
  _ tree: ck_neighbour_tree, _ node: Int, _ query: UnsafePointer<Double>, _ limit: Double,
  _ bounds: UnsafeMutablePointer<Double>, _ metric: Int32
) -> UInt32 {
  ck_boxes8(
    metric, tree.boxes + node &* 16 &* Int(tree.columns), query, tree.columns, tree.whole_power,
    tree.power, limit, bounds)
}

@inline(__always)
private func search(
  _ tree: ck_neighbour_tree, _ query: UnsafePointer<Double>, _ excluded: UInt32,
  _ found: UnsafeMutablePointer<ck_neighbours>, _ pending: UnsafeMutablePointer<ck_pending>,
  _ metric: Int32
) {
  var list = NeighbourList(found.pointee, rows: tree.rows)
  var evaluated: Int64 = 0
  withEight { eight in
    pending[0] = ck_pending(bound: 0, least: 0, first: 0, blocks: 0, unused: 0)
    var waiting = 1
    while waiting > 0 {
      waiting &-= 1
      let part = pending[waiting]
      if part.bound > list.worst || (part.bound == list.worst && part.least > list.worstRow) {
        continue
      }
      if part.blocks > 0 {
        let first = Int(part.first)
        scan(
          tree, first, first &+ Int(part.blocks), query, excluded, &list, eight, metric)
        evaluated &+= Int64(8 &* part.blocks)
        continue
      }
      let node = tree.nodes + Int(part.first)
      let words = UnsafeRawPointer(node).assumingMemoryBound(to: UInt32.self)
      var within = boxes(tree, Int(part.first), query, list.worst, eight, metric)
      // The nearest comes to lie last, which is where the next part is taken from.
      let floor = waiting
      while within != 0 {
        let child = within.trailingZeroBitCount
        within &= within &- 1
        // No child: node 0 is nobody's.
        if words[child] == 0, words[8 &+ child] == 0 { continue }
        let bound = eight[child]
        let least = words[16 &+ child]
        var place = waiting
        while place > floor,
          pending[place &- 1].bound < bound
            || (pending[place &- 1].bound == bound && pending[place &- 1].least < least)
        {
          pending[place] = pending[place &- 1]
          place &-= 1
        }
        pending[place] = ck_pending(
          bound: bound, least: least, first: words[child], blocks: words[8 &+ child], unused: 0)
        waiting &+= 1
      }
    }
  }
  list.sort()
  found.pointee.count = Int64(list.count)
  found.pointee.evaluated &+= evaluated
}

@inline(__always)
private func scan(
  _ tree: ck_neighbour_tree, _ first: Int, _ end: Int, _ query: UnsafePointer<Double>,
  _ excluded: UInt32, _ list: inout NeighbourList, _ distances: UnsafeMutablePointer<Double>,
  _ metric: Int32
) {
  let columns = Int(tree.columns)
  var block = first
  while block < end {
    var within = ck_distances8(
      metric, tree.points + block &* 8 &* columns, query, tree.columns, tree.whole_power, tree.power,
      list.worst, distances)
    while within != 0 {
      let lane = within.trailingZeroBitCount
      within &= within &- 1
      let slot = UInt32(truncatingIfNeeded: block &* 8 &+ lane)
      if slot != excluded { list.offer(distances[lane], slot) }
    }
    block &+= 1
  }
}
