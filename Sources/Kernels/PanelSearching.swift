// The nearest rows of some queries in a tree whose leaves are rows of panels: the boxes are compared with each
// query in single precision, and a leaf that is near enough to any of six by dot products with all six.
//
// With p(q) and p(r) the coordinates of a query and a row in the panels, scaled by s: rounding moves each by
// at most 2^-24 of its length, so a row within `worst` has
// |p(q) - p(r)| <= s sqrt(worst) + 2^-24 (|p(q)| + |p(r)|), and |p(r)| <= |p(q)| + |p(q) - p(r)|. The sum
// over the columns is off by at most (columns + 3) 2^-24 of itself. `reach` is beyond all that: no row is
// missed. A box holds the values of the panels, and rounding is monotonic: its bound never exceeds what would
// be computed for a row in it.

import CKernels

/// Find the nearest rows of up to 16 groups of queries in the tree. All groups look at a leaf one after
/// another, while it is in the cache. `rows`: the queries as the panels hold rows, one after another. Where
/// rows are measured at once every list must be full. `pending` is room for 8 parts a level of the tree,
/// and 8 more.
public func searchPanels(
  _ store: UnsafePointer<ck_row_store>, _ tree: UnsafePointer<ck_panel_tree>,
  groups: UnsafePointer<ck_query_group>, count: Int, rows: UnsafePointer<Float>,
  pending: UnsafeMutablePointer<ck_panel_part>
) {
  withUnsafeTemporaryAllocation(byteCount: PanelScratch.bytes, alignment: 32) { room in
    let scratch = PanelScratch(room.baseAddress.unsafelyUnwrapped)
    search(store.pointee, tree.pointee, groups, count, rows, pending, scratch)
  }
}

private struct PanelScratch {
  static let bytes = (96 * 8 + 8 + 96 + 8 + 96) * 4 + 96
  /// Of every query to the eight boxes of a node.
  let bounds: UnsafeMutablePointer<Float>
  let nearest: UnsafeMutablePointer<Float>
  let reaches: UnsafeMutablePointer<Float>
  let masks: UnsafeMutablePointer<UInt32>
  let sums: UnsafeMutablePointer<Float>
  /// Of every query the boxes that are near enough.
  let within: UnsafeMutablePointer<UInt8>

  @inline(__always)
  init(_ room: UnsafeMutableRawPointer) {
    bounds = room.assumingMemoryBound(to: Float.self)
    nearest = bounds + 96 * 8
    sums = nearest + 8
    reaches = sums + 96
    masks = UnsafeMutableRawPointer(reaches + 96).assumingMemoryBound(to: UInt32.self)
    within = UnsafeMutableRawPointer(masks + 8).assumingMemoryBound(to: UInt8.self)
  }
}

@inline(__always)
private func search(
  _ store: ck_row_store, _ tree: ck_panel_tree, _ groups: UnsafePointer<ck_query_group>, _ count: Int,
  _ rows: UnsafePointer<Float>, _ pending: UnsafeMutablePointer<ck_panel_part>, _ scratch: PanelScratch
) {
  let columns = Int(store.panel_columns)
  let factor = 1 + Double(columns + 16) * 0x1p-23
  var all = (UInt64(0), UInt64(0))
  for query in 0..<(6 &* count) {
    // A lane without a query reaches nothing.
    scratch.reaches[query] = -1
    let group = groups[query / 6]
    if group.limits[query % 6] < .infinity {
      let bit = UInt64(1) << UInt64(query % 48)
      if query < 48 { all.0 |= bit } else { all.1 |= bit }
      scratch.reaches[query] = reach(store, group, query % 6, factor)
    }
  }
  pending[0] = ck_panel_part(bound: 0, near: all, first: 0, unused: 0)
  var waiting = 1
  while waiting > 0 {
    waiting &-= 1
    let part = pending[waiting]
    let node = tree.nodes + Int(part.first)
    let boxes = tree.boxes + Int(part.first) &* 16 &* columns
    let words = UnsafeRawPointer(node).assumingMemoryBound(to: UInt32.self)
    var any: UInt32 = 0
    ck_fill8(scratch.nearest)
    for word in 0..<2 {
      var active = word == 0 ? part.near.0 : part.near.1
      while active != 0 {
        let query = 48 &* word &+ active.trailingZeroBitCount
        active &= active &- 1
        let within = ck_panel_boxes8(
          boxes, rows + query &* columns, store.panel_columns, scratch.reaches[query],
          scratch.bounds + 8 &* query)
        scratch.within[query] = UInt8(truncatingIfNeeded: within)
        any |= within
        ck_lessen8(scratch.nearest, scratch.bounds + 8 &* query)
      }
    }
    // The nearest node comes to lie last, which is where the next is taken from; leaves are looked at now.
    let floor = waiting
    while any != 0 {
      let child = any.trailingZeroBitCount
      any &= any &- 1
      let first = Int(words[child])
      let end = first &+ Int(words[8 &+ child])
      // No child: node 0 is nobody's.
      if end == 0 { continue }
      var near = (UInt64(0), UInt64(0))
      for group in 0..<count {
        let active =
          (group < 8 ? part.near.0 : part.near.1) >> UInt64(6 &* (group & 7)) & 63
        if active == 0 { continue }
        var own: UInt64 = 0
        for lane in 0..<6 {
          let query = 6 &* group &+ lane
          let isNear =
            scratch.within[query] >> UInt8(child) & 1 != 0
            && scratch.bounds[8 &* query &+ child] <= scratch.reaches[query]
          own |= (isNear ? 1 : 0) << UInt64(lane)
        }
        own &= active
        if own == 0 { continue }
        if end > first {
          var left = lookAtLeaf(store, groups + group, first, end, scratch.masks, scratch.sums)
          while left != 0 {
            let lane = left.trailingZeroBitCount
            left &= left &- 1
            scratch.reaches[6 &* group &+ lane] = reach(store, groups[group], lane, factor)
          }
        } else if group < 8 {
          near.0 |= own << UInt64(6 &* group)
        } else {
          near.1 |= own << UInt64(6 &* (group &- 8))
        }
      }
      if near.0 | near.1 == 0 { continue }
      let bound = Double(scratch.nearest[child])
      var place = waiting
      while place > floor, pending[place &- 1].bound < bound {
        pending[place] = pending[place &- 1]
        place &-= 1
      }
      pending[place] = ck_panel_part(
        bound: bound, near: near, first: UInt32(truncatingIfNeeded: first), unused: 0)
      waiting &+= 1
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
  _ store: ck_row_store, _ group: UnsafePointer<ck_query_group>, _ first: Int, _ end: Int,
  _ masks: UnsafeMutablePointer<UInt32>, _ sums: UnsafeMutablePointer<Float>
) -> UInt32 {
  let group = group.pointee
  let columns = Int(store.panel_columns)
  var changed: UInt32 = 0
  var panel = first >> 4
  while panel &* 16 < end {
    defer { panel &+= 1 }
    if panel >= Int(group.done_from), panel < Int(group.done_to) { continue }
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
  }
  return changed
}
