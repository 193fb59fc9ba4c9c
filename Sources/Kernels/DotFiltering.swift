// The nearest rows where there are many columns, and boxes tell little: dot products in single precision,
// as a matrix product computes them, say which rows may be near; those few are measured in double
// precision. Where the rows vary mostly along few directions, the panels hold the rows' coordinates along
// these, and the length of what is left as one more: by the inequality of Cauchy and Schwarz such rows are
// no farther apart than the rows themselves.
//
// With q and r the query and a row less the centre, scaled, in single precision:
// |q - r|^2 <= worst exactly when  q.r - |r|^2 / 2 >= (|q|^2 - worst) / 2. Rounding moves the left side by
// at most (panel columns + 2) 2^-24 (|q|^2 + 2 |r|^2) / 2, and the rounding of the values themselves moves the
// distance; both norms are multiplied by `shrink` and `worst` by 1 + 2^-21, which makes the condition
// weaker than all that: no row is missed.

import CKernels

/// The squared distance of two rows.
public func rowDistance(
  _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, columns: Int
) -> Double {
  ck_row_distance(a, b, Int64(columns))
}

/// Measure the rows of the slots and keep the k nearest; `excluded` and what is in `known` is left out.
/// `limit` becomes what a dot product must reach from now on.
public func scanRows(
  _ store: UnsafePointer<ck_row_store>, first: Int, end: Int, query: UnsafePointer<Double>,
  excluded: UInt32, found: UnsafeMutablePointer<ck_neighbours>
) {
  let store = store.pointee
  var list = NeighbourList(found.pointee, rows: store.rows)
  for slot in first..<end where UInt32(truncatingIfNeeded: slot) != excluded {
    list.offer(
      ck_row_distance(store.points + slot &* Int(store.columns), query, store.columns),
      UInt32(truncatingIfNeeded: slot))
  }
  found.pointee.count = Int64(list.count)
  found.pointee.evaluated &+= Int64(end &- first)
}

/// Sort what was found.
public func sortNeighbours(
  _ found: UnsafeMutablePointer<ck_neighbours>, rows: UnsafePointer<UInt32>
) {
  NeighbourList(found.pointee, rows: rows).sort()
}

/// What q.r - shrink |r|^2 / 2 must reach for the row to be looked at.
public func dotLimit(
  _ store: UnsafePointer<ck_row_store>, norm: Double, worst: Double
) -> Float {
  limit(store.pointee, norm, worst)
}

@inline(__always)
private func limit(_ store: ck_row_store, _ norm: Double, _ worst: Double) -> Float {
  let least =
    (store.shrink * norm - worst * (store.scale * store.scale) * (1 + 0x1p-21)) / 2 - 1e-25
  let rounded = Float(least)
  return Double(rounded) > least ? rounded.nextDown : rounded
}

/// Compare the group's queries with all rows of the panels. Every list must be full.
public func filterPanels(
  _ store: UnsafePointer<ck_row_store>, group: UnsafePointer<ck_query_group>, first: Int, end: Int
) {
  let store = store.pointee
  let group = group.pointee
  let columns = Int(store.panel_columns)
  withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 8) { masks in
    let masks = masks.baseAddress.unsafelyUnwrapped
    var panel = first
    while panel < end {
      if ck_tile(
        group.packed, store.panels + panel &* 16 &* columns, store.halves + panel &* 16,
        store.panel_columns, group.limits, masks)
      {
        for query in 0..<6 where masks[query] != 0 {
          look(store, group, query, panel, masks[query])
        }
      }
      panel &+= 1
    }
  }
}

@inline(__always)
private func look(
  _ store: ck_row_store, _ group: ck_query_group, _ query: Int, _ panel: Int, _ mask: UInt32
) {
  let values = group.queries[query].unsafelyUnwrapped
  let from = group.skipped[2 &* query]
  let to = group.skipped[2 &* query &+ 1]
  var list = NeighbourList(group.found[query], rows: store.rows)
  let before = list.worst
  var within = mask
  while within != 0 {
    let slot = UInt32(truncatingIfNeeded: panel &* 16 &+ within.trailingZeroBitCount)
    within &= within &- 1
    if slot >= from, slot < to { continue }
    list.offer(
      ck_row_distance(store.points + Int(slot) &* Int(store.columns), values, store.columns), slot)
    group.found[query].evaluated &+= 1
  }
  if list.worst < before {
    group.limits[query] = limit(store, group.norms[query], list.worst)
  }
}
