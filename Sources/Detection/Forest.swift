import Glibc

/// A node as trees are grown and kept. Children are `left` and `left + 1`, counted from the tree's
/// first node, and lie behind their parent.
struct TreeNode: BitwiseCopyable {
  static let leaf = UInt32.max

  /// A centred value goes right when it exceeds this.
  var threshold: Float
  /// The feature; with missing values, feature + featureCount when those go left. In an extended forest
  /// the number of the node's hyperplane. ``leaf`` in a leaf.
  var feature: UInt32
  var left: UInt32
  /// Training rows that came here.
  var count: UInt32
}

/// One term of a hyperplane.
struct Term: BitwiseCopyable {
  var feature: UInt32
  var coefficient: Float
}

/// Grown trees, whatever they will be used for.
struct Forest: Sendable {
  let featureCount: Int
  /// Rows a tree was grown from: what path lengths are normalised by.
  let sampleSize: Int
  let featuresPerTree: Int
  let seed: UInt64
  let ndim: Int
  let takesMissing: Bool
  /// What is taken off each column before all else.
  let centres: [Double]
  /// Where each tree's nodes begin, and the end.
  private(set) var roots: [Int] = [0]
  private(set) var nodes: [TreeNode] = []
  /// ndim for each hyperplane.
  private(set) var terms: [Term] = []

  var treeCount: Int { roots.count - 1 }
  var isExtended: Bool { ndim > 1 }

  /// Columns of keys in a block: with missing values each feature has two, one for either way.
  var keyColumns: Int { takesMissing && !isExtended ? 2 * featureCount : featureCount }

  init(
    featureCount: Int, sampleSize: Int, featuresPerTree: Int, seed: UInt64, ndim: Int,
    takesMissing: Bool, centres: [Double]
  ) {
    self.featureCount = featureCount
    self.sampleSize = sampleSize
    self.featuresPerTree = featuresPerTree
    self.seed = seed
    self.ndim = ndim
    self.takesMissing = takesMissing
    self.centres = centres
  }

  /// Append a tree whose hyperplanes are counted from its first term.
  mutating func append(_ tree: [TreeNode], terms treeTerms: [Term]) {
    let firstPlane = UInt32(terms.count / ndim)
    if isExtended {
      nodes.append(
        contentsOf: tree.lazy.map { node in
          var node = node
          if node.feature != TreeNode.leaf { node.feature += firstPlane }
          return node
        })
      terms.append(contentsOf: treeTerms)
    } else {
      nodes.append(contentsOf: tree)
    }
    roots.append(nodes.count)
  }

  /// Append a tree as a model file holds it: hyperplanes are counted from the forest's first term.
  mutating func append(wholeTree tree: ArraySlice<TreeNode>) {
    nodes.append(contentsOf: tree)
    roots.append(nodes.count)
  }

  mutating func setTerms(_ terms: [Term]) { self.terms = terms }

  mutating func reserve(nodes nodeCount: Int, terms termCount: Int) throws(DetectionError) {
    try nodes.makeRoom(for: nodeCount)
    try terms.makeRoom(for: termCount)
  }
}

/// The mean path length of an unsuccessful search in a binary tree of n rows: equation 1 of the paper.
func averagePathLength(_ rows: Int) -> Double {
  switch rows {
  case ...1: return 0
  case 2: return 1
  default:
    let n = Double(rows)
    return 2 * (log(n - 1) + 0.577215664901532860606512090082) - 2 * (n - 1) / n
  }
}
