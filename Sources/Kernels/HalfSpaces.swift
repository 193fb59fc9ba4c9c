import CKernels

// Complete trees whose nodes cut the space in two, in heap order.

/// places[row] = where each row ends below `height` nodes, counted from 0. Rows lie `stride` doubles apart.
public func halfSpaceLeaves(
  _ values: UnsafePointer<Double>, stride: Int, rows: Int, nodes: UnsafePointer<ck_half_node>,
  height: Int, places: UnsafeMutablePointer<UInt32>
) {
  for row in 0..<rows { places[row] = 1 }
  for _ in 0..<height {
    var row = values
    for index in 0..<rows {
      let place = Int(places[index])
      let node = nodes[place]
      places[index] = UInt32(
        truncatingIfNeeded: place &+ place &+ (row[Int(node.feature)] >= node.split ? 1 : 0))
      row += stride
    }
  }
  let first = UInt32(truncatingIfNeeded: 1 &<< height)
  for row in 0..<rows { places[row] = places[row] &- first }
}
