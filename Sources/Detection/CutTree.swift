import CKernels

/// A random cut tree in flat arrays. Every entry is a row that the tree holds; equal rows share a leaf.
final class CutTree: @unchecked Sendable {
  /// Doubles of a point: its values, and zeros up to a multiple of 4.
  let width: Int
  /// Random numbers begin anew for each row; this counts them.
  var draws: Int
  /// The next row of a stream that the tree will hold.
  var nextHeld = 0
  /// The entry that a sliding window drops next.
  var oldestEntry = 0

  private(set) var entryCount = 0
  private(set) var leafCount = 0
  var nodeCount: Int { max(leafCount - 1, 0) }
  private(set) var root: Int32 = 0

  private var room = 0
  private var entryRoom = 0
  private(set) var nodes: Buffer<ck_cut_node>?
  private(set) var boxes: Buffer<Double>?
  private(set) var points: Buffer<Double>?
  private(set) var counts: Buffer<Int32>?
  private var parents: Buffer<Int32>?
  private var entryLeaves: Buffer<Int32>?
  private var keys: Buffer<Double>?
  /// Places of leaves and nodes that were used and are not.
  private var freeLeaves: [Int32] = []
  private var freeNodes: [Int32] = []
  private var usedLeaves = 0
  private var usedNodes = 0

  init(columns: Int, draws: Int = 0) {
    width = max(4, (columns + 3) & ~3)
    self.draws = draws
  }

  // -------------------------------------------------------------------------------- memory

  /// Make room for so many leaves and entries; grows by doubling up to `most`.
  func makeRoom(leaves: Int, entries: Int, atMost most: Int) throws(DetectionError) {
    if leaves > room {
      let wanted = min(most, max(leaves, 2 * room))
      let (cells, overflow) = wanted.multipliedReportingOverflow(by: 2 * width)
      guard !overflow, wanted < 1 << 30 else { throw .outOfMemory(bytes: Int.max) }
      nodes = try grown(nodes, to: wanted, from: usedNodes)
      boxes = try grown(boxes, to: cells, from: 2 * width * usedNodes)
      points = try grown(points, to: cells / 2, from: width * usedLeaves)
      counts = try grown(counts, to: wanted, from: usedLeaves)
      parents = try grown(parents, to: wanted, from: usedLeaves)
      try freeLeaves.makeRoom(for: wanted)
      try freeNodes.makeRoom(for: wanted)
      room = wanted
    }
    if entries > entryRoom {
      let wanted = min(most, max(entries, 2 * entryRoom))
      entryLeaves = try grown(entryLeaves, to: wanted, from: entryCount)
      keys = try grown(keys, to: wanted, from: entryCount)
      entryRoom = wanted
    }
  }

  private func grown<Element: BitwiseCopyable>(
    _ buffer: Buffer<Element>?, to count: Int, from kept: Int
  ) throws(DetectionError) -> Buffer<Element> {
    if let buffer { return try buffer.copy(room: count, kept: kept) }
    return try Buffer(count: count, zeroed: false)
  }

  /// A tree of its own with the same rows, and room for so many.
  func copy(room rows: Int, atMost most: Int) throws(DetectionError) -> CutTree {
    let tree = CutTree(columns: width, draws: draws)
    tree.nextHeld = nextHeld
    tree.oldestEntry = oldestEntry
    tree.entryCount = entryCount
    tree.leafCount = leafCount
    tree.root = root
    tree.freeLeaves = freeLeaves
    tree.freeNodes = freeNodes
    tree.usedLeaves = usedLeaves
    tree.usedNodes = usedNodes
    (tree.nodes, tree.boxes, tree.points, tree.counts) = (nodes, boxes, points, counts)
    (tree.parents, tree.entryLeaves, tree.keys) = (parents, entryLeaves, keys)
    try tree.makeRoom(
      leaves: max(rows, room), entries: max(rows, entryRoom), atMost: max(most, room))
    return tree
  }

  // ------------------------------------------------------------------------------- entries

  func key(of entry: Int) -> Double { keys.map { $0[entry] } ?? 0 }

