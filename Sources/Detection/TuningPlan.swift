/// How configurations are compared.
public struct TuningPlan {
  public enum Criterion: Int32, Sendable {
    /// ``rocAUC`` with labels, ``stability`` without.
    case automatic = 0
    case rocAUC = 1
    case averagePrecision = 2
    case stability = 3
  }

  public var criterion = Criterion.automatic
  /// Rows are dealt to so many folds; each in turn is scored by a model of the others.
  public var folds = 3
  /// How often, each time dealt anew.
  public var repeats = 1
  /// Instead of folds: this share of the rows is held out, `repeats` times.
  public var holdout: Double?
  /// Only so many configurations, drawn at random.
  public var budget: Int?
  public var seed: UInt64 = 0

  public init() {}

  static let mostFits = 10_000

  func check() throws(DetectionError) {
    guard (2...TuningPlan.mostFits).contains(folds) else {
      throw DetectionError(
        .invalidArgument, "folds is \(folds); allowed are 2 to \(TuningPlan.mostFits)")
    }
    guard (1...TuningPlan.mostFits).contains(repeats) else {
      throw DetectionError(
        .invalidArgument, "repeats is \(repeats); allowed are 1 to \(TuningPlan.mostFits)")
    }
    if let holdout, !(holdout > 0 && holdout < 1) {
      throw DetectionError(
        .invalidArgument, "holdout is \(holdout); allowed are shares above 0 and below 1")
    }
    if let budget, budget < 1 {
      throw DetectionError(.invalidArgument, "budget is \(budget); allowed are 1 and more")
    }
  }

  /// What is really measured.
  func criterion(labelled: Bool) throws(DetectionError) -> Criterion {
    if criterion == .automatic { return labelled ? .rocAUC : .stability }
    guard labelled || criterion == .stability else {
      throw DetectionError(
        .invalidArgument,
        "ROC-AUC and average precision need labels; without labels the criterion is stability")
    }
    return criterion
  }
}

/// The rows of one round, shuffled so that every fit and every scoring reads rows that lie together.
struct TuningRound {
  /// Where each fold's held-out rows are, in the shuffled order.
  let held: [Range<Int>]
  private let values: Buffer<UInt8>
  private let rows: Int
  private let columns: Int
  private let element: Matrix.Element
  private let labels: Buffer<Int32>?

  /// The shuffled rows stand twice in a row: what is left without a fold's rows lies together, too.
  init(
    _ X: Matrix, labels: UnsafeBufferPointer<Int32>?, plan: TuningPlan, round: Int
  ) throws(DetectionError) {
    let order: [Int]
    (order, held) = try TuningRound.deal(X.rows, labels, plan, round)
    let rowBytes = X.columns * X.element.size
    let (bytes, overflow) = rowBytes.multipliedReportingOverflow(by: 2 * X.rows)
    guard !overflow else { throw .outOfMemory(bytes: Int.max) }
    values = try Buffer(count: bytes, zeroed: false)
    self.labels = try labels == nil ? nil : Buffer(count: 2 * X.rows, zeroed: false)
    (rows, columns, element) = (X.rows, X.columns, X.element)
    for (place, row) in order.enumerated() {
      let source = X.start(ofRow: row)
      let target = UnsafeMutableRawPointer(values.base + place * rowBytes)
      for column in 0..<X.columns {
        (target + column * element.size).copyMemory(
          from: source + column * X.columnStride, byteCount: element.size)
      }
      (target + X.rows * rowBytes).copyMemory(from: target, byteCount: rowBytes)
      if let labels, let copy = self.labels {
        copy[place] = labels[row]
        copy[place + X.rows] = labels[row]
      }
    }
  }

  /// All rows in the shuffled order, at most `count` of them: every so manieth.
  func sample(atMost count: Int) throws(DetectionError) -> Matrix {
    let step = max(1, (rows + count - 1) / count)
    return try matrix(from: 0, rows: (rows + step - 1) / step, step: step)
  }

