/// Stacks counted: a tree from the outermost frame inwards, each node a frame in its place.
struct CallTree: Sendable {
  struct Node: Sendable {
    var frame: Int32
    var parent: Int32
    /// Samples that ended here.
    var own: Int64 = 0
  }
  private(set) var nodes: [Node] = [Node(frame: -1, parent: -1)]
  private var children: [UInt64: Int32] = [:]
  static let limit = 1 << 24

  /// Count a stack, outermost frame first.
  mutating func add(_ stack: some Sequence<Int32>, count: Int64 = 1) { add(count, at: place(stack)) }

  mutating func add(_ count: Int64, at node: Int) { nodes[node].own &+= count }

  /// The node at which a stack ends.
  mutating func place(_ stack: some Sequence<Int32>) -> Int {
    var node: Int32 = 0
    for frame in stack {
      let key = UInt64(UInt32(bitPattern: node)) << 32 | UInt64(UInt32(bitPattern: frame))
      if let known = children[key] {
        node = known
      } else {
        guard nodes.count < CallTree.limit else { break }
        let fresh = Int32(nodes.count)
        nodes.append(Node(frame: frame, parent: node))
        children[key] = fresh
        node = fresh
      }
    }
    return Int(node)
  }

  /// Samples in and below each node. Children come after their parents.
  var totals: [Int64] { totals(nodes.map(\.own)) }

  /// The same of other counts of the nodes.
  func totals(_ own: [Int64]) -> [Int64] {
    var totals = own
    for index in nodes.indices.dropFirst().reversed() {
      totals[Int(nodes[index].parent)] += totals[index]
    }
    return totals
  }

  /// The frames from the outermost to this node's.
  func path(_ index: Int) -> [Int32] {
    var path: [Int32] = []
    var node = index
    while node > 0 {
      path.append(nodes[node].frame)
      node = Int(nodes[node].parent)
    }
    return path.reversed()
  }
}

/// Frames by number.
struct FrameTable: Sendable {
  private(set) var frames: [Frame] = []
  private var numbers: [Frame: Int32] = [:]

  mutating func number(_ frame: Frame) -> Int32 {
    if let known = numbers[frame] { return known }
    let number = Int32(clamping: frames.count)
    frames.append(frame)
    numbers[frame] = number
    return number
  }
}
