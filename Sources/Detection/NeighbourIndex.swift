import CKernels

/// Finds the nearest rows of a data set, exactly. Where boxes around few rows tell much, a tree of them
/// is searched; else all rows are looked at, in single precision first. Rows stand in slots, in the
/// order of the tree, so that near rows are near in memory too.
final class NeighbourIndex: @unchecked Sendable {
  enum Algorithm {
    case automatic, tree, brute

    /// The options algorithm and leaf_size that the neighbour detectors have.
    static let options = [
      OptionSpec(
        "algorithm",
        "How neighbours are found, always exactly: \"kd_tree\", \"brute\" (all rows), or \"auto\" for"
          + " the one that a trial on some of the rows finds faster.",
        default: .string("auto"), choices: ["auto", "kd_tree", "brute"]),
      OptionSpec(
        "leaf_size", "Most rows in a leaf of the tree; changes the speed only.",
        default: .int(32), ints: 1...65536),
    ]

    init(_ options: Options) {
      switch options.string("algorithm") {
      case "kd_tree": self = .tree
      case "brute": self = .brute
      default: self = .automatic
      }
    }
  }

  let metric: DistanceMetric
  let rowCount: Int
  let featureCount: Int
  /// Columns of a row as it is compared.
  let width: Int
  /// The row number of each slot; `noRow` where there is none.
  let rowOf: Buffer<UInt32>
  let depth: Int
  let leafRows: Int
  let nodes: Buffer<ck_tree_node>
  let boxes: Buffer<Double>
  /// Blocks of 8 rows, for the tree and for metrics that have no dot product.
  let points: Buffer<Double>?
  /// For looking at leaves in single precision first.
  let singles: SinglePoints?
  /// For dot products.
  let dense: DenseRows?
  /// Search every block, though there is a tree.
  let scansBlocks: Bool

  static let noRow = UInt32.max

  var slotCount: Int { rowOf.count }

  /// The tree as the kernels take it.
  var tree: ck_neighbour_tree {
    ck_neighbour_tree(
      nodes: nodes.base, boxes: boxes.base, points: points?.base ?? boxes.base, rows: rowOf.base,
      columns: Int64(width), metric: metric.kernelNumber, whole_power: metric.wholePower,
      power: metric.power, singles: singles?.values.base,
      single_boxes: singles?.boxes.base, centre: singles?.centre.base,
      scale: singles?.scale ?? 1)
  }

  /// `k` is what will be searched for most: the trial that chooses the algorithm asks for so many.
  convenience init(
    _ X: Matrix, metric: DistanceMetric, algorithm: Algorithm, leafRows: Int, k: Int, call: Call
  ) throws(DetectionError) {
    if !X.isFinite, let error = X.firstNotFinite(nanAllowed: false) { throw error }
    let prepared = try PreparedRows(X, metric)
    defer { withExtendedLifetime(prepared) {} }
    try self.init(
      prepared: prepared.matrix, features: X.columns, metric: metric, algorithm: algorithm,
      leafRows: leafRows, k: k, call: call)
  }

  /// With rows as the metric compares them.
  init(
    prepared source: Matrix, features: Int, metric: DistanceMetric, algorithm: Algorithm,
    leafRows: Int, k: Int, call: Call
  ) throws(DetectionError) {
    let X = source
    guard X.rows < 1 << 31 else {
      throw DetectionError(
        .invalidData, "\(X.rows) rows are too many for a neighbour search; allowed are less than 2^31")
    }
    guard X.columns < 1 << 24 else {
      throw DetectionError(
        .invalidData,
        "\(X.columns) columns are too many for a neighbour search; allowed are less than 2^24")
    }
    self.metric = metric
    self.leafRows = leafRows
    rowCount = X.rows
    featureCount = features
    width = X.columns
    if !X.isFinite, let error = X.firstNotFinite(nanAllowed: false) { throw error }
    let builder = try NeighbourTreeBuilder(source, leafRows: leafRows, call: call.part(0...0.7))
    let layout = try NeighbourLayout(builder, X.rows, width)
    depth = builder.depth
    nodes = layout.nodes
    boxes = layout.boxes
    let isStraight = metric.kernelNumber == 0
    var points: Buffer<Double>?
    if !(isStraight && algorithm == .brute) {
      points = try Buffer(count: layout.blockCount * 8 * width, zeroed: false)
    }
    try layout.fill(source, builder.order, points: points, call: call.part(0.7...0.9))
    try NeighbourIndex.checkLimits(X, metric, layout, width: width)
    var usesDots = isStraight && algorithm == .brute
    if isStraight, algorithm == .automatic, let points {
      usesDots = NeighbourIndex.prefersDots(layout, points, rows: X.rows, width: width, k: k, depth)
    }
    if usesDots {
      points = nil
      layout.pointToRows()
      rowOf = builder.order
      dense = try DenseRows(source, builder.order, layout: layout, k: k, call: call.part(0.9...1))
    } else {
      rowOf = layout.rowOf
      dense = nil
    }
    if let points, isStraight, algorithm != .brute, SinglePoints.serve(width: width, k: k) {
      singles = try SinglePoints(points, layout: layout, width: width, call: call.part(0.9...1))
    } else {
      singles = nil
    }
    self.points = points
    scansBlocks = algorithm == .brute
  }