  func heldOut(_ fold: Int) throws(DetectionError) -> Matrix {
    try matrix(from: held[fold].lowerBound, rows: held[fold].count)
  }

  func heldOutLabels(_ fold: Int) -> UnsafeBufferPointer<Int32>? {
    labels.map {
      UnsafeBufferPointer(start: $0.base + held[fold].lowerBound, count: held[fold].count)
    }
  }

  func training(_ fold: Int) throws(DetectionError) -> Training {
    let first = held[fold].upperBound
    let count = rows - held[fold].count
    return Training(
      try matrix(from: first, rows: count),
      labels: labels.map { UnsafeBufferPointer(start: $0.base + first, count: count) })
  }

  private func matrix(from row: Int, rows: Int, step: Int = 1) throws(DetectionError) -> Matrix {
    let rowBytes = columns * element.size
    return try Matrix(
      base: values.base + row * rowBytes, element: element, rows: rows, columns: columns,
      rowStride: step * rowBytes, columnStride: element.size)
  }

  /// An order of the rows, and which stretches of it are held out. With labels each stretch has its share of
  /// outliers and of inliers.
  private static func deal(
    _ rows: Int, _ labels: UnsafeBufferPointer<Int32>?, _ plan: TuningPlan, _ round: Int
  ) throws(DetectionError) -> (order: [Int], held: [Range<Int>]) {
    try Memory.require(rows, of: 4 * MemoryLayout<Int>.stride)
    var random = Random(seed: plan.seed, stream: UInt64(round))
    let kinds: [[Int]]
    if let labels {
      kinds = [(0..<rows).filter { labels[$0] == 0 }, (0..<rows).filter { labels[$0] != 0 }]
    } else {
      kinds = [Array(0..<rows)]
    }
    let parts = plan.holdout == nil ? plan.folds : 2
    var dealt = [[Int]](repeating: [], count: parts)
    // Whoever had one more of the first kind has one less of the next.
    var next = 0
    for var kind in kinds {
      for row in kind.indices.reversed() { kind.swapAt(row, random.below(row + 1)) }
      if let holdout = plan.holdout {
        let count = max(1, min(kind.count - 1, Int((holdout * Double(kind.count)).rounded())))
        dealt[0] += kind[..<count]
        dealt[1] += kind[count...]
        continue
      }
      for row in kind {
        dealt[next].append(row)
        next = (next + 1) % parts
      }
    }
    var order: [Int] = []
    var stretches: [Range<Int>] = []
    for var part in dealt {
      for row in part.indices.reversed() { part.swapAt(row, random.below(row + 1)) }
      stretches.append(order.count..<(order.count + part.count))
      order += part
    }
    return (order, plan.holdout == nil ? stretches : [stretches[0]])
  }

  /// Refuse rows or labels of which some fold would have too few.
  static func check(
    rows: Int, labels: UnsafeBufferPointer<Int32>?, _ plan: TuningPlan
  ) throws(DetectionError) {
    let needed = plan.holdout == nil ? plan.folds : 2
    let what = plan.holdout == nil ? "\(plan.folds) folds need" : "holding rows out needs"
    guard rows >= needed else {
      throw DetectionError(
        .invalidData, "the data have \(rows) rows; \(what) at least \(needed)")
    }
    guard let labels else { return }
    guard labels.count == rows else {
      throw DetectionError(.shapeMismatch, "there are \(labels.count) labels for \(rows) rows")
    }
    for (row, label) in labels.enumerated() where label != 0 && label != 1 {
      throw DetectionError(
        .invalidData, "the label of row \(row) is \(label); allowed are 0 (inlier) and 1 (outlier)",
        row: row)
    }
    let outliers = labels.count { $0 != 0 }
    for (count, kind) in [(outliers, "outliers"), (rows - outliers, "inliers")] where count < needed {
      throw DetectionError(
        .invalidData,
        "\(count) of the \(rows) labels are \(kind); \(what) at least \(needed), one for each part")
    }
  }
}
