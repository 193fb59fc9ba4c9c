extension ForestModel {
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(UInt64(forest.sampleSize))
    writer.write(UInt64(forest.featuresPerTree))
    writer.write(forest.seed)
    writer.write(UInt32(forest.ndim))
    writer.write(UInt32(forest.takesMissing ? 1 : 0))
    writer.write(all: forest.centres)
    writer.write(all: forest.roots.map { UInt64($0) })
    writer.write(all: forest.nodes)
    writer.write(all: forest.terms)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> ForestModel {
    let sampleSize = try reader.readCount("sample size", atLeast: 1, atMost: 1 << 31)
    let featuresPerTree = try reader.readCount(
      "features per tree", atLeast: 1, atMost: featureCount)
    let seed = try reader.read(UInt64.self, "seed")
    let ndim = Int(try reader.read(UInt32.self, "ndim"))
    let missing = try reader.read(UInt32.self, "missing values")
    guard ndim >= 1, ndim <= featureCount, missing <= 1 else {
      throw reader.damaged("ndim is \(ndim), missing values \(missing)")
    }
    let centres = try reader.readAll(Double.self, "centres")
    guard centres.count == featureCount, centres.allSatisfy(\.isFinite) else {
      throw reader.damaged("there must be a finite centre for each of \(featureCount) features")
    }
    let roots = try reader.readAll(UInt64.self, "roots")
    let nodes = try reader.readAll(TreeNode.self, "nodes")
    let terms = try reader.readAll(Term.self, "terms")
    guard roots.count >= 2, roots.count <= 1 << 24, roots.first == 0,
      roots.last == UInt64(nodes.count), nodes.count < 1 << 32
    else { throw reader.damaged("the roots do not span the nodes") }
    let planes = terms.count / ndim
    guard terms.count == (ndim > 1 ? planes * ndim : 0), planes < 1 << 31,
      UInt64(terms.count) < 1 << 32,
      terms.allSatisfy({ Int($0.feature) < featureCount && $0.coefficient.isFinite })
    else { throw reader.damaged("the hyperplanes do not fit the features") }

    var forest = Forest(
      featureCount: featureCount, sampleSize: sampleSize, featuresPerTree: featuresPerTree,
      seed: seed, ndim: ndim, takesMissing: missing == 1, centres: centres)
    try forest.reserve(nodes: nodes.count, terms: 0)
    let features = ndim > 1 ? planes : (missing == 1 ? 2 : 1) * featureCount
    for tree in 0..<(roots.count - 1) {
      guard roots[tree] < roots[tree + 1], roots[tree + 1] <= UInt64(nodes.count) else {
        throw reader.damaged("tree \(tree) begins at \(roots[tree]) and ends at \(roots[tree + 1])")
      }
      let own = nodes[Int(roots[tree])..<Int(roots[tree + 1])]
      for (index, node) in own.enumerated() where node.feature != TreeNode.leaf {
        guard Int(node.feature) < features, node.threshold.isFinite, Int(node.left) > index,
          Int(node.left) + 1 < own.count
        else {
          throw reader.damaged(
            "node \(index) of tree \(tree): feature \(node.feature), threshold \(node.threshold),"
              + " left child \(node.left) of \(own.count) nodes")
        }
        let left = own[own.startIndex + Int(node.left)].count
        let right = own[own.startIndex + Int(node.left) + 1].count
        guard left > 0, right > 0, UInt64(left) + UInt64(right) == UInt64(node.count) else {
          throw reader.damaged(
            "node \(index) of tree \(tree) has \(node.count) rows, its children \(left) and \(right)")
        }
      }
      forest.append(wholeTree: own)
    }
    forest.setTerms(terms)
    return try ForestModel(forest)
  }
}