  func setKey(of entry: Int, _ key: Double) { keys?[entry] = key }

  /// The entries, that with the greatest key first, as long as the tree is given no more room.
  func heapOfKeys() throws(DetectionError) -> IndexHeap? {
    guard let keys else { return nil }
    return try IndexHeap(keys.base, count: entryCount)
  }

  func leaf(of entry: Int) -> Int { entryLeaves.map { Int($0[entry]) } ?? 0 }

  // ------------------------------------------------------------------------------- scoring

  func addDisplacements(
    _ tile: UnsafePointer<Double>, stride: Int, rows: Int, into scores: UnsafeMutablePointer<Double>
  ) {
    guard leafCount > 0, let nodes, let boxes, let points, let counts else { return }
    StreamKernels.chosen.addDisplacements(
      tile, stride, rows, width, root, nodes.base, boxes.base, points.base, counts.base, scores)
  }

  func addShares(
    _ row: UnsafePointer<Double>, columns: Int, into shares: UnsafeMutablePointer<Double>
  ) {
    guard leafCount > 0, let nodes, let boxes, let points, let counts else { return }
    StreamKernels.chosen.addDisplacementShares(
      row, width, columns, root, nodes.base, boxes.base, points.base, counts.base, shares)
  }

  // ------------------------------------------------------------------- inserting, deleting

  /// Insert a row as that entry, whose earlier row has been deleted, or as the next new one. There must be room.
  @_optimize(speed)
  func insert(_ row: UnsafePointer<Double>, as entry: Int, _ random: inout Random) {
    guard let nodes, let boxes, let points, let counts, let parents, let entryLeaves else { return }
    let kernels = StreamKernels.chosen
    entryCount = max(entryCount, entry + 1)
    guard leafCount > 0 else {
      let leaf = newLeaf(row, points, counts)
      parents[Int(leaf)] = -1
      root = ~leaf
      entryLeaves[entry] = leaf
      return
    }
    var place = root
    var above: Int32 = -1
    var isLeft = false
    while place >= 0 {
      let node = nodes.base + Int(place)
      let box = boxes.base + 2 * width * Int(place)
      let growth = kernels.boxGrowth(row, box, width)
      if growth > 0,
        let cut = RandomCut(
          row, low: box, high: box + width, width, growth, node.pointee.length, &random)
      {
        split(place, count: node.pointee.count, cut, row, entry, above, isLeft)
        return
      }
      if growth > 0 { node.pointee.length = kernels.widenBox(row, box, width) }
      above = place
      isLeft = row[Int(node.pointee.feature)] <= node.pointee.cut
      node.pointee.count += 1
      if isLeft { node.pointee.left_count += 1 }
      place = isLeft ? node.pointee.left : node.pointee.right
    }
    let leaf = Int(~place)
    let point = points.base + leaf * width
    if kernels.areSame(row, point, width) {
      counts[leaf] += 1
      entryLeaves[entry] = Int32(leaf)
      return
    }
    var distance = 0.0
    for index in 0..<width { distance += (row[index] - point[index]).magnitude }
    if let cut = RandomCut(row, low: point, high: point, width, distance, 0, &random) {
      split(place, count: counts[leaf], cut, row, entry, above, isLeft)
    } else {
      // The processor takes so small a difference for none.
      counts[leaf] += 1
      entryLeaves[entry] = Int32(leaf)
    }
  }

  /// Part a row from what is at `place` by a node above both.
  @_optimize(speed)
  private func split(
    _ place: Int32, count: Int32, _ cut: RandomCut, _ row: UnsafePointer<Double>, _ entry: Int,
    _ above: Int32, _ isLeft: Bool
  ) {
    guard let nodes, let boxes, let points, let counts, let parents, let entryLeaves else { return }
    let leaf = newLeaf(row, points, counts)
    let new = newNode()
    nodes[Int(new)] = ck_cut_node(
      cut: cut.value, length: 0, feature: Int32(cut.feature), left: cut.isRowLeft ? ~leaf : place,
      right: cut.isRowLeft ? place : ~leaf, parent: above, count: count + 1,
      left_count: cut.isRowLeft ? 1 : count)
    parents[Int(leaf)] = new
    setParent(of: place, new, nodes, parents)
    if above < 0 {
      root = new
    } else if isLeft {
      nodes.base[Int(above)].left = new
    } else {
      nodes.base[Int(above)].right = new
    }
    entryLeaves[entry] = leaf
    join(Int(new), nodes, boxes, points)
  }

