// The nearest rows of six queries in a tree whose leaves are rows of panels: the boxes are compared with each
// query in single precision, and a leaf that is near enough to any of them by dot products with all six.
//
// With p(q) and p(r) the coordinates of a query and a row in the panels, scaled by s: rounding moves each by
// at most 2^-24 of its length, so a row within `worst` has
// |p(q) - p(r)| <= s sqrt(worst) + 2^-24 (|p(q)| + |p(r)|), and |p(r)| <= |p(q)| + |p(q) - p(r)|. The sum
// over the columns is off by at most (columns + 3) 2^-24 of itself. `reach` is beyond all that: no row is
// missed. A box holds the values of the panels, and rounding is monotonic: its bound never exceeds what would
// be computed for a row in it.

import CKernels

/// Find the nearest rows of the group's queries in the tree. `rows`: six queries as the panels hold rows, one
/// after another. Where rows are measured at once every list must be full. `pending` is room for 8 parts a
/// level of the tree, and 8 more.
public func searchPanels(
  _ store: UnsafePointer<ck_row_store>, _ tree: UnsafePointer<ck_panel_tree>,
  group: UnsafePointer<ck_query_group>, rows: UnsafePointer<Float>,
  pending: UnsafeMutablePointer<ck_pending>
) {
  let store = store.pointee
  let tree = tree.pointee
  let group = group.pointee
  let columns = Int(store.panel_columns)
  let factor = 1 + Double(columns + 16) * 0x1p-23
  let bytes = (6 * 8 + 8 + 8 + 8 + 8 + 6 * 16) * 4
  withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 32) { room in
    let bounds = room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
    let nearest = bounds + 48
    let reaches = bounds + 56
    let masks = UnsafeMutableRawPointer(bounds + 64).assumingMemoryBound(to: UInt32.self)
    let sums = bounds + 80
    var all: UInt32 = 0
    for query in 0..<6 {
      // A lane without a query reaches nothing.
      reaches[query] = -1
      if group.limits[query] < .infinity {
        all |= 1 << UInt32(query)
        reaches[query] = reach(store, group, query, factor)
      }
    }
    pending[0] = ck_pending(bound: 0, least: all, first: 0, blocks: 0, unused: 0)
    var waiting = all == 0 ? 0 : 1
    while waiting > 0 {
      waiting &-= 1
      let part = pending[waiting]
      let node = tree.nodes + Int(part.first)
      let boxes = tree.boxes + Int(part.first) &* 16 &* columns
      let words = UnsafeRawPointer(node).assumingMemoryBound(to: UInt32.self)
      var any: UInt32 = 0
      var active = part.least
      ck_fill8(nearest)
      for query in 0..<6 { masks[query] = 0 }
      while active != 0 {
        let query = active.trailingZeroBitCount
        active &= active &- 1
        // Its reach may have shrunk since the node was put aside.
        if part.bound > Double(reaches[query]) { continue }
        let within = ck_panel_boxes8(
          boxes, rows + query &* columns, store.panel_columns, reaches[query], bounds + 8 &* query)
        masks[query] = within
        any |= within
        ck_lessen8(nearest, bounds + 8 &* query)
      }
      // The nearest node comes to lie last, which is where the next is taken from; leaves are looked at now.
      let floor = waiting
      while any != 0 {
        let child = any.trailingZeroBitCount
        any &= any &- 1
        let first = Int(words[child])
        let count = Int(words[8 &+ child])
        var near: UInt32 = 0
        for query in 0..<6 where bounds[8 &* query &+ child] <= reaches[query] {
          near |= ((masks[query] >> UInt32(child)) & 1) << UInt32(query)
        }
        if near == 0 { continue }
        if count > 0 {
          let changed = lookAtLeaf(store, group, first, first &+ count, masks: masks + 8, sums)
          var left = changed
          while left != 0 {
            let query = left.trailingZeroBitCount
            left &= left &- 1
            reaches[query] = reach(store, group, query, factor)
          }
          continue
        }
        // No child: node 0 is nobody's.
        if first == 0 { continue }
        let bound = Double(nearest[child])
        var place = waiting
        while place > floor, pending[place &- 1].bound < bound {
          pending[place] = pending[place &- 1]
          place &-= 1
        }
        pending[place] = ck_pending(
          bound: bound, least: near, first: UInt32(truncatingIfNeeded: first), blocks: 0, unused: 0)
        waiting &+= 1
      }
    }
  }
}

/// What the squared distance of a query and a row in the panels must not exceed for the row to be needed.
@inline(__always)
private func reach(
  _ store: ck_row_store, _ group: ck_query_group, _ query: Int, _ factor: Double
) -> Float {
  var worst = Double.infinity
  if let bounds = group.bounds {
    worst = NeighbourList(bounds[query], rows: store.rows).worst
  }
  let found = NeighbourList(group.found[query], rows: store.rows).worst
  worst = min(worst, found * (store.scale * store.scale))
  let length = worst.squareRoot() + group.norms[query].squareRoot() * (0x1p-23 * 1.01)
  let limit = length * length * factor + 1e-30
  return limit < 0x1p126 ? Float(limit).nextUp : .infinity
}

/// Returns the queries whose limits have changed.
@inline(__always)
private func lookAtLeaf(
  _ store: ck_row_store, _ group: ck_query_group, _ first: Int, _ end: Int,
  masks: UnsafeMutablePointer<UInt32>, _ sums: UnsafeMutablePointer<Float>
) -> UInt32 {
  let columns = Int(store.panel_columns)
  var changed: UInt32 = 0
  var panel = first >> 4
  while panel &* 16 < end {
    if ck_tile(
      group.packed, store.panels + panel &* 16 &* columns, store.halves + panel &* 16,
      store.panel_columns, group.limits, masks, sums)
    {
      // Panels at the ends hold rows of other leaves too.
      let start = UInt32(truncatingIfNeeded: max(0, first &- panel &* 16))
      let stop = UInt32(truncatingIfNeeded: min(16, end &- panel &* 16))
      let own = (UInt32(1) << stop) &- (UInt32(1) << start)
      for query in 0..<6 where masks[query] & own != 0 {
        if examine(store, group, query, panel, masks[query] & own, sums + 16 &* query) {
          changed |= 1 << UInt32(query)
        }
      }
    }
    panel &+= 1
  }
  return changed
}
