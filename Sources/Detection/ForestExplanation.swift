import Glibc

extension ForestModel {
  /// A feature's share: the bits of isolation, log2(n / n') over the splits on a row's way down, each tree
  /// weighted by 1 / path length, scaled so that a row's shares sum to its score. It goes the way of
  /// DIFFI (Carletti, Terzi, Susto 2023): what isolates early, and by uneven splits, explains most.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let chunkRows = 64
    let chunks = (X.rows + chunkRows - 1) / chunkRows
    let threads = max(1, min(call.threads, chunks))
    var scratches: [(block: Buffer<Float>, score: ForestScorer)] = []
    for _ in 0..<threads {
      scratches.append((try Buffer(count: featureCount), try ForestScorer(self)))
    }
    nonisolated(unsafe) let shares = shares
    try forEachChunk(chunks, threads: threads, teller: ProgressTeller(call, "explain")) {
      (chunk, worker) throws(DetectionError) in
      let (block, scorer) = scratches[worker]
      for row in (chunk * chunkRows)..<min((chunk + 1) * chunkRows, X.rows) {
        var score = 0.0
        try scorer.score(X, from: row, rows: 1, into: &score)
        _ = KernelTable.chosen.load(
          X, from: row, rowNumbers: nil, rows: 1, centres: centres.base, block: block.base,
          blockStride: 1)
        explainRow(block.base, score: score, into: shares + row * featureCount)
      }
    }
  }

  private func explainRow(
    _ values: UnsafePointer<Float>, score: Double, into shares: UnsafeMutablePointer<Double>
  ) {
    shares.update(repeating: 0, count: featureCount)
    var total = 0.0
    for tree in 0..<forest.treeCount {
      let pathLength = walk(tree, values) { _, _ in }
      guard pathLength > 0 else { continue }
      _ = walk(tree, values) { feature, bits in
        shares[feature] += bits / pathLength
        total += bits / pathLength
      }
    }
    for feature in 0..<featureCount {
      // Where no tree could split, no feature says more than another.
      shares[feature] =
        total > 0 ? score * (shares[feature] / total) : score / Double(featureCount)
    }
  }

  /// Walk down a tree, telling each split's features and bits. Returns the path length.
  private func walk(
    _ tree: Int, _ values: UnsafePointer<Float>, _ tell: (_ feature: Int, _ bits: Double) -> Void
  ) -> Double {
    let root = forest.roots[tree]
    var index = root
    var level = 0
    while forest.nodes[index].feature != TreeNode.leaf {
      let node = forest.nodes[index]
      let goesRight: Bool
      if forest.isExtended {
        goesRight = projection(node, values) > node.threshold
      } else {
        let missingLeft = Int(node.feature) >= featureCount
        let value = values[Int(node.feature) - (missingLeft ? featureCount : 0)]
        goesRight = value.isNaN ? !missingLeft : value > node.threshold
      }
      let child = root + Int(node.left) + (goesRight ? 1 : 0)
      let bits = log2(Double(node.count) / Double(max(forest.nodes[child].count, 1)))
      if forest.isExtended {
        shareAmongTerms(node, values, bits, tell)
      } else {
        tell(Int(node.feature) % featureCount, bits)
      }
      index = child
      level += 1
    }
    return Double(level) + averagePathLength(Int(forest.nodes[index].count))
  }

  private func projection(_ node: TreeNode, _ values: UnsafePointer<Float>) -> Float {
    var product: Float = 0
    for term in planeTerms(node) { product += term.coefficient * present(values, term) }
    return product
  }

  /// A hyperplane's bits go to its features in proportion to what each adds to the projection.
  private func shareAmongTerms(
    _ node: TreeNode, _ values: UnsafePointer<Float>, _ bits: Double,
    _ tell: (_ feature: Int, _ bits: Double) -> Void
  ) {
    var total = 0.0
    for term in planeTerms(node) {
      total += Double((term.coefficient * present(values, term)).magnitude)
    }
    for term in planeTerms(node) {
      let part =
        total > 0
        ? Double((term.coefficient * present(values, term)).magnitude) / total
        : 1 / Double(forest.ndim)
      tell(Int(term.feature), bits * part)
    }
  }

  private func planeTerms(_ node: TreeNode) -> ArraySlice<Term> {
    let first = Int(node.feature) * forest.ndim
    return forest.terms[first..<(first + forest.ndim)]
  }

  private func present(_ values: UnsafePointer<Float>, _ term: Term) -> Float {
    let value = values[Int(term.feature)]
    return value.isNaN ? 0 : value
  }
}