  /// Take an entry's row out of the tree. The entry stays, for another row.
  @_optimize(speed)
  func delete(_ entry: Int) {
    guard let nodes, let boxes, let points, let counts, let parents, let entryLeaves else { return }
    let leaf = entryLeaves[entry]
    let point = points.base + Int(leaf) * width
    var above = parents[Int(leaf)]
    var from = ~leaf
    counts[Int(leaf)] -= 1
    var isBoxKnown = true
    if counts[Int(leaf)] == 0 {
      freeLeaves.append(leaf)
      leafCount -= 1
      guard above >= 0 else { return }
      // The node above goes, too; the other side takes its place.
      let gone = nodes[Int(above)]
      let other = gone.left == ~leaf ? gone.right : gone.left
      setParent(of: other, gone.parent, nodes, parents)
      freeNodes.append(above)
      if gone.parent < 0 {
        root = other
      } else if nodes[Int(gone.parent)].left == above {
        nodes.base[Int(gone.parent)].left = other
      } else {
        nodes.base[Int(gone.parent)].right = other
      }
      from = other
      above = gone.parent
      isBoxKnown = false
    }
    while above >= 0 {
      let node = nodes.base + Int(above)
      node.pointee.count -= 1
      if node.pointee.left == from { node.pointee.left_count -= 1 }
      // A box that the row does not touch is as it was, and so are those around it.
      if !isBoxKnown {
        let box = boxes.base + 2 * width * Int(above)
        if touches(point, box) { join(Int(above), nodes, boxes, points) } else { isBoxKnown = true }
      }
      from = above
      above = node.pointee.parent
    }
  }

  private func touches(_ point: UnsafePointer<Double>, _ box: UnsafePointer<Double>) -> Bool {
    for index in 0..<width where point[index] == box[index] || point[index] == box[width + index] {
      return true
    }
    return false
  }

  /// Make a node's box of its children's.
  @_optimize(speed)
  private func join(
    _ node: Int, _ nodes: Buffer<ck_cut_node>, _ boxes: Buffer<Double>, _ points: Buffer<Double>
  ) {
    let (lowA, highA) = corners(nodes[node].left, boxes, points)
    let (lowB, highB) = corners(nodes[node].right, boxes, points)
    nodes.base[node].length = StreamKernels.chosen.joinBoxes(
      lowA, highA, lowB, highB, width, boxes.base + 2 * width * node)
  }

  private func corners(
    _ place: Int32, _ boxes: Buffer<Double>, _ points: Buffer<Double>
  ) -> (UnsafePointer<Double>, UnsafePointer<Double>) {
    if place < 0 {
      let point = UnsafePointer(points.base + Int(~place) * width)
      return (point, point)
    }
    let box = UnsafePointer(boxes.base + 2 * width * Int(place))
    return (box, box + width)
  }

  private func setParent(
    of place: Int32, _ parent: Int32, _ nodes: Buffer<ck_cut_node>, _ parents: Buffer<Int32>
  ) {
    if place < 0 { parents[Int(~place)] = parent } else { nodes.base[Int(place)].parent = parent }
  }

  private func newLeaf(
    _ row: UnsafePointer<Double>, _ points: Buffer<Double>, _ counts: Buffer<Int32>
  ) -> Int32 {
    let leaf = freeLeaves.popLast() ?? Int32(usedLeaves)
    usedLeaves = max(usedLeaves, Int(leaf) + 1)
    leafCount += 1
    (points.base + Int(leaf) * width).update(from: row, count: width)
    counts[Int(leaf)] = 1
    return leaf
  }

