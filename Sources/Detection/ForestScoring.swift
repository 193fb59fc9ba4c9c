import CKernels
import Glibc

extension ForestModel {
  /// Rows handed to a thread at a time: whole blocks, few enough that all threads end together.
  private func chunkRows(_ rows: Int, threads: Int) -> Int {
    let shift = ForestModel.blockShift(keyColumns: keyColumns)
    let share = min(2048, rows / (16 * threads))
    return max(1, (share + (1 << shift) - 1) >> shift) << shift
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    if X.rows == 1 {
      try scoreRow(X, into: scores)
      return
    }
    let wanted = X.rows * forest.treeCount < 1 << 17 ? 1 : call.threads
    let chunkRows = chunkRows(X.rows, threads: wanted)
    let chunks = (X.rows + chunkRows - 1) / chunkRows
    let threads = max(1, min(wanted, chunks))
    var workers: [ForestScorer] = []
    for _ in 0..<threads { workers.append(try ForestScorer(self)) }
    nonisolated(unsafe) let scores = scores
    try forEachChunk(chunks, threads: threads, teller: ProgressTeller(call, "score")) {
      (chunk, worker) throws(DetectionError) in
      let first = chunk * chunkRows
      try workers[worker].score(
        X, from: first, rows: min(chunkRows, X.rows - first), into: scores + first)
    }
  }

  /// One row, with no memory but the stack's when the forest is an ordinary one.
  private func scoreRow(
    _ X: Matrix, into score: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    guard case .heap(let nodes, let leaves, let depth) = layout, keyColumns <= 1024 else {
      try ForestScorer(self).score(X, from: 0, rows: 1, into: score)
      return
    }
    var failure: DetectionError?
    withUnsafeTemporaryAllocation(of: Float.self, capacity: keyColumns) { row in
      guard let block = row.baseAddress else { return }
      failure = loadKeys(X, from: 0, rows: 1, block: block, stride: 1)
      guard failure == nil else { return }
      let keys = UnsafeRawPointer(block).assumingMemoryBound(to: UInt32.self)
      score[0] = anomalyScore(
        KernelTable.chosen.heapPath(
          keys, ForestModel.blockShift(keyColumns: keyColumns), nodes.base, leaves.base,
          forest.treeCount, depth))
    }
    if let failure { throw failure }
  }

  /// Load rows as keys, columns `stride` apart; the error when a value is not finite.
  func loadKeys(
    _ X: Matrix, from first: Int, rows: Int, block: UnsafeMutablePointer<Float>, stride: Int
  ) -> DetectionError? {
    let kernels = KernelTable.chosen
    let finite = kernels.load(
      X, from: first, rowNumbers: nil, rows: rows, centres: centres.base, block: block,
      blockStride: stride)
    if !finite,
      let error = X.firstNotFinite(
        in: first..<(first + rows), nanAllowed: forest.takesMissing)
    {
      return error
    }
    let count = featureCount * stride
    if forest.isExtended {
      if !finite { for index in 0..<count where block[index].isNaN { block[index] = 0 } }
      return nil
    }
    if forest.takesMissing {
      // The second half is for splits that send missing values left.
      (block + count).update(from: block, count: count)
      kernels.orderKeys(block + count, count, 0)
    }
    kernels.orderKeys(block, count, .max)
    return nil
  }

  /// Equation 2 of the paper, from the sum of the path lengths over the trees, in path units.
  func anomalyScore(_ pathSum: Double) -> Double {
    let mean = ForestModel.pathUnits(averagePathLength(forest.sampleSize))
    let normaliser = Double(mean) * Double(forest.treeCount)
    return exp2(normaliser > 0 ? -pathSum / normaliser : -1)
  }
}

/// Scores block after block on one thread.
final class ForestScorer {
  private let model: ForestModel
  private let shift: Int
  private let block: Buffer<Float>
  private let places: Buffer<UInt32>
  private let partial: Buffer<UInt32>
  private let sums: Buffer<Double>

  init(_ model: ForestModel) throws(DetectionError) {
    self.model = model
    shift = ForestModel.blockShift(keyColumns: model.keyColumns)
    block = try Buffer(count: model.keyColumns << shift)
    places = try Buffer(count: 1 << shift)
    partial = try Buffer(count: 1 << shift)
    sums = try Buffer(count: 1 << shift)
  }

  func score(
    _ X: Matrix, from start: Int, rows: Int, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    var done = 0
    while done < rows {
      let count = min(1 << shift, rows - done)
      if let error = model.loadKeys(
        X, from: start + done, rows: count, block: block.base, stride: 1 << shift)
      {
        throw error
      }
      addPaths(count)
      for row in 0..<count { scores[done + row] = model.anomalyScore(sums[row]) }
      done += count
    }
  }

  private func addPaths(_ rows: Int) {
    let kernels = KernelTable.chosen
    let keys = UnsafeRawPointer(block.base).assumingMemoryBound(to: UInt32.self)
    let trees = model.forest.treeCount
    sums.base.update(repeating: 0, count: rows)
    switch model.layout {
    case .heap(let nodes, let leaves, let depth):
      kernels.addHeapPaths(
        keys, rows, nodes.base, leaves.base, trees, depth, places.base, partial.base, sums.base)
    case .linked(let nodes, let roots):
      kernels.addLinkedPaths(
        keys, rows, nodes.base, roots.base, trees, model.depth, partial.base, sums.base)
    case .hyperplanes(let nodes, let roots, let terms):
      kernels.addHyperplanePaths(
        block.base, rows, nodes.base, roots.base, terms.base, model.forest.ndim, trees, model.depth,
        partial.base, sums.base)
    }
  }
}