  /// Distances must stay finite.
  private static func checkLimits(
    _ X: Matrix, _ metric: DistanceMetric, _ layout: NeighbourLayout, width: Int
  ) throws(DetectionError) {
    let limit = metric.valueLimit(columns: width)
    let (least, greatest) = layout.extremes()
    guard zip(least, greatest).contains(where: { max(-$0, $1) > limit }) else { return }
    for row in 0..<X.rows {
      for column in 0..<X.columns where X.value(row, column).magnitude > limit {
        throw tooLarge(X, row, column, limit)
      }
    }
  }

  static func tooLarge(_ X: Matrix, _ row: Int, _ column: Int, _ limit: Double) -> DetectionError {
    DetectionError(
      .invalidData,
      "the value at row \(X.firstRow + row), column \(column) is \(X.value(row, column)): its distances"
        + " would overflow; with this metric magnitudes up to \(limit) are allowed",
      row: X.firstRow + row, column: column)
  }

  /// Whether looking at all rows by dot products is faster than the tree: some rows are searched for,
  /// and the distances counted. The weights are measured, in steps of vectors: a row in the tree some
  /// half a step a column (in single precision less) and 4 for its part of the boxes and of branches guessed
  /// wrong; a row by its dot product a fourteenth of a step a column; a search of all rows 10,000 before it
  /// begins. Where both ways cost about the same, either may be taken.
  private static func prefersDots(
    _ layout: NeighbourLayout, _ points: Buffer<Double>, rows: Int, width: Int, k: Int, _ depth: Int
  ) -> Bool {
    let trials = min(32, layout.blockCount)
    guard let pending = try? Buffer<ck_pending>(count: 8 * (depth + 2)),
      let distances = try? Buffer<Double>(count: k), let slots = try? Buffer<UInt32>(count: k),
      let query = try? Buffer<Double>(count: width)
    else { return false }
    var tree = ck_neighbour_tree(
      nodes: layout.nodes.base, boxes: layout.boxes.base, points: points.base,
      rows: layout.rowOf.base, columns: Int64(width), metric: 0, whole_power: 0, power: 2, singles: nil,
      single_boxes: nil,
      centre: nil, scale: 1)
    var evaluated: Int64 = 0
    for trial in 0..<trials {
      let slot = layout.blockCount * trial / trials * 8
      for column in 0..<width { query[column] = points[slot * width + column] }
      var found = ck_neighbours(
        distances: distances.base, slots: slots.base, k: Int64(k), count: 0, evaluated: 0)
      NeighbourKernels.chosen.searchTree(&tree, query.base, UInt32(slot), &found, pending.base)
      evaluated += found.evaluated
    }
    return withExtendedLifetime((pending, distances, slots, query)) {
      let perSearch = Double(evaluated) / Double(trials)
      let perRow =
        SinglePoints.serve(width: width, k: k) ? 0.4 * Double(width) + 3 : 0.5 * Double(width) + 4
      return perSearch * perRow > Double(rows * width) / 14 + 10_000
    }
  }

  /// Put the row in a slot, as it is compared, where the caller wants it.
  @inline(__always)
  func copy(slot: Int, to query: UnsafeMutablePointer<Double>) {
    if let points {
      let lane = points.base + (slot >> 3) * 8 * width + (slot & 7)
      for column in 0..<width { query[column] = lane[8 * column] }
    } else if let dense {
      query.update(from: dense.points.base + slot * width, count: width)
    }
  }
}

/// Rows as the metric compares them: those of the caller, or a copy where the metric changes them.
final class PreparedRows {
  let matrix: Matrix
  private let copy: Buffer<Double>?

  init(_ X: Matrix, _ metric: DistanceMetric) throws(DetectionError) {
    guard metric == .cosine else {
      matrix = X
      copy = nil
      return
    }
    let width = metric.width(columns: X.columns)
    let (count, overflow) = X.rows.multipliedReportingOverflow(by: width)
    guard !overflow else {
      throw DetectionError(.outOfMemory, "cannot allocate \(X.rows) times \(width) elements")
    }
    let copy = try Buffer<Double>(count: count, zeroed: false)
    for row in 0..<X.rows {
      let target = copy.base + row * width
      for column in 0..<X.columns { target[column] = X.value(row, column) }
      metric.prepare(target, columns: X.columns)
    }
    self.copy = copy
    matrix = try Matrix(
      base: copy.base, element: .float64, rows: X.rows, columns: width, rowStride: width * 8,
      columnStride: 8)
  }
}
