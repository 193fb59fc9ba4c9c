import Glibc

/// Draws the rows of one tree: uniformly or in proportion to weights, with or without replacement.
struct RowSampler {
  private let rows: Int
  private let count: Int
  private let replace: Bool
  private let cumulative: [Double]?  // of the weights
  private let weights: UnsafeBufferPointer<Double>?

  /// count is at most `rows`, and without replacement at most the rows that have a weight.
  init(
    rows: Int, count: Int, replace: Bool, weights: UnsafeBufferPointer<Double>?
  ) throws(DetectionError) {
    // What weights need: their cumulative sums, and the keys of all rows.
    if weights != nil { try Memory.require(rows, of: 40) }
    self.rows = rows
    self.replace = replace
    self.weights = weights
    if let weights {
      var sum = 0.0
      cumulative = weights.map { weight in
        sum += weight
        return sum
      }
      self.count = replace ? count : min(count, weights.count { $0 > 0 })
    } else {
      cumulative = nil
      self.count = count
    }
  }

  /// Whether a draw needs to know which rows it has already.
  var rejects: Bool { weights != nil && !replace && count <= rows / 8 }

  /// How many rows a draw gives.
  var drawn: Int { count }

  /// Draw the rows of one tree.
  ///
  /// Without weights and replacement, trees are dealt their rows from a shuffled pack, a new one whenever
  /// it runs out: each tree still has a uniform sample, but no row is in many trees while another is in
  /// none, so that forests of different seeds differ less.
  @_optimize(speed)
  func draw(
    tree: Int, seed: UInt64, _ random: inout Random, into chosen: UnsafeMutablePointer<Int>,
    seen: inout RowSet
  ) {
    if replace {
      for index in 0..<count { chosen[index] = drawOne(&random) }
    } else if let weights {
      drawWeighted(&random, weights, into: chosen, seen: &seen)
    } else {
      let hands = rows / count
      deal(pack: tree / hands, from: tree % hands * count, seed: seed, into: chosen)
    }
  }

  @_optimize(speed)
  private func deal(
    pack: Int, from first: Int, seed: UInt64, into chosen: UnsafeMutablePointer<Int>
  ) {
    guard rows < Permutation.smallest else {
      Permutation(size: rows, seed: seed, stream: ~UInt64(pack))
        .map(from: first, count: count, into: chosen)
      return
    }
    var random = Random(seed: seed, stream: ~UInt64(pack))
    withUnsafeTemporaryAllocation(of: Int.self, capacity: rows) { order in
      for row in 0..<rows { order[row] = row }
      for row in 0..<(first + count) { order.swapAt(row, row + random.below(rows - row)) }
      for index in 0..<count { chosen[index] = order[first + index] }
    }
  }

  /// In proportion to the weights, without replacement: rows that were drawn already are rejected; where
  /// that would take long, the rows of the greatest keys are taken.
  @_optimize(speed)
  private func drawWeighted(
    _ random: inout Random, _ weights: UnsafeBufferPointer<Double>,
    into chosen: UnsafeMutablePointer<Int>, seen: inout RowSet
  ) {
    guard rejects else {
      drawByKeys(&random, weights, into: chosen)
      return
    }
    seen.clear()
    var filled = 0
    var attempts = 0
    while filled < count {
      let row = drawOne(&random)
      attempts += 1
      if seen.insert(row) {
        chosen[filled] = row
        filled += 1
      } else if attempts > 64 * count {
        drawByKeys(&random, weights, into: chosen)
        return
      }
    }
  }

  @_optimize(speed)
  private func drawOne(_ random: inout Random) -> Int {
    guard let cumulative, let total = cumulative.last else { return random.below(rows) }
    let target = random.unit() * total
    // First row whose cumulative weight exceeds the target: never one of weight 0.
    var low = 0
    var high = rows - 1
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] > target { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The rows of the greatest u^(1/weight) (Efraimidis, Spirakis 2006).
  @_optimize(speed)
  private func drawByKeys(
    _ random: inout Random, _ weights: UnsafeBufferPointer<Double>,
    into chosen: UnsafeMutablePointer<Int>
  ) {
    var keyed: [(key: Double, row: Int)] = []
    keyed.reserveCapacity(rows)
    for (row, weight) in weights.enumerated() {
      let unit = random.unit()
      if weight > 0 { keyed.append((log(unit) / weight, row)) }
    }
    keyed.sort { $0.key > $1.key }
    for index in 0..<count { chosen[index] = keyed[index].row }
  }
}

/// The set of rows drawn so far: open addressing, cleared in the time of its size.
struct RowSet {
  private var slots: [Int]
  private let mask: Int

  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    slots = Array(repeating: -1, count: size)
    mask = size - 1
  }

  mutating func clear() {
    slots.withUnsafeMutableBufferPointer { $0.update(repeating: -1) }
  }

  /// Returns whether the row was new.
  @_optimize(speed)
  mutating func insert(_ row: Int) -> Bool {
    slots.withUnsafeMutableBufferPointer { slots in
      var slot =
        Int(truncatingIfNeeded: (UInt64(truncatingIfNeeded: row) &* 0x9e37_79b9_7f4a_7c15) &>> 32)
        & mask
      while slots[slot] >= 0 {
        if slots[slot] == row { return false }
        slot = (slot &+ 1) & mask
      }
      slots[slot] = row
      return true
    }
  }
}
