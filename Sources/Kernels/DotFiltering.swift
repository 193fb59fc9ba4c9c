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
  limit(store.shrink, norm, scaledWorst: worst * (store.scale * store.scale))
}

@inline(__always)
private func limit(_ shrink: Double, _ norm: Double, scaledWorst: Double) -> Float {
  let least = (shrink * norm - scaledWorst * (1 + 0x1p-21)) / 2 - 1e-25
  let rounded = Float(least)
  return Double(rounded) > least ? rounded.nextDown : rounded
}

/// Compare the group's queries with all rows of the panels. Where rows are measured at once every list
/// must be full.
public func filterPanels(
  _ store: UnsafePointer<ck_row_store>, group: UnsafePointer<ck_query_group>, first: Int, end: Int
) {
  let store = store.pointee
  let group = group.pointee
  let columns = Int(store.panel_columns)
  withUnsafeTemporaryAllocation(byteCount: 32 + 6 * 16 * 4, alignment: 32) { room in
    let masks = room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt32.self)
    let sums = (room.baseAddress.unsafelyUnwrapped + 32).assumingMemoryBound(to: Float.self)
    var panel = first
    while panel < end {
      if ck_tile(
        group.packed, store.panels + panel &* 16 &* columns, store.halves + panel &* 16,
        store.panel_columns, group.limits, masks, sums)
      {
        for query in 0..<6 where masks[query] != 0 {
          _ = examine(store, group, query, panel, masks[query], sums + 16 &* query)
        }
      }
      panel &+= 1
    }
  }
}

/// Take the rows of the panel that have reached a query's limit; returns whether the limit has changed.
@inline(never)
func examine(
  _ store: ck_row_store, _ group: ck_query_group, _ query: Int, _ panel: Int, _ mask: UInt32,
  _ sums: UnsafePointer<Float>
) -> Bool {
  let before = group.limits[query]
  if group.bounds == nil {
    look(store, group, query, panel, mask)
  } else {
    collect(store, group, query, panel, mask, sums)
  }
  return group.limits[query] != before
}

/// Measure the candidates that are left.
public func measureCandidates(
  _ store: UnsafePointer<ck_row_store>, group: UnsafePointer<ck_query_group>
) {
  for query in 0..<6 where group.pointee.waiting[query] > 0 {
    thin(group.pointee, query)
    measure(store.pointee, group.pointee, query)
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

// Most rows that reach a limit early on are not among the k nearest in the end. What dot products say of
// them suffices to raise the limit: with e = 1 - shrink, which is beyond twice the rounding of a product,
// |q - r|^2 <= |q|^2 - 2 (q.r - shrink |r|^2 / 2) + e (|q|^2 + 3 |r|^2), and a little for the rounding of
// the values. So rows are kept until the end and measured then, when few are left.

@inline(__always)
private func collect(
  _ store: ck_row_store, _ group: ck_query_group, _ query: Int, _ panel: Int, _ mask: UInt32,
  _ sums: UnsafePointer<Float>
) {
  let from = group.skipped[2 &* query]
  let to = group.skipped[2 &* query &+ 1]
  let norm = group.norms[query]
  let error = 1 - store.shrink
  var list = NeighbourList(group.bounds[query], rows: store.rows)
  let before = list.worst
  var waiting = group.waiting[query]
  var within = mask
  while within != 0 {
    let lane = within.trailingZeroBitCount
    let slot = UInt32(truncatingIfNeeded: panel &* 16 &+ lane)
    within &= within &- 1
    if slot >= from, slot < to { continue }
    let reached = sums[lane]
    let length = Double(store.halves[Int(slot)]) * (2 + 0x1p-18) / store.shrink
    let bound = norm - 2 * Double(reached) + error * (norm + 3 * length)
    list.offer(max(bound, 0) * (1 + 0x1p-21) + (norm + length) * 0x1p-25 + 1e-24, slot)
    if waiting == group.capacity {
      group.waiting[query] = waiting
      makeRoom(store, group, query)
      waiting = group.waiting[query]
    }
    group.candidates[query &* Int(group.capacity) &+ Int(waiting)] = ck_candidate(
      reached: reached, slot: slot)
    waiting &+= 1
  }
  group.waiting[query] = waiting
  group.bounds[query].count = Int64(list.count)
  if list.worst < before {
    group.limits[query] = max(
      group.limits[query], limit(store.shrink, norm, scaledWorst: list.worst))
  }
}

/// Leave out what no longer reaches the limit; where this is not enough, measure.
@inline(never)
private func makeRoom(_ store: ck_row_store, _ group: ck_query_group, _ query: Int) {
  thin(group, query)
  if group.waiting[query] > group.capacity / 2 { measure(store, group, query) }
}

@inline(__always)
private func thin(_ group: ck_query_group, _ query: Int) {
  let candidates = group.candidates + query &* Int(group.capacity)
  let limit = group.limits[query]
  var kept = 0
  for place in 0..<Int(group.waiting[query]) where candidates[place].reached >= limit {
    candidates[kept] = candidates[place]
    kept &+= 1
  }
  group.waiting[query] = Int64(kept)
}

@inline(__always)
private func measure(_ store: ck_row_store, _ group: ck_query_group, _ query: Int) {
  let candidates = group.candidates + query &* Int(group.capacity)
  let values = group.queries[query].unsafelyUnwrapped
  var list = NeighbourList(group.found[query], rows: store.rows)
  for place in 0..<Int(group.waiting[query]) {
    let slot = candidates[place].slot
    list.offer(
      ck_row_distance(store.points + Int(slot) &* Int(store.columns), values, store.columns), slot)
  }
  group.found[query].evaluated &+= group.waiting[query]
  group.found[query].count = Int64(list.count)
  group.waiting[query] = 0
  if list.worst < Double.greatestFiniteMagnitude {
    group.limits[query] = max(group.limits[query], limit(store, group.norms[query], list.worst))
  }
}
