import CKernels

/// The tree as it lies in memory: nodes and boxes for eight children each, leaves as whole blocks of
/// eight rows.
final class NeighbourLayout {
  struct Leaf {
    let range: Range<Int>
    let node: Int
    let lane: Int
    var block = 0
  }

  let nodes: Buffer<ck_tree_node>
  let boxes: Buffer<Double>
  let rowOf: Buffer<UInt32>
  let blockCount: Int
  private var leaves: [Leaf] = []
  /// The node that each child of a node is; -1 for leaves and lanes without a child.
  private let children: Buffer<Int64>
  private let width: Int

  init(_ builder: NeighbourTreeBuilder, _ rows: Int, _ width: Int) throws(DetectionError) {
    self.width = width
    var starts: [Int] = []
    var count = 1
    for subtree in builder.subtrees.dropLast() {
      starts.append(count)
      count += subtree.nodes.count
    }
    nodes = try Buffer(count: count)
    children = try Buffer(count: count * 8, zeroed: false)
    children.base.update(repeating: -1, count: count * 8)
    let (cells, overflow) = (count * 16).multipliedReportingOverflow(by: width)
    guard !overflow else {
      throw DetectionError(.outOfMemory, "cannot allocate \(count) boxes of \(width) columns")
    }
    boxes = try Buffer(count: cells, zeroed: false)
    try leaves.makeRoom(for: count * 8)
    for (number, subtree) in builder.subtrees.enumerated() {
      let start = number < starts.count ? starts[number] : 0
      for (index, node) in subtree.nodes.enumerated() {
        for (lane, child) in node.children.enumerated() {
          switch child {
          case .leaf(let range):
            leaves.append(Leaf(range: range, node: start + index, lane: lane))
          case .node(let other, let place):
            children[(start + index) * 8 + lane] = Int64(starts[other] + place)
          }
        }
      }
    }
    leaves.sort { $0.range.lowerBound < $1.range.lowerBound }
    var block = 0
    for index in leaves.indices {
      leaves[index].block = block
      block += (leaves[index].range.count + 7) / 8
    }
    blockCount = block
    guard blockCount < 1 << 28 else {
      throw DetectionError(.invalidData, "\(rows) rows are too many for a neighbour search")
    }
    rowOf = try Buffer(count: block * 8, zeroed: false)
  }

  /// Fill in rows, boxes and what the nodes say of their children.
  func fill(
    _ X: Matrix, _ order: Buffer<UInt32>, points: Buffer<Double>?, call: Call
  ) throws(DetectionError) {
    boxes.base.update(repeating: .infinity, count: boxes.count)
    for node in 0..<nodes.count {
      let greatest = boxes.base + node * 16 * width + 8 * width
      greatest.update(repeating: -.infinity, count: 8 * width)
    }
    let group = max(1, min(64, 65536 / width))
    let leaves = leaves
    try forEachChunk(
      (leaves.count + group - 1) / group, threads: call.threads, teller: ProgressTeller(call, "fit")
    ) { (chunk, _) throws(DetectionError) in
      for leaf in leaves[(chunk * group)..<min((chunk + 1) * group, leaves.count)] {
        self.fill(leaf, X, order, points)
      }
    }
    for leaf in leaves {
      var least = UInt32.max
      for place in leaf.range { least = min(least, order[place]) }
      set(
        leaf.node, leaf.lane, first: UInt32(leaf.block), blocks: UInt32((leaf.range.count + 7) / 8),
        least: least)
    }
    // Children stand behind their parents.
    for node in stride(from: nodes.count - 1, through: 0, by: -1) {
      for lane in 0..<8 where children[node * 8 + lane] >= 0 {
        let child = Int(children[node * 8 + lane])
        var least = UInt32.max
        for other in 0..<8 { least = min(least, word(child, 16 + other)) }
        set(node, lane, first: UInt32(child), blocks: 0, least: least)
        for column in 0..<width {
          let own = boxes.base + node * 16 * width + 8 * column + lane
          let theirs = boxes.base + child * 16 * width + 8 * column
          for other in 0..<8 {
            own[0] = min(own[0], theirs[other])
            own[8 * width] = max(own[8 * width], theirs[8 * width + other])
          }
        }
      }
      for lane in 0..<8 where children[node * 8 + lane] < 0 && word(node, 8 + lane) == 0 {
        set(node, lane, first: 0, blocks: 0, least: .max)
      }
    }
  }

  private func fill(
    _ leaf: Leaf, _ X: Matrix, _ order: Buffer<UInt32>, _ points: Buffer<Double>?
  ) {
    let slots = (leaf.range.count + 7) / 8 * 8
    let least = boxes.base + leaf.node * 16 * width + leaf.lane
    let greatest = least + 8 * width
    for index in 0..<slots {
      let slot = leaf.block * 8 + index
      let lane = points.map { $0.base + (slot >> 3) * 8 * width + (slot & 7) }
      guard index < leaf.range.count else {
        rowOf[slot] = NeighbourIndex.noRow
        if let lane { for column in 0..<width { lane[8 * column] = .infinity } }
        continue
      }
      let row = Int(order[leaf.range.lowerBound + index])
      rowOf[slot] = UInt32(row)
      for column in 0..<width {
        let value = X.value(row, column)
        lane?[8 * column] = value
        least[8 * column] = min(least[8 * column], value)
        greatest[8 * column] = max(greatest[8 * column], value)
      }
    }
  }

  private func word(_ node: Int, _ index: Int) -> UInt32 {
    UnsafeRawPointer(nodes.base + node).assumingMemoryBound(to: UInt32.self)[index]
  }

  private func set(_ node: Int, _ lane: Int, first: UInt32, blocks: UInt32, least: UInt32) {
    let words = UnsafeMutableRawPointer(nodes.base + node).assumingMemoryBound(to: UInt32.self)
    words[lane] = first
    words[8 + lane] = blocks
    words[16 + lane] = least
  }

  /// Where a child's rows begin and how many they are, or its node and 0.
  func child(_ node: Int, _ lane: Int) -> (first: Int, count: Int) {
    (Int(word(node, lane)), Int(word(node, 8 + lane)))
  }

  /// Let leaves say where their rows begin in the order of the tree, and how many they are, instead of
  /// their blocks.
  func pointToRows() {
    for leaf in leaves {
      set(
        leaf.node, leaf.lane, first: UInt32(leaf.range.lowerBound), blocks: UInt32(leaf.range.count),
        least: word(leaf.node, 16 + leaf.lane))
    }
  }

  /// Least and greatest value of each column.
  func extremes() -> (least: [Double], greatest: [Double]) {
    var least = [Double](repeating: .infinity, count: width)
    var greatest = [Double](repeating: -.infinity, count: width)
    for column in 0..<width {
      for lane in 0..<8 {
        least[column] = min(least[column], boxes[8 * column + lane])
        greatest[column] = max(greatest[column], boxes[8 * width + 8 * column + lane])
      }
    }
    return (least, greatest)
  }
}
