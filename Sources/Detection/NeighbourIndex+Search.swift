import CKernels

/// The nearest rows of one query, the nearest first.
struct Neighbourhood {
  /// A row of X, or among own rows a slot.
  let target: Int
  /// As the metric compares it.
  let query: UnsafePointer<Double>
  let distances: UnsafePointer<Double>
  let slots: UnsafePointer<UInt32>
  let count: Int
}

extension NeighbourIndex {
  typealias Visit = (Neighbourhood) -> Void

  /// The k nearest of every row of the index, itself left out.
  func searchOwnRows(
    k: Int, stage: StaticString, call: Call, visit: Visit
  ) throws(DetectionError) {
    let chunk = chunkQueries(k, of: slotCount)
    let chunks = (slotCount + chunk - 1) / chunk
    let threads = max(1, min(call.threads, chunks))
    var searchers: [NeighbourSearcher] = []
    for _ in 0..<threads {
      searchers.append(try NeighbourSearcher(self, k: k, queries: chunk, dropsSelf: false, ownRows: true))
    }
    try forEachChunk(chunks, threads: threads, teller: ProgressTeller(call, stage)) {
      (number, worker) throws(DetectionError) in
      let searcher = searchers[worker]
      searcher.begin()
      for slot in (number * chunk)..<min((number + 1) * chunk, self.slotCount)
      where self.rowOf[slot] != NeighbourIndex.noRow {
        self.copy(slot: slot, to: searcher.nextQuery)
        searcher.add(target: slot, near: slot, excluded: UInt32(slot))
      }
      searcher.search(visit)
    }
  }

  /// The k nearest rows of the index for every row of X. With `dropsSelf` a row at no distance counts
  /// as the row of X itself, and one such is left out.
  func search(
    _ X: Matrix, k: Int, dropsSelf: Bool, stage: StaticString, call: Call, visit: Visit
  ) throws(DetectionError) {
    if !X.isFinite, let error = X.firstNotFinite(nanAllowed: false) { throw error }
    let chunk = chunkQueries(k, of: X.rows)
    let chunks = (X.rows + chunk - 1) / chunk
    let threads = max(1, min(call.threads, chunks))
    var searchers: [NeighbourSearcher] = []
    for _ in 0..<threads {
      searchers.append(try NeighbourSearcher(self, k: k, queries: chunk, dropsSelf: dropsSelf))
    }
    let limit = metric == .cosine ? .infinity : metric.valueLimit(columns: width)
    let load = { (row: Int, query: UnsafeMutablePointer<Double>) throws(DetectionError) in
      try self.load(X, row, limit: limit, to: query)
    }
    // Rows that are near each other in the tree one after another: what they look at is in the cache.
    let order =
      X.rows < 512
      ? nil : try TreeOrder(self, rows: X.rows, searchers: searchers, call: call.part(0...0.1), load)
    try forEachChunk(
      chunks, threads: threads,
      teller: ProgressTeller(order == nil ? call : call.part(0.1...1), stage)
    ) { (number, worker) throws(DetectionError) in
      let searcher = searchers[worker]
      searcher.begin()
      for place in (number * chunk)..<min((number + 1) * chunk, X.rows) {
        let row = order.map { Int($0.order[place]) } ?? place
        try load(row, searcher.nextQuery)
        let near = self.dense == nil ? 0 : order.map { Int($0.near[row]) } ?? searcher.locateNext()
        searcher.add(target: row, near: near, excluded: NeighbourIndex.noRow)
      }
      searcher.search(visit)
    }
  }

  /// Write a row as it is compared.
  @_optimize(speed) @inline(__always)
  private func load(
    _ X: Matrix, _ row: Int, limit: Double, to query: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let start = X.start(ofRow: row)
    let columns = X.columns
    let step = X.columnStride
    var largest = 0.0
    if X.element == .float64 {
      for column in 0..<columns {
        let value = (start + column * step).load(as: Double.self)
        query[column] = value
        largest = max(largest, value.magnitude)
      }
    } else {
      for column in 0..<columns {
        let value = Double((start + column * step).load(as: Float.self))
        query[column] = value
        largest = max(largest, value.magnitude)
      }
    }
    guard largest > limit else {
      metric.prepare(query, columns: columns)
      return
    }
    for column in 0..<columns where query[column].magnitude > limit {
      throw NeighbourIndex.tooLarge(X, row, column, limit)
    }
  }

  /// Queries that are handed to a thread at a time: so few that a chunk takes some hundredths of a second.
  private func chunkQueries(_ k: Int, of queries: Int) -> Int {
    let most = 96
    let work = max(1, rowCount / (dense == nil && !scansBlocks ? 8 : 1)) * width
    let fair = (queries / 16 + 5) / 6 * 6
    if dense == nil { return max(1, min(most, max(8, fair), 400_000_000 / work)) }
    return max(6, min(most, fair, 400_000_000 / work / 6 * 6))
  }
}

/// Rows in the order of the leaves that are nearest to them.
private final class TreeOrder {
  let order: Buffer<UInt32>
  /// For each row what ``locate`` says.
  let near: Buffer<UInt32>

  init(
    _ index: NeighbourIndex, rows: Int, searchers: [NeighbourSearcher], call: Call,
    _ load: (Int, UnsafeMutablePointer<Double>) throws(DetectionError) -> Void
  ) throws(DetectionError) {
    guard rows < UInt32.max else {
      throw DetectionError(
        .invalidData, "\(rows) rows are too many for a neighbour search; allowed are less than 2^32 - 1")
    }
    near = try Buffer(count: rows, zeroed: false)
    order = try Buffer(count: rows, zeroed: false)
    let places = try Buffer<UInt32>(count: index.slotCount + 2)
    let chunk = max(1, min(1024, 1 << 20 / index.width))
    try forEachChunk(
      (rows + chunk - 1) / chunk, threads: searchers.count, teller: ProgressTeller(call, "score")
    ) { (number, worker) throws(DetectionError) in
      let searcher = searchers[worker]
      searcher.begin()
      for row in (number * chunk)..<min((number + 1) * chunk, rows) {
        try load(row, searcher.nextQuery)
        self.near[row] = UInt32(searcher.locateNext())
      }
    }
    for row in 0..<rows { places[Int(near[row]) + 1] += 1 }
    for place in 1..<places.count { places[place] += places[place - 1] }
    for row in 0..<rows {
      let bucket = Int(near[row])
      order[Int(places[bucket])] = UInt32(row)
      places[bucket] += 1
    }
  }
}
