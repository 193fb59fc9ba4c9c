// The rows within a bound that are gathered for one query of the search of a tree.
//
// For the euclidean distance boxes and leaves are looked at in single precision first, where the tree has
// its points so. With c the centre, s the scale, and p(x) = s (x - c) rounded, a row x within the bound U of
// the query q has |p(x) - p(q)| <= s sqrt(U) + 2^-24 (|p(x)| + |p(q)|) and |p(x)| <= |p(q)| + s sqrt(U), all
// but some 2^-50 of it, and what is lost below the least numbers: of U up to columns times 2^-1074, so of
// sqrt(U) less than 1e-155. The sum over the columns is off by at most (columns + 3) 2^-24 of itself. The
// limit is beyond all that: no block with such a row is left out, and what is left is measured in double
// precision.

import CKernels

/// What is gathered for one query.
struct Gathered {
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

  /// Look at the rows of a leaf.
  @inline(__always)
  mutating func look(
    _ tree: ck_neighbour_tree, _ first: Int, _ blocks: Int, _ query: UnsafePointer<Double>,
    _ metric: Int32
  ) {
    let columns = Int(tree.columns)
    var from = first
    let end = first &+ blocks
    while from < end {
      let taken = min(4, end &- from)
      var left = (1 << taken) &- 1
      if filters {
        left = Int(
          ck_near_blocks(
            tree.singles + from &* 8 &* columns, Int64(taken), to.pointee.query, tree.columns, limit))
      }
      while left != 0 {
        let block = from &+ left.trailingZeroBitCount
        left &= left &- 1
        count = Int(
          ck_gather8(
            metric, tree.points + block &* 8 &* columns, query, tree.columns, tree.whole_power,
            tree.power, Int64(8 &* block), tree.rows, bound, boundRow, to, Int64(count)))
        if count > room &- 8 { thin() }
      }
      from &+= 4
    }
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
