extension HingeDescent {
  /// Epochs that must bring less than the tolerance: scikit-learn's 5; with a feature map so many as hold
  /// 32,768 rows, since more rows need fewer of them.
  private func patience(_ rows: Int) -> Int {
    map.kind == .identity ? 5 : max(1, min(5, (32767 + rows) / rows))
  }

  /// Features are kept from one epoch to the next where they need no more memory than this.
  private static let mostKeptBytes = 64 << 20

  /// Rows that are mapped at a time: some hundred kB of features, which stay in the cache until learnt.
  private var blockRows: Int { max(64, min(1024, (1 << 16) / map.width & ~63)) }

  /// Go over the rows until the objective stops falling.
  func run(_ training: Training, _ call: Call) throws(DetectionError) {
    let rows = training.X.rows
    let block = min(blockRows, (rows + 3) & ~3)
    let work = rows.multipliedReportingOverflow(by: map.width * (map.kind == .identity ? 1 : 8))
    let blocks = (rows + block - 1) / block
    let threads = work.partialValue < 1 << 19 && !work.overflow ? 1 : max(1, min(call.threads, blocks))
    var workers: [Worker] = []
    for _ in 0..<threads { workers.append(try Worker(map, rows: block)) }
    let watch = try Watch(call, "fit")
    let kept = try keptFeatures(rows)
    var best = Double.infinity
    var stale = 0
    for epoch in 0..<plan.epochs {
      objective = 0
      let order = try RowOrder(rows, plan.shuffles ? plan.seed : nil, epoch: state.epochs)
      try pass(training, order, block, workers, watch, kept, epoch)
      let value = objective / Double(rows)
      count(epoch: value)
      guard isFinite, value.isFinite else {
        throw DetectionError(
          .invalidData,
          "the descent left the range of numbers in epoch \(epoch + 1); scale the columns, or lower eta0")
      }
      guard let tolerance = plan.tolerance else { continue }
      stale = value > best - tolerance ? stale + 1 : 0
      best = min(best, value)
      guard stale >= patience(rows) else { continue }
      guard plan.rate == .adaptive, rate > 1e-6 else { break }
      rate /= 5
      stale = 0
    }
  }

  private func keptFeatures(_ rows: Int) throws(DetectionError) -> Buffer<Float>? {
    let (size, overflow) = rows.multipliedReportingOverflow(by: 4 * map.width)
    guard map.kind != .identity, plan.epochs > 1, !overflow, size <= HingeDescent.mostKeptBytes else {
      return nil
    }
    return try Buffer(count: size / 4, zeroed: false)
  }

  /// Keep the features of a block's rows, or take those kept.
  private func keep(_ worker: Worker, _ count: Int, in kept: Buffer<Float>, back: Bool) {
    for place in 0..<count {
      let own = worker.scratch.floats.base + place * map.width
      let other = kept.base + worker.rowNumbers[place] * map.width
      (back ? own : other).update(from: back ? other : own, count: map.width)
    }
  }

  /// What one thread works with.
  private final class Worker: @unchecked Sendable {
    let scratch: FeatureMap.Scratch
    let rowNumbers: Buffer<Int>

    init(_ map: FeatureMap, rows: Int) throws(DetectionError) {
      scratch = try FeatureMap.Scratch(map, rows: rows)
      rowNumbers = try Buffer(count: rows)
    }
  }

  /// One epoch: blocks of rows are mapped side by side, and learnt one after another.
  private func pass(
    _ training: Training, _ order: RowOrder, _ block: Int, _ workers: [Worker], _ watch: Watch,
    _ kept: Buffer<Float>?, _ epoch: Int
  ) throws(DetectionError) {
    let rows = training.X.rows
    let turns = Turns()
    try forEachChunk((rows + block - 1) / block, threads: workers.count, teller: nil) {
      (chunk, number) throws(DetectionError) in
      let worker = workers[number]
      let first = chunk * block
      let count = min(block, rows - first)
      order.fill(worker.rowNumbers.base, from: first, count: count)
      do throws(DetectionError) {
        if let kept, epoch > 0 {
          self.keep(worker, count, in: kept, back: true)
        } else {
          try self.map.load(
            training.X, from: 0, rowNumbers: worker.rowNumbers.base, rows: count, worker.scratch)
          if let kept { self.keep(worker, count, in: kept, back: false) }
        }
        // Nobody knows how many epochs there will be: most often about ten.
        let done = Double(epoch) + Double(first) / Double(rows)
        try watch.check(number, done / (done + 10))
      } catch {
        turns.fail()
        throw error
      }
      guard turns.wait(for: chunk) else { return }
      self.learn(
        worker.scratch, count,
        weights: training.weights.map { ($0, UnsafePointer(worker.rowNumbers.base)) })
      turns.pass()
    }
  }
}

/// The order of the rows in one epoch.
private struct RowOrder {
  private let permutation: Permutation?
  private let table: Buffer<Int>?

  /// seed: nil to go through them as they lie.
  init(_ rows: Int, _ seed: UInt64?, epoch: Int) throws(DetectionError) {
    guard let seed else {
      (permutation, table) = (nil, nil)
      return
    }
    let stream = UInt64(truncatingIfNeeded: epoch) &+ 2
    guard rows < Permutation.smallest else {
      permutation = Permutation(size: rows, seed: seed, stream: stream)
      table = nil
      return
    }
    let table = try Buffer<Int>(count: rows)
    for row in 0..<rows { table[row] = row }
    var random = Random(seed: seed, stream: stream)
    for row in stride(from: rows - 1, to: 0, by: -1) {
      let other = random.below(row + 1)
      (table[row], table[other]) = (table[other], table[row])
    }
    (permutation, self.table) = (nil, table)
  }

  func fill(_ target: UnsafeMutablePointer<Int>, from first: Int, count: Int) {
    if let permutation {
      permutation.map(from: first, count: count, into: target)
    } else {
      for place in 0..<count { target[place] = table.map { $0[first + place] } ?? first + place }
    }
  }
}
