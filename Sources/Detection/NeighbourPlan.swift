import CKernels

/// The options of a neighbour detector, settled for the data at hand.
struct NeighbourPlan {
  let k: Int
  let metric: DistanceMetric
  let algorithm: NeighbourIndex.Algorithm
  let leafRows: Int
  /// Whether every row scored is new. Else one that equals a training row is that row.
  let novelty: Bool

  static func options(neighbours: Int) -> [OptionSpec] {
    [
      OptionSpec(
        "n_neighbors",
        "Neighbours of a row; where the data have no more rows than this, all the others.",
        default: .int(neighbours), ints: 1...(1 << 31))
    ]
  }

  static let novelty = OptionSpec(
    "novelty",
    "true: every row that is scored is new; false: a row that equals a training row is that row, so that"
      + " scoring the training data gives the training scores.",
    default: .bool(false), bools: true)

  init(_ options: Options, rows: Int) throws(DetectionError) {
    guard rows > 1 else {
      throw DetectionError(
        .invalidData, "1 row (1 sample) has no neighbours; at least 2 rows are needed")
    }
    k = min(options.int("n_neighbors") ?? 5, rows - 1)
    metric = DistanceMetric(options)
    algorithm = NeighbourIndex.Algorithm(options)
    leafRows = options.int("leaf_size") ?? 32
    novelty = options.bool("novelty")
  }

  func index(_ X: Matrix, call: Call) throws(DetectionError) -> NeighbourIndex {
    try NeighbourIndex(
      X, metric: metric, algorithm: algorithm, leafRows: leafRows, k: k, call: call)
  }

  /// The same for `rows` as the index keeps them.
  fileprivate init(
    k: Int, metric: DistanceMetric, algorithm: NeighbourIndex.Algorithm, leafRows: Int, novelty: Bool
  ) {
    self.k = k
    self.metric = metric
    self.algorithm = algorithm
    self.leafRows = leafRows
    self.novelty = novelty
  }
}

// ------------------------------------------------------------------------------------ model files

extension NeighbourPlan {
  /// The plan and the rows, in their original order.
  func write(
    to writer: inout ModelWriter, _ index: NeighbourIndex
  ) throws(DetectionError) {
    writer.write(UInt64(k))
    let metrics: [DistanceMetric] = [.euclidean, .manhattan, .chebyshev, .cosine]
    writer.write(UInt32(metrics.firstIndex(of: metric) ?? 4))
    writer.write(metric.power)
    writer.write(UInt32(algorithm == .automatic ? 0 : algorithm == .tree ? 1 : 2))
    writer.write(UInt64(leafRows))
    writer.write(UInt32(novelty ? 1 : 0))
    writer.write(UInt64(index.rowCount))
    try writer.makeRoom(index.rowCount * index.width * 8)
    let slots = try index.slotOfRow()
    for row in 0..<index.rowCount {
      for column in 0..<index.width { writer.write(index.value(slot: slots[row], column)) }
    }
  }

  /// The plan, and the rows for as long as `body` runs.
  static func read<Result>(
    _ reader: inout ModelReader, featureCount: Int,
    _ body: (NeighbourPlan, NeighbourIndex, inout ModelReader) throws(DetectionError) -> Result
  ) throws(DetectionError) -> Result {
    let k = try reader.readCount("number of neighbours", atLeast: 1, atMost: 1 << 31)
    let metricNumber = try reader.read(UInt32.self, "metric")
    let p = try reader.read(Double.self, "power of the metric")
    let metrics: [DistanceMetric] = [
      .euclidean, .manhattan, .chebyshev, .cosine, .minkowski(p: p),
    ]
    guard metricNumber < 5, p >= 1, p <= 1e6 else {
      throw reader.damaged("there is no metric \(metricNumber) with power \(p)")
    }
    let algorithm = try reader.read(UInt32.self, "algorithm")
    guard algorithm <= 2 else { throw reader.damaged("there is no algorithm \(algorithm)") }
    let leafRows = try reader.readCount("leaf size", atLeast: 1, atMost: 65536)
    let novelty = try reader.read(UInt32.self, "novelty")
    guard novelty <= 1 else { throw reader.damaged("novelty is \(novelty)") }
    let plan = NeighbourPlan(
      k: k, metric: metrics[Int(metricNumber)],
      algorithm: algorithm == 0 ? .automatic : algorithm == 1 ? .tree : .brute, leafRows: leafRows,
      novelty: novelty == 1)
    let rows = try reader.readCount("number of rows", atLeast: k + 1, atMost: 1 << 31)
    let width = plan.metric.width(columns: featureCount)
    let (count, overflow) = rows.multipliedReportingOverflow(by: width)
    guard !overflow else { throw reader.damaged("\(rows) rows of \(width) values") }
    let values = try reader.readValues(count, "rows")
    defer { withExtendedLifetime(values) {} }
    let X = try Matrix(
      base: values.base, element: .float64, rows: rows, columns: width, rowStride: width * 8,
      columnStride: 8)
    let index: NeighbourIndex
    do throws(DetectionError) {
      index = try NeighbourIndex(
        prepared: X, features: featureCount, metric: plan.metric, algorithm: plan.algorithm,
        leafRows: leafRows, k: k, call: Call(threads: 1))
    } catch {
      if error.status == .outOfMemory { throw error }
      throw reader.damaged(error.message)
    }
    return try body(plan, index, &reader)
  }
}

extension NeighbourIndex {
  /// A value of a row, as it is compared.
  @inline(__always)
  func value(slot: Int, _ column: Int) -> Double {
    if let points { return points[((slot >> 3) * width + column) * 8 + (slot & 7)] }
    return dense.map { $0.points[slot * width + column] } ?? 0
  }

  /// The slot of every row.
  func slotOfRow() throws(DetectionError) -> Buffer<Int> {
    let slots = try Buffer<Int>(count: rowCount)
    for slot in 0..<slotCount where rowOf[slot] != NeighbourIndex.noRow {
      slots[Int(rowOf[slot])] = slot
    }
    return slots
  }
}
