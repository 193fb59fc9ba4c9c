// Path lengths in forests whose trees are too deep to be padded to complete ones.

import CKernels

/// Add to sums[0 ..< rows] each row's path lengths over all trees, in the units of the leaves: whole
/// numbers below 2^27. A row's key of the column that
/// begins at `column` is keys[column + row].
///
/// - roots: treeCount + 1 positions in nodes; children are counted from their tree's root.
/// - depth: the depth of the deepest leaf.
public func addLinkedPaths(
  keys: UnsafePointer<UInt32>, rows: Int, nodes: UnsafePointer<ck_linked_node>,
  roots: UnsafePointer<Int>, treeCount: Int, depth: Int,
  partial: UnsafeMutablePointer<UInt32>, sums: UnsafeMutablePointer<Double>
) {
  var first = 0
  while first < treeCount {
    let end = min(first &+ 16, treeCount)
    partial.update(repeating: 0, count: (rows &+ 7) & ~7)
    for tree in first..<end {
      let root = nodes + roots[tree]
      var row = 0
      while row < rows {
        let lane = keys + row
        @inline(__always) func step(_ index: UInt32, _ offset: Int) -> UInt32 {
          let node = root + Int(index)
          return node.pointee.left
            &+ (node.pointee.threshold < lane[Int(node.pointee.column) &+ offset] ? 1 : 0)
        }
        var (i0, i1, i2, i3) = (UInt32(0), UInt32(0), UInt32(0), UInt32(0))
        var (i4, i5, i6, i7) = (UInt32(0), UInt32(0), UInt32(0), UInt32(0))
        var level = 0
        while level < depth {
          let before = (i0 &+ i1) &+ (i2 &+ i3) &+ (i4 &+ i5) &+ (i6 &+ i7)
          i0 = step(i0, 0)
          i1 = step(i1, 1)
          i2 = step(i2, 2)
          i3 = step(i3, 3)
          i4 = step(i4, 4)
          i5 = step(i5, 5)
          i6 = step(i6, 6)
          i7 = step(i7, 7)
          // A step that moves none ends the walk: children always lie behind their parent.
          if before == (i0 &+ i1) &+ (i2 &+ i3) &+ (i4 &+ i5) &+ (i6 &+ i7) { break }
          level &+= 1
        }
        let sum = partial + row
        sum[0] &+= root[Int(i0)].leaf
        sum[1] &+= root[Int(i1)].leaf
        sum[2] &+= root[Int(i2)].leaf
        sum[3] &+= root[Int(i3)].leaf
        sum[4] &+= root[Int(i4)].leaf
        sum[5] &+= root[Int(i5)].leaf
        sum[6] &+= root[Int(i6)].leaf
        sum[7] &+= root[Int(i7)].leaf
        row &+= 8
      }
    }
    for row in 0..<rows { sums[row] += Double(partial[row]) }
    first = end
  }
}
