import CKernels

/// The boxes of a tree in the coordinates of the panels, in single precision.
final class PanelTree {
  private let nodes: Buffer<ck_tree_node>
  private let boxes: Buffer<Float>

  /// The layout's leaves say where their rows begin, and how many they are.
  init(_ rows: DenseRows, layout: NeighbourLayout) throws(DetectionError) {
    nodes = layout.nodes
    let width = rows.panelWidth
    let (count, overflow) = (nodes.count * 16).multipliedReportingOverflow(by: width)
    guard !overflow else {
      throw DetectionError(.outOfMemory, "cannot allocate \(nodes.count) boxes of \(width) columns")
    }
    boxes = try Buffer(count: count, zeroed: false)
    // Children stand behind their parents.
    for node in stride(from: nodes.count - 1, through: 0, by: -1) {
      let least = boxes.base + node * 16 * width
      let greatest = least + 8 * width
      least.update(repeating: .infinity, count: 8 * width)
      greatest.update(repeating: -.infinity, count: 8 * width)
      for lane in 0..<8 {
        let (first, count) = layout.child(node, lane)
        if count > 0 {
          for slot in first..<(first + count) {
            let panel = rows.panels.base + (slot >> 4) * 16 * width + (slot & 15)
            for column in 0..<width {
              least[8 * column + lane] = min(least[8 * column + lane], panel[16 * column])
              greatest[8 * column + lane] = max(greatest[8 * column + lane], panel[16 * column])
            }
          }
        } else if first > 0 {
          let child = boxes.base + first * 16 * width
          for column in 0..<width {
            for other in 0..<8 {
              least[8 * column + lane] = min(least[8 * column + lane], child[8 * column + other])
              greatest[8 * column + lane] = max(
                greatest[8 * column + lane], child[8 * (width + column) + other])
            }
          }
        }
      }
    }
  }

  var kernelTree: ck_panel_tree { ck_panel_tree(nodes: nodes.base, boxes: boxes.base) }
}
