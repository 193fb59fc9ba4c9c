// Path lengths in extended forests: a node sends a row right when the dot product of some of its
// features with the node's coefficients exceeds the threshold.

import CKernels

/// Add to sums[0 ..< rows] each row's path lengths over all trees, in the units of the leaves: whole
/// numbers below 2^27.
///
/// - block: columns of centred floats; NaN counts as 0, the column's centre.
/// - nodes: as in ``addLinkedPaths``, but `threshold` holds a float's bits, and `column` says where the
///   node's `termCount` terms begin in `terms`.
public func addHyperplanePaths(
  block: UnsafePointer<Float>, rows: Int, nodes: UnsafePointer<ck_linked_node>,
  roots: UnsafePointer<Int>, terms: UnsafePointer<ck_term>, termCount: Int, treeCount: Int,
  depth: Int, partial: UnsafeMutablePointer<UInt32>, sums: UnsafeMutablePointer<Double>
) {
  var first = 0
  while first < treeCount {
    let end = min(first &+ 16, treeCount)
    partial.update(repeating: 0, count: (rows &+ 3) & ~3)
    for tree in first..<end {
      let root = nodes + roots[tree]
      var row = 0
      while row < rows {
        let lane = block + row
        @inline(__always) func step(_ index: UInt32, _ offset: Int) -> UInt32 {
          let node = root[Int(index)]
          let term = terms + Int(node.column)
          var product: Float = 0
          for k in 0..<termCount {
            product += term[k].coefficient * lane[Int(term[k].column) &+ offset]
          }
          return node.left &+ (Float(bitPattern: node.threshold) < product ? 1 : 0)
        }
        var (i0, i1, i2, i3) = (UInt32(0), UInt32(0), UInt32(0), UInt32(0))
        var level = 0
        while level < depth {
          let before = (i0 &+ i1) &+ (i2 &+ i3)
          i0 = step(i0, 0)
          i1 = step(i1, 1)
          i2 = step(i2, 2)
          i3 = step(i3, 3)
          if before == (i0 &+ i1) &+ (i2 &+ i3) { break }
          level &+= 1
        }
        let sum = partial + row
        sum[0] &+= root[Int(i0)].leaf
        sum[1] &+= root[Int(i1)].leaf
        sum[2] &+= root[Int(i2)].leaf
        sum[3] &+= root[Int(i3)].leaf
        row &+= 4
      }
    }
    for row in 0..<rows { sums[row] += Double(partial[row]) }
    first = end
  }
}
