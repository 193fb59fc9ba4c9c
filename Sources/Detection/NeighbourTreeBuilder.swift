import CKernels

/// Divides rows among the leaves of a tree: each part is halved, at the median of the column in which it
/// varies most, until it fits a leaf. Eight parts at a time become the children of one node.
final class NeighbourTreeBuilder {
  /// The children of a node of `subtree`: parts of `order`, or nodes further on.
  struct Node {
    var children: [Child] = []
  }

  enum Child {
    case leaf(Range<Int>)
    case node(subtree: Int, index: Int)
  }

  struct Subtree {
    var nodes: [Node] = []
    var depth = 0
  }

  /// The rows, those of a leaf together.
  let order: Buffer<UInt32>
  /// The root's subtree is the last.
  private(set) var subtrees: [Subtree] = []

  private let X: Matrix
  private let leafRows: Int
  private let keys: Buffer<ck_key>
  private let stopped: Buffer<Int64>
  private let kernels = NeighbourKernels.chosen

  /// Columns that are tried for a median at which not too many rows stand.
  private static let triedColumns = 4

  init(_ X: Matrix, leafRows: Int, call: Call) throws(DetectionError) {
    self.X = X
    self.leafRows = leafRows
    order = try Buffer(count: X.rows, zeroed: false)
    keys = try Buffer(count: X.rows, zeroed: false)
    stopped = try Buffer(count: 1)
    for row in 0..<X.rows { order[row] = UInt32(truncatingIfNeeded: row) }
    // The first eight parts here, each of them by a thread.
    var root = Node()
    let top = ProgressTeller(call.part(0...0.2), "fit")
    let parts = try split(0..<X.rows, teller: top)
    let tasks = parts.filter { $0.count > leafRows }
    var built = [Subtree](repeating: Subtree(), count: tasks.count)
    let teller = ProgressTeller(call.part(0.2...1), "fit")
    var failure: DetectionError?
    built.withUnsafeMutableBufferPointer { built in
      nonisolated(unsafe) let built = built
      do throws(DetectionError) {
        try forEachChunk(tasks.count, threads: call.threads, teller: teller) {
          (task, worker) throws(DetectionError) in
          var subtree = Subtree()
          let patience = worker == 0 ? ProgressTeller(call.part(0.2...0.2), "fit") : nil
          _ = try self.grow(tasks[task], number: task, depth: 1, &subtree, teller: patience)
          built[task] = subtree
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    var task = 0
    for part in parts {
      if part.count > leafRows {
        root.children.append(.node(subtree: task, index: 0))
        task += 1
      } else {
        root.children.append(.leaf(part))
      }
    }
    subtrees = built
    subtrees.append(Subtree(nodes: [root], depth: 1))
  }

  var depth: Int { 1 + (subtrees.map(\.depth).max() ?? 0) }

  private func grow(
    _ range: Range<Int>, number: Int, depth: Int, _ subtree: inout Subtree, teller: ProgressTeller?
  ) throws(DetectionError) -> Int {
    let index = subtree.nodes.count
    subtree.nodes.append(Node())
    subtree.depth = max(subtree.depth, depth)
    var children: [Child] = []
    for part in try split(range, teller: teller) {
      if part.count > leafRows {
        let child = try grow(part, number: number, depth: depth + 1, &subtree, teller: teller)
        children.append(.node(subtree: number, index: child))
      } else {
        children.append(.leaf(part))
      }
    }
    subtree.nodes[index].children = children
    return index
  }

  /// Halve the largest part until there are eight, or all fit a leaf.
  private func split(
    _ range: Range<Int>, teller: ProgressTeller?
  ) throws(DetectionError) -> [Range<Int>] {
    var parts = [range]
    while parts.count < 8 {
      var largest = 0
      for part in parts.indices where parts[part].count > parts[largest].count { largest = part }
      guard parts[largest].count > leafRows else { break }
      let part = parts[largest]
      let middle = try halve(part, teller: teller)
      parts[largest] = part.lowerBound..<middle
      parts.insert(middle..<part.upperBound, at: largest + 1)
    }
    return parts
  }

  private func check(_ teller: ProgressTeller?) throws(DetectionError) {
    if let teller, !teller.tell(0) { ck_store(stopped.base, 1) }
    if ck_load(stopped.base) != 0 { throw .cancelled }
  }

  /// Order the part so that it falls into two, and say where.
  private func halve(
    _ range: Range<Int>, teller: ProgressTeller?
  ) throws(DetectionError) -> Int {
    try check(teller)
    let columns = variedColumns(range)
    // As many whole leaves to the left as to the right.
    let leaves = (range.count + leafRows - 1) / leafRows
    let target =
      range.count > leafRows * 2
      ? leaves / 2 * leafRows : min((range.count / 2 + 7) / 8 * 8, range.count - 1)
    for column in columns {
      try select(range, column: column, rank: target, teller: teller)
      if let middle = boundary(range, target) {
        writeBack(range)
        return range.lowerBound + middle
      }
    }
    // Too many rows are equal there: their row numbers divide them.
    let column = columns.first ?? 0
    if columns.count != 1 { try select(range, column: column, rank: target, teller: teller) }
    writeBack(range)
    return range.lowerBound + target
  }

  private func select(
    _ range: Range<Int>, column: Int, rank: Int, teller: ProgressTeller?
  ) throws(DetectionError) {
    let keys = keys.base + range.lowerBound
    let rows = order.base + range.lowerBound
    let base = X.base + column * X.columnStride
    let stride = X.rowStride
    if X.element == .float64 {
      for index in 0..<range.count {
        let row = rows[index]
        keys[index] = ck_key(
          value: (base + Int(row) * stride).load(as: Double.self), row: row, unused: 0)
      }
    } else {
      for index in 0..<range.count {
        let row = rows[index]
        keys[index] = ck_key(
          value: Double((base + Int(row) * stride).load(as: Float.self)), row: row, unused: 0)
      }
    }
    kernels.selectKeys(keys, range.count, rank) {
      if let teller, !teller.tell(0) { ck_store(self.stopped.base, 1) }
      return ck_load(self.stopped.base) != 0
    }
    try check(nil)
  }

  private func writeBack(_ range: Range<Int>) {
    let keys = keys.base + range.lowerBound
    let rows = order.base + range.lowerBound
    for index in 0..<range.count { rows[index] = keys[index].row }
  }

  /// Where between different values the keys can be divided near `target`; nil when too far away.
  private func boundary(_ range: Range<Int>, _ target: Int) -> Int? {
    let keys = keys.base + range.lowerBound
    let value = keys[target].value
    var before = 0
    for index in 0..<target where keys[index].value == value { before += 1 }
    if before == 0 { return target }
    var behind = 0
    for index in target..<range.count where keys[index].value == value { behind += 1 }
    let least = range.count / 8
    let low = target - before
    let high = target + behind
    let takesLow = low >= least && low > 0
    let takesHigh = range.count - high >= least && high < range.count
    guard takesLow || takesHigh else { return nil }
    if takesLow, !takesHigh || before <= behind {
      // All less than the value first.
      var place = 0
      for index in 0..<target where keys[index].value < value {
        (keys[index], keys[place]) = (keys[place], keys[index])
        place += 1
      }
      return low
    }
    var place = target
    for index in target..<range.count where keys[index].value == value {
      (keys[index], keys[place]) = (keys[place], keys[index])
      place += 1
    }
    return high
  }

  /// The columns with the largest variance among a sample of the rows, the largest first.
  private func variedColumns(_ range: Range<Int>) -> [Int] {
    let taken = min(range.count, 128)
    let step = range.count / taken
    var found: [(variance: Double, column: Int)] = []
    for column in 0..<X.columns {
      let first = X.value(Int(order[range.lowerBound]), column)
      var sum = 0.0
      var squares = 0.0
      for sample in 0..<taken {
        let gap = X.value(Int(order[range.lowerBound + sample * step]), column) - first
        sum += gap
        squares += gap * gap
      }
      let variance = squares - sum * sum / Double(taken)
      guard variance > 0 else { continue }
      var place = found.count
      while place > 0, found[place - 1].variance < variance { place -= 1 }
      guard place < NeighbourTreeBuilder.triedColumns else { continue }
      found.insert((variance, column), at: place)
      if found.count > NeighbourTreeBuilder.triedColumns { found.removeLast() }
    }
    return found.map(\.column)
  }
}
