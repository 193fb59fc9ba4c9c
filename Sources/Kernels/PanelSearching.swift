// The nearest rows of a query in a tree whose leaves are rows of panels: boxes and rows are compared in
// single precision, and what may be near enough is measured in double precision.
//
// With p(q) and p(r) the coordinates of a query and a row in the panels, scaled by s: rounding moves each by
// at most 2^-24 of its length, so a row within `worst` has
// |p(q) - p(r)| <= s sqrt(worst) + 2^-24 (|p(q)| + |p(r)|), and |p(r)| <= |p(q)| + |p(q) - p(r)|. The sum
// over the columns is off by at most (columns + 3) 2^-24 of itself. `reach` is beyond all that: no row is
// missed. A box holds the values of the panels, and rounding is monotonic: its bound never exceeds what is
// computed for a row in it.

import CKernels

/// Find the k nearest rows; `found` holds those of the known slots already. On return it is sorted.
/// `pending` is room for 8 parts a level of the tree, and 8 more.
public func searchPanels(
  _ store: UnsafePointer<ck_row_store>, _ tree: UnsafePointer<ck_panel_tree>,
  query: UnsafePointer<ck_panel_query>, found: UnsafeMutablePointer<ck_neighbours>,
  pending: UnsafeMutablePointer<ck_pending>
) {
  let store = store.pointee
  let tree = tree.pointee
  let query = query.pointee
  let columns = Int(store.panel_columns)
  let slack = query.norm.squareRoot() * (0x1p-23 * 1.01)
  let factor = 1 + Double(columns + 16) * 0x1p-23
  var list = NeighbourList(found.pointee, rows: store.rows)
  var limit = reach(list.worst, store.scale, slack, factor)
  var evaluated: Int64 = 0
  withUnsafeTemporaryAllocation(byteCount: 32, alignment: 32) { room in
    let bounds = room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
    pending[0] = ck_pending(bound: 0, least: 0, first: 0, blocks: 0, unused: 0)
    var waiting = 1
    while waiting > 0 {
      waiting &-= 1
      let part = pending[waiting]
      if part.bound > Double(limit) { continue }
      let node = tree.nodes + Int(part.first)
      let words = UnsafeRawPointer(node).assumingMemoryBound(to: UInt32.self)
      var within = ck_panel_boxes8(
        tree.boxes + Int(part.first) &* 16 &* columns, query.packed, store.panel_columns, limit, bounds)
      // The nearest node comes to lie last, which is where the next is taken from; leaves are looked at now.
      let floor = waiting
      while within != 0 {
        let child = within.trailingZeroBitCount
        within &= within &- 1
        let bound = bounds[child]
        if bound > limit { continue }
        let rows = Int(words[8 &+ child])
        if rows > 0 {
          let before = list.worst
          evaluated &+= look(
            store, query, Int(words[child]), Int(words[child]) &+ rows, limit, &list)
          if list.worst < before { limit = reach(list.worst, store.scale, slack, factor) }
          continue
        }
        // No child: node 0 is nobody's.
        if words[child] == 0 { continue }
        var place = waiting
        while place > floor, pending[place &- 1].bound < Double(bound) {
          pending[place] = pending[place &- 1]
          place &-= 1
        }
        pending[place] = ck_pending(
          bound: Double(bound), least: 0, first: words[child], blocks: 0, unused: 0)
        waiting &+= 1
      }
    }
  }
  list.sort()
  found.pointee.count = Int64(list.count)
  found.pointee.evaluated &+= evaluated
}

/// What the squared distance of two rows in a panel must not exceed for the rows to be within `worst`.
@inline(__always)
private func reach(_ worst: Double, _ scale: Double, _ slack: Double, _ factor: Double) -> Float {
  let length = worst.squareRoot() * scale + slack
  let limit = length * length * factor + 1e-30
  // Also the greatest magnitude of single precision is no bound for a sum that overflows.
  return limit < 0x1p126 ? Float(limit).nextUp : .infinity
}

@inline(__always)
private func look(
  _ store: ck_row_store, _ query: ck_panel_query, _ first: Int, _ end: Int, _ limit: Float,
  _ list: inout NeighbourList
) -> Int64 {
  let columns = Int(store.columns)
  let panelColumns = Int(store.panel_columns)
  var evaluated: Int64 = 0
  var panel = first >> 4
  while panel &* 16 < end {
    var within = ck_panel16(
      store.panels + panel &* 16 &* panelColumns, query.packed, store.panel_columns, limit)
    while within != 0 {
      let slot = panel &* 16 &+ within.trailingZeroBitCount
      within &= within &- 1
      // Panels at the ends hold rows of other leaves too.
      if slot < first || slot >= end || (slot >= Int(query.from) && slot < Int(query.to)) { continue }
      list.offer(
        ck_row_distance(store.points + slot &* columns, query.values, store.columns),
        UInt32(truncatingIfNeeded: slot))
      evaluated &+= 1
    }
    panel &+= 1
  }
  return evaluated
}