  private func newNode() -> Int32 {
    let node = freeNodes.popLast() ?? Int32(usedNodes)
    usedNodes = max(usedNodes, Int(node) + 1)
    return node
  }

  // ------------------------------------------------------------------------------- reading

  /// Become the tree of these nodes, in preorder: features[i] < 0 is a leaf. Points are those of the leaves in
  /// that order, `columns` values each. Returns what does not fit, if anything.
  @_optimize(speed)
  func rebuild(
    features: Buffer<Int32>, cuts: Buffer<Double>, values: Buffer<Double>, columns: Int,
    entries: Buffer<UInt32>, keys given: Buffer<Double>?
  ) throws(DetectionError) -> String? {
    let leaves = cuts.count + 1
    try makeRoom(leaves: leaves, entries: entries.count, atMost: max(leaves, entries.count))
    guard let nodes, let boxes, let points, let counts, let parents, let entryLeaves, let keys
    else { return "has no leaf" }
    for leaf in 0..<leaves {
      counts[leaf] = 0
      let point = points.base + leaf * width
      point.update(from: values.base + leaf * columns, count: columns)
      for index in columns..<width { point[index] = 0 }
      for index in 0..<columns where !point[index].isFinite { return "has a value that is not finite" }
    }
    for entry in 0..<entries.count {
      guard Int(entries[entry]) < leaves else { return "has no leaf \(entries[entry])" }
      entryLeaves[entry] = Int32(entries[entry])
      keys[entry] = given.map { $0[entry] } ?? 0
      counts[Int(entries[entry])] += 1
    }
    for leaf in 0..<leaves where counts[leaf] == 0 { return "has a leaf \(leaf) without rows" }
    // Nodes that wait for their right child, in the order of the way down.
    let open = try Buffer<Int32>(count: leaves, zeroed: false)
    var depth = 0
    var (node, leaf) = (0, 0)
    var (above, isLeft) = (Int32(-1), false)
    for index in 0..<features.count {
      let feature = features[index]
      let place = feature < 0 ? ~Int32(leaf) : Int32(node)
      guard feature < 0 ? leaf < leaves : node < cuts.count, Int(feature) < columns,
        index == 0 || above >= 0
      else { return "has nodes that are no tree" }
      if above < 0 {
        root = place
      } else if isLeft {
        nodes.base[Int(above)].left = place
      } else {
        nodes.base[Int(above)].right = place
      }
      if feature >= 0 {
        nodes[node] = ck_cut_node(
          cut: cuts[node], length: 0, feature: feature, left: 0, right: 0, parent: above, count: 0,
          left_count: 0)
        open[depth] = Int32(node)
        depth += 1
        (above, isLeft) = (Int32(node), true)
        node += 1
        continue
      }
      parents[leaf] = above
      leaf += 1
      depth -= 1
      (above, isLeft) = (depth >= 0 ? open[depth] : -1, false)
    }
    guard leaf == leaves, node == cuts.count, above < 0 else { return "has nodes that are no tree" }
    // Children stand behind their parents.
    for index in stride(from: node - 1, through: 0, by: -1) {
      let own = nodes.base + index
      let left = rows(at: own.pointee.left, nodes, counts)
      own.pointee.left_count = left
      own.pointee.count = left + rows(at: own.pointee.right, nodes, counts)
      join(index, nodes, boxes, points)
      let feature = Int(own.pointee.feature)
      guard corners(own.pointee.left, boxes, points).1[feature] <= own.pointee.cut,
        own.pointee.cut < corners(own.pointee.right, boxes, points).0[feature]
      else { return "has a node \(index) whose cut does not part its rows" }
    }
    leafCount = leaves
    usedLeaves = leaves
    usedNodes = node
    entryCount = entries.count
    return nil
  }

  private func rows(
    at place: Int32, _ nodes: Buffer<ck_cut_node>, _ counts: Buffer<Int32>
  ) -> Int32 {
    place < 0 ? counts[Int(~place)] : nodes[Int(place)].count
  }
}
