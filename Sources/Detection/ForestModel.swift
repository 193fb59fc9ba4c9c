import CKernels
import Kernels

/// A fitted forest, laid out for scoring.
final class ForestModel: Model {
  let forest: Forest
  /// The depth of the deepest leaf.
  let depth: Int
  let centres: Buffer<Double>
  let layout: Layout

  /// How the trees lie in memory for scoring.
  enum Layout {
    /// Complete trees in heap order, all of the same depth.
    case heap(nodes: Buffer<ck_heap_node>, leaves: Buffer<UInt32>, depth: Int)
    /// Trees as they grew.
    case linked(nodes: Buffer<ck_linked_node>, roots: Buffer<Int>)
    /// Trees of hyperplanes, as they grew.
    case hyperplanes(nodes: Buffer<ck_linked_node>, roots: Buffer<Int>, terms: Buffer<ck_term>)
  }

  /// Path lengths are counted in millionths (2^-20): sums of whole numbers are the same in any order,
  /// and rows that no tree can tell apart score 0.5 to the bit.
  static func pathUnits(_ length: Double) -> UInt32 {
    UInt32(min((length * 0x1p20).rounded(), 0x1p27 - 1))
  }

  var featureCount: Int { forest.featureCount }
  let naturalThreshold = 0.5

  var fitted: [(name: String, value: Double)] {
    [
      ("max_samples", Double(forest.sampleSize)),
      ("n_estimators", Double(forest.treeCount)),
      ("random_state", Double(forest.seed)),
      ("max_features", Double(forest.featuresPerTree)),
      ("node_count", Double(forest.nodes.count)),
    ]
  }

  init(_ forest: Forest) throws(DetectionError) {
    self.forest = forest
    try Memory.require(forest.nodes.count, of: 4)
    let depths = ForestModel.depths(forest)
    depth = Int(depths.max() ?? 0)
    centres = try Buffer(count: forest.featureCount)
    for (index, centre) in forest.centres.enumerated() { centres[index] = centre }
    layout = try ForestModel.layout(forest, depths: depths, depth: depth)
  }

  var keyColumns: Int { forest.keyColumns }

  /// Rows in a block: a power of two, so many that the keys stay in the first cache.
  static func blockShift(keyColumns: Int) -> Int {
    var shift = 8
    while shift > 5, keyColumns << (shift + 2) > 24 << 10 { shift -= 1 }
    return shift
  }

  /// The depth of every node.
  private static func depths(_ forest: Forest) -> [UInt32] {
    var depths = [UInt32](repeating: 0, count: forest.nodes.count)
    for tree in 0..<forest.treeCount {
      let root = forest.roots[tree]
      for index in root..<forest.roots[tree + 1] where forest.nodes[index].feature != TreeNode.leaf {
        let child = root + Int(forest.nodes[index].left)
        depths[child] = depths[index] + 1
        depths[child + 1] = depths[index] + 1
      }
    }
    return depths
  }

  private static func layout(
    _ forest: Forest, depths: [UInt32], depth: Int
  ) throws(DetectionError) -> Layout {
    let shift = blockShift(keyColumns: forest.keyColumns)
    let heapDepth = max(depth, 3)
    if !forest.isExtended, heapDepth <= 10,
      forest.treeCount << heapDepth <= 16 * forest.nodes.count + (1 << 16)
    {
      return try heapLayout(forest, depth: heapDepth, shift: shift)
    }
    let nodes = try Buffer<ck_linked_node>(count: forest.nodes.count)
    for tree in 0..<forest.treeCount {
      let root = forest.roots[tree]
      for index in root..<forest.roots[tree + 1] {
        let node = forest.nodes[index]
        guard node.feature != TreeNode.leaf else {
          nodes[index] = ck_linked_node(
            threshold: forest.isExtended ? Float.infinity.bitPattern : .max, column: 0,
            left: UInt32(index - root),
            leaf: pathUnits(Double(depths[index]) + averagePathLength(Int(node.count))))
          continue
        }
        nodes[index] =
          forest.isExtended
          ? ck_linked_node(
            threshold: node.threshold.bitPattern, column: node.feature * UInt32(forest.ndim),
            left: node.left, leaf: 0)
          : ck_linked_node(
            threshold: orderedKey(node.threshold), column: node.feature << UInt32(shift),
            left: node.left, leaf: 0)
      }
    }
    let roots = try Buffer<Int>(count: forest.roots.count)
    for (index, root) in forest.roots.enumerated() { roots[index] = root }
    guard forest.isExtended else { return .linked(nodes: nodes, roots: roots) }
    let terms = try Buffer<ck_term>(count: forest.terms.count)
    for (index, term) in forest.terms.enumerated() {
      terms[index] = ck_term(
        column: term.feature << UInt32(shift), coefficient: term.coefficient)
    }
    return .hyperplanes(nodes: nodes, roots: roots, terms: terms)
  }

  /// Pad every tree to a complete one: below a leaf all rows stay left, to places that all hold its path
  /// length.
  private static func heapLayout(
    _ forest: Forest, depth: Int, shift: Int
  ) throws(DetectionError) -> Layout {
    let size = 1 << depth
    let nodes = try Buffer<ck_heap_node>(count: forest.treeCount * size, zeroed: false)
    let leaves = try Buffer<UInt32>(count: forest.treeCount * size, zeroed: false)
    let padding = ck_heap_node(threshold: .max, column: 0)
    let lengths = (0...256).map { averagePathLength($0) }
    var pending: [(node: Int, place: Int, level: Int)] = []
    for tree in 0..<forest.treeCount {
      let heap = nodes.base + tree * size
      let leaf = leaves.base + tree * size
      pending.append((forest.roots[tree], 1, 0))
      while let (index, place, level) = pending.popLast() {
        let node = forest.nodes[index]
        if node.feature != TreeNode.leaf {
          heap[place] = ck_heap_node(
            threshold: orderedKey(node.threshold), column: node.feature << UInt32(shift))
          let child = forest.roots[tree] + Int(node.left)
          pending.append((child, 2 * place, level + 1))
          pending.append((child + 1, 2 * place + 1, level + 1))
          continue
        }
        for below in 0..<(depth - level) {
          (heap + (place << below)).update(repeating: padding, count: 1 << below)
        }
        let count = Int(node.count)
        let path =
          Double(level) + (count < lengths.count ? lengths[count] : averagePathLength(count))
        (leaf + ((place << (depth - level)) - size)).update(
          repeating: pathUnits(path), count: 1 << (depth - level))
      }
    }
    return .heap(nodes: nodes, leaves: leaves, depth: depth)
  }
}
