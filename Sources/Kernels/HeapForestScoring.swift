// Path lengths of blocks of rows in forests of complete trees (heap order, all of one depth).
//
// A tree is walked by 8 rows at a time. The first levels are decided for all 8 by vector comparisons of
// whole columns, since few nodes are in question; below, each row steps alone, the 8 of them hiding
// each other's waits.

import CKernels

/// Add to sums[0 ..< rows] each row's path lengths over all trees.
///
/// - keys: columns one after another, 32-byte aligned, `rows` rounded up to 8 of them valid in each.
/// - nodes: treeCount << depth of them. leaves: as many. depth: 3 or more.
/// - partial: room for `rows` rounded up to 8.
public func addHeapPaths(
  keys: UnsafePointer<UInt32>, rows: Int, nodes: UnsafePointer<ck_heap_node>,
  leaves: UnsafePointer<Float>, treeCount: Int, depth: Int,
  partial: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Double>
) {
  let leafBase = UInt64(1) << UInt64(depth)
  var first = 0
  // Single precision sums of a few trees at a time keep the error near one rounding.
  while first < treeCount {
    let end = min(first &+ 16, treeCount)
    partial.update(repeating: 0, count: (rows &+ 7) & ~7)
    for tree in first..<end {
      let heap = nodes + (tree &<< depth)
      let leaf = leaves + (tree &<< depth) - Int(leafBase)
      var row = 0
      while row < rows {
        let lane = keys + row
        let top = topLevels(lane, heap)
        var (i0, i1, i2, i3) = (
          UInt64(top[0]), UInt64(top[1]), UInt64(top[2]), UInt64(top[3])
        )
        var (i4, i5, i6, i7) = (
          UInt64(top[4]), UInt64(top[5]), UInt64(top[6]), UInt64(top[7])
        )
        var level = 3
        while level < depth {
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
        let sum = partial + row
        sum[0] += leaf[Int(truncatingIfNeeded: i0)]
        sum[1] += leaf[Int(truncatingIfNeeded: i1)]
        sum[2] += leaf[Int(truncatingIfNeeded: i2)]
        sum[3] += leaf[Int(truncatingIfNeeded: i3)]
        sum[4] += leaf[Int(truncatingIfNeeded: i4)]
        sum[5] += leaf[Int(truncatingIfNeeded: i5)]
        sum[6] += leaf[Int(truncatingIfNeeded: i6)]
        sum[7] += leaf[Int(truncatingIfNeeded: i7)]
        row &+= 8
      }
    }
    for row in 0..<rows { sums[row] += Double(partial[row]) }
    first = end
  }
}

/// Where 8 rows stand after three levels: heap indices 8 ... 15.
@inline(__always)
private func topLevels(
  _ lane: UnsafePointer<UInt32>, _ heap: UnsafePointer<ck_heap_node>
) -> SIMD8<UInt32> {
  @inline(__always) func isRight(_ node: Int) -> SIMDMask<SIMD8<Int32>> {
    let keys = UnsafeRawPointer(lane + Int(heap[node].column)).load(as: SIMD8<UInt32>.self)
    return keys .> SIMD8(repeating: heap[node].threshold)
  }
  let first = isRight(1)
  let second = isRight(2).replacing(with: isRight(3), where: first)
  let thirdLeft = isRight(4).replacing(with: isRight(5), where: second)
  let thirdRight = isRight(6).replacing(with: isRight(7), where: second)
  let third = thirdLeft.replacing(with: thirdRight, where: first)
  var index = SIMD8<UInt32>(repeating: 8)
  index.replace(with: index | 4, where: first)
  index.replace(with: index | 2, where: second)
  index.replace(with: index | 1, where: third)
  return index
}

/// The path lengths of one row, whose keys lie together: 8 trees at a time hide each other's waits.
/// The sum is the very one of ``addHeapPaths``.
public func heapPath(
  keys: UnsafePointer<UInt32>, columnShift: Int, nodes: UnsafePointer<ck_heap_node>,
  leaves: UnsafePointer<Float>, treeCount: Int, depth: Int
) -> Double {
  let leafBase = 1 &<< depth
  let shift = UInt32(columnShift)
  @inline(__always) func step(_ index: Int, _ tree: Int) -> Int {
    let node = nodes[(tree &<< depth) &+ index]
    return index &+ index
      &+ (node.threshold < keys[Int(node.column &>> shift)] ? 1 : 0)
  }
  var sum = 0.0
  var partial: Float = 0
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
    partial += leaf[i0 &- leafBase]
    partial += leaf[leafBase &+ (i1 &- leafBase)]
    partial += leaf[(2 &* leafBase) &+ (i2 &- leafBase)]
    partial += leaf[(3 &* leafBase) &+ (i3 &- leafBase)]
    partial += leaf[(4 &* leafBase) &+ (i4 &- leafBase)]
    partial += leaf[(5 &* leafBase) &+ (i5 &- leafBase)]
    partial += leaf[(6 &* leafBase) &+ (i6 &- leafBase)]
    partial += leaf[(7 &* leafBase) &+ (i7 &- leafBase)]
    tree &+= 8
    if tree & 15 == 0 {
      sum += Double(partial)
      partial = 0
    }
  }
  while tree < treeCount {
    var index = 1
    for _ in 0..<depth { index = step(index, tree) }
    partial += leaves[(tree &<< depth) &+ index &- leafBase]
    tree &+= 1
    if tree & 15 == 0 {
      sum += Double(partial)
      partial = 0
    }
  }
  return sum + Double(partial)
}
