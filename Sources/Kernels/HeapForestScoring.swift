// Path lengths of blocks of rows in forests of complete trees (heap order, all of one depth).
//
// A tree is walked by all rows of a block together. The first three levels are decided by vector
// comparisons of whole columns; below, the rows take two steps at a time, 8 rows side by side, and
// their places are put down between. Two steps are so few instructions that the processor begins the
// next rows while these wait for memory: walking to the leaf in one go took 1.5 times as long.

import CKernels

/// Add to sums[0 ..< rows] each row's path lengths over all trees, in the units of the leaves: whole
/// numbers below 2^27.
///
/// - keys: columns one after another, 32-byte aligned, `rows` rounded up to 8 of them valid in each.
/// - nodes: treeCount << depth of them. leaves: as many. depth: 3 or more.
/// - places, partial: scratch for `rows` rounded up to 8, 32-byte aligned.
public func addHeapPaths(
  keys: UnsafePointer<UInt32>, rows: Int, nodes: UnsafePointer<ck_heap_node>,
  leaves: UnsafePointer<UInt32>, treeCount: Int, depth: Int,
  places: UnsafeMutablePointer<UInt32>, partial: UnsafeMutablePointer<UInt32>,
  sums: UnsafeMutablePointer<Double>
) {
  let padded = (rows &+ 7) & ~7
  var first = 0
  // 16 path lengths fit 32 bits; the sums of all are exact in a double.
  while first < treeCount {
    let end = min(first &+ 16, treeCount)
    partial.update(repeating: 0, count: padded)
    for tree in first..<end {
      let heap = nodes + (tree &<< depth)
      var row = 0
      while row < padded {
        ck_three_levels(keys + row, heap, places + row)
        row &+= 8
      }
      var levels = depth &- 3
      while levels > 2 {
        descend(keys, padded, heap, 2, places)
        levels &-= 2
      }
      let leaf = leaves + (tree &<< depth) - (1 &<< depth)
      if levels == 2 {
        descend(keys, padded, heap, 2, places, adding: leaf, to: partial)
      } else {
        descend(keys, padded, heap, levels, places, adding: leaf, to: partial)
      }
    }
    for row in 0..<rows { sums[row] += Double(partial[row]) }
    first = end
  }
}

/// Take `levels` steps with every row; at the leaves add what they hold.
@inline(__always)
private func descend(
  _ keys: UnsafePointer<UInt32>, _ rows: Int, _ heap: UnsafePointer<ck_heap_node>, _ levels: Int,
  _ places: UnsafeMutablePointer<UInt32>, adding leaf: UnsafePointer<UInt32>? = nil,
  to partial: UnsafeMutablePointer<UInt32>? = nil
) {
  var row = 0
  while row < rows {
    let lane = keys + row
    let place = places + row
    var (i0, i1, i2, i3) = (
      UInt64(place[0]), UInt64(place[1]), UInt64(place[2]), UInt64(place[3])
    )
    var (i4, i5, i6, i7) = (
      UInt64(place[4]), UInt64(place[5]), UInt64(place[6]), UInt64(place[7])
    )
    var level = 0
    while level < levels {
      i0 = ck_step0(i0, heap, lane)
      i1 = ck_step1(i1, heap, lane)
      i2 = ck_step2(i2, heap, lane)
      i3 = ck_step3(i3, heap, lane)
      i4 = ck_step4(i4, heap, lane)
      i5 = ck_step5(i5, heap, lane)
      i6 = ck_step6(i6, heap, lane)
      i7 = ck_step7(i7, heap, lane)
      level &+= 1
    }
    if let leaf, let partial {
      let sum = partial + row
      sum[0] &+= leaf[Int(truncatingIfNeeded: i0)]
      sum[1] &+= leaf[Int(truncatingIfNeeded: i1)]
      sum[2] &+= leaf[Int(truncatingIfNeeded: i2)]
      sum[3] &+= leaf[Int(truncatingIfNeeded: i3)]
      sum[4] &+= leaf[Int(truncatingIfNeeded: i4)]
      sum[5] &+= leaf[Int(truncatingIfNeeded: i5)]
      sum[6] &+= leaf[Int(truncatingIfNeeded: i6)]
      sum[7] &+= leaf[Int(truncatingIfNeeded: i7)]
    } else {
      place[0] = UInt32(truncatingIfNeeded: i0)
      place[1] = UInt32(truncatingIfNeeded: i1)
      place[2] = UInt32(truncatingIfNeeded: i2)
      place[3] = UInt32(truncatingIfNeeded: i3)
      place[4] = UInt32(truncatingIfNeeded: i4)
      place[5] = UInt32(truncatingIfNeeded: i5)
      place[6] = UInt32(truncatingIfNeeded: i6)
      place[7] = UInt32(truncatingIfNeeded: i7)
    }
    row &+= 8
  }
}

/// The path lengths of one row, whose keys lie together: 8 trees at a time hide each other's waits.
/// The sum is the very one of ``addHeapPaths``.
public func heapPath(
  keys: UnsafePointer<UInt32>, columnShift: Int, nodes: UnsafePointer<ck_heap_node>,
  leaves: UnsafePointer<UInt32>, treeCount: Int, depth: Int
) -> Double {
  let leafBase = 1 &<< depth
  let shift = UInt32(columnShift)
  @inline(__always) func step(_ index: Int, _ tree: Int) -> Int {
    let node = nodes[(tree &<< depth) &+ index]
    return index &+ index
      &+ (node.threshold < keys[Int(node.column &>> shift)] ? 1 : 0)
  }
  var sum = 0.0
  var partial: UInt32 = 0
  var tree = 0
  while tree &+ 8 <= treeCount {
    var (i0, i1, i2, i3, i4, i5, i6, i7) = (1, 1, 1, 1, 1, 1, 1, 1)
    for _ in 0..<depth {
      i0 = step(i0, tree)
      i1 = step(i1, tree &+ 1)
      i2 = step(i2, tree &+ 2)
      i3 = step(i3, tree &+ 3)
      i4 = step(i4, tree &+ 4)
      i5 = step(i5, tree &+ 5)
      i6 = step(i6, tree &+ 6)
      i7 = step(i7, tree &+ 7)
    }
    let leaf = leaves + (tree &<< depth)
    partial &+= leaf[i0 &- leafBase]
    partial &+= leaf[leafBase &+ (i1 &- leafBase)]
    partial &+= leaf[(2 &* leafBase) &+ (i2 &- leafBase)]
    partial &+= leaf[(3 &* leafBase) &+ (i3 &- leafBase)]
    partial &+= leaf[(4 &* leafBase) &+ (i4 &- leafBase)]
    partial &+= leaf[(5 &* leafBase) &+ (i5 &- leafBase)]
    partial &+= leaf[(6 &* leafBase) &+ (i6 &- leafBase)]
    partial &+= leaf[(7 &* leafBase) &+ (i7 &- leafBase)]
    tree &+= 8
    if tree & 15 == 0 {
      sum += Double(partial)
      partial = 0
    }
  }
  while tree < treeCount {
    var index = 1
    for _ in 0..<depth { index = step(index, tree) }
    partial &+= leaves[(tree &<< depth) &+ index &- leafBase]
    tree &+= 1
    if tree & 15 == 0 {
      sum += Double(partial)
      partial = 0
    }
  }
  return sum + Double(partial)
}
