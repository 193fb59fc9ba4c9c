/// The robust z-score (Iglewicz, Hoaglin 1993): 0.6745 |x - median| / MAD, the median absolute deviation.
struct MAD: DetectorClass {
  let info = DetectorInfo(
    name: "MAD",
    description:
      "Rows with a feature far from its median, in units of the median absolute deviation, are anomalous.",
    reference:
      "Iglewicz, Hoaglin: How to Detect and Handle Outliers, ASQC Quality Press 1993",
    capabilities: [.explain],
    options: [
      OptionSpec(
        "threshold", "Robust z-score above which a row is an outlier.", default: .double(3.5),
        doubles: .init(minimum: 0, minimumExclusive: false, maximum: MADModel.largestScore)),
      .contamination(auto: "the option threshold"),
    ])

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let X = training.X
    let columns = try Buffer<MADModel.Column>(count: X.columns)
    nonisolated(unsafe) let target = columns.base
    try forEachCopiedColumn(X, call: call) { (column, values, _, check) throws(DetectionError) in
      let median = self.median(values, X.rows)
      try check()
      target[column] = MADModel.Column(
        median: median, spread: self.spread(values, X.rows, around: median))
    }
    return MADModel(columns, threshold: options.double("threshold") ?? 3.5)
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try MADModel.read(&reader, featureCount: featureCount)
  }
}

/// Each column's median and spread. A row's score is the largest robust z-score of its values.
final class MADModel: ColumnwiseModel {
  struct Column: BitwiseCopyable {
    var median: Double
    var spread: Double
  }

  /// Scores stop here, so that shares of them still add up.
  static let largestScore = 1e300

  private let columns: Buffer<Column>
  let naturalThreshold: Double

  init(_ columns: Buffer<Column>, threshold: Double) {
    self.columns = columns
    naturalThreshold = threshold
  }

  var featureCount: Int { columns.count }

  var fitted: [(name: String, value: Double)] { [("threshold", naturalThreshold)] }

  func writeParts(
    of column: Int, _ values: UnsafePointer<Double>, rows: Int,
    into parts: UnsafeMutablePointer<Double>
  ) {
    let own = columns[column]
    ColumnKernels.chosen.robustDistances(
      values, rows, own.median, own.spread, MADModel.largestScore, parts)
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    try forEachPart(X, call: call, stage: "score") { (first, rows, column, parts) in
      if column == 0 {
        (scores + first).update(from: parts, count: rows)
      } else {
        ColumnKernels.chosen.takeLarger(parts, rows, scores + first)
      }
    }
  }

  /// The score, shared in proportion to the features' own z-scores.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let shares = shares
    let columns = featureCount
    try forEachPart(X, call: call, stage: "explain") { (first, rows, column, parts) in
      for row in 0..<rows { shares[(first + row) * columns + column] = parts[row] }
      guard column == columns - 1 else { return }
      for row in first..<(first + rows) {
        let own = UnsafeMutableBufferPointer(start: shares + row * columns, count: columns)
        let score = own.max() ?? 0
        guard score > 0 else { continue }
        var sum = 0.0
        for part in own { sum += part / score }
        for column in 0..<columns { own[column] = score * (own[column] / score / sum) }
      }
    }
  }

  func write(to writer: inout ModelWriter) {
    writer.write(naturalThreshold)
    writer.write(all: columns, count: columns.count)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> MADModel {
    let threshold = try reader.read(Double.self, "threshold")
    let columns = try reader.readBuffer(Column.self, "columns")
    guard threshold >= 0, threshold <= largestScore, columns.count == featureCount,
      (0..<columns.count).allSatisfy({
        columns[$0].median.isFinite && columns[$0].spread > 0 && columns[$0].spread.isFinite
      })
    else {
      throw reader.damaged(
        "the threshold must be >= 0, with a finite median and spread for each of \(featureCount)"
          + " features")
    }
    return MADModel(columns, threshold: threshold)
  }
}

extension MAD {
  private func median(_ values: UnsafeMutablePointer<Double>, _ count: Int) -> Double {
    let (a, b) = neighbours(in: values, count, rank: (count - 1) / 2)
    if count % 2 == 1 { return a }
    let sum = a + b
    return sum.isFinite ? sum / 2 : a / 2 + b / 2
  }

  /// The median absolute deviation. Where it is 0, because more than half of the values are the median, the
  /// mean absolute deviation stands in, scaled to the same units under normality; where that is 0 too,
  /// the least number there is. The deviations take the place of the values.
  @_optimize(speed)
  private func spread(
    _ values: UnsafeMutablePointer<Double>, _ count: Int, around median: Double
  ) -> Double {
    for row in 0..<count {
      values[row] = min((values[row] - median).magnitude, .greatestFiniteMagnitude)
    }
    let middle = self.median(values, count)
    if middle > 0 { return middle }
    // In their order, so that the order of the rows does not matter.
    var sorted = UnsafeMutableBufferPointer(start: values, count: count)
    sorted.sort()
    let share = 1 / Double(count)
    var mean = 0.0
    for row in 0..<count { mean += values[row] * share }
    // 0.6745 / (sqrt(2 / pi) / 1): the mean absolute deviation is 0.7979 sigma, the median one 0.6745.
    return max(mean * (0.6745 * 1.253314), .leastNonzeroMagnitude)
  }
}
