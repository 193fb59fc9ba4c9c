import Glibc

/// Histogram-based outlier score (Goldstein, Dengel 2012), with the options and the scores of PyOD's.
struct HBOS: DetectorClass {
  let info = DetectorInfo(
    name: "HBOS",
    description:
      "Rows whose features fall into low bins of the features' histograms are anomalous.",
    reference:
      "Goldstein, Dengel: Histogram-Based Outlier Score (HBOS): A Fast Unsupervised Anomaly Detection"
      + " Algorithm, KI 2012",
    capabilities: [.explain],
    options: [
      BinCount.option("n_bins"),
      OptionSpec(
        "alpha", "Added to every density, so that empty bins have a finite score.",
        default: .double(0.1), doubles: .init(minimum: 1e-300, minimumExclusive: false, maximum: 1)),
      OptionSpec(
        "tol",
        "How far outside, in widths of a bin, a value still counts with the outermost bin.",
        default: .double(0.5), doubles: .init(minimum: 0, minimumExclusive: false, maximum: 1)),
      OptionSpec(
        "closed",
        "Which edge belongs to a bin when scoring: \"left\" as when counting, \"right\" for the scores of"
          + " PyOD, which looks values on an edge up in the bin beside their own.",
        default: .string("left"), choices: ["left", "right"]),
      .usualContamination,
    ])

  let usualContamination: Double? = 0.1

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let X = training.X
    let bins: [Int]
    let ranges: [ClosedRange<Double>]
    switch BinCount(options, "n_bins") {
    case .fixed(let count):
      ranges = try columnRanges(of: X, call: call.part(0...0.5))
      try Memory.require(X.columns, of: 8)
      bins = [Int](repeating: count, count: X.columns)
    case .automatic:
      try Memory.require(X.columns, of: 24)
      var found = [(bins: Int, range: ClosedRange<Double>)](
        repeating: (1, 0...0), count: X.columns)
      var failure: DetectionError?
      found.withUnsafeMutableBufferPointer { found in
        nonisolated(unsafe) let found = found
        do throws(DetectionError) {
          try forEachSortedColumn(X, call: call.part(0...0.5)) { (column, sorted) throws(DetectionError) in
            found[column] = (
              try sorted.bestBinCount(), sorted.values[0]...sorted.values[sorted.count - 1]
            )
          }
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
      bins = found.map(\.bins)
      ranges = found.map(\.range)
    }
    let model = try HBOSModel(
      ranges: ranges, bins: bins, closedRight: options.string("closed") == "right",
      tolerance: options.double("tol") ?? 0.5)
    try model.count(X, alpha: options.double("alpha") ?? 0.1, call: call.part(0.5...1))
    return model
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try HBOSModel.read(&reader, featureCount: featureCount)
  }
}

/// A histogram a feature; the part of a bin is -log2(density + alpha).
final class HBOSModel: ColumnwiseModel {
  private let ranges: [ClosedRange<Double>]
  private let table: BinTable
  private let closedRight: Bool
  private let tolerance: Double
  /// The least part of each feature.
  private let least: Buffer<Double>
  /// Those of the rows that were just counted, where noting their bins was little.
  nonisolated(unsafe) private var counted: Buffer<Double>?

  init(
    ranges: [ClosedRange<Double>], bins: [Int], closedRight: Bool, tolerance: Double
  ) throws(DetectionError) {
    self.ranges = ranges
    self.closedRight = closedRight
    self.tolerance = tolerance
    table = try BinTable(
      ranges: ranges, bins: bins, closedRight: closedRight, tolerance: tolerance)
    least = try Buffer(count: ranges.count)
  }

  var featureCount: Int { ranges.count }

  var fitted: [(name: String, value: Double)] {
    [("n_bins", Double(table.grids.reduce(0) { max($0, $1.bins) }))]
  }

  func takeTrainingScores() -> Buffer<Double>? {
    defer { counted = nil }
    return counted
  }

  /// Fill the histograms with the rows that the ranges are of.
  func count(_ X: Matrix, alpha: Double, call: Call) throws(DetectionError) {
    // Bins are counted with their left edges, however they are looked up.
    let counting =
      closedRight
      ? try BinTable(
        ranges: ranges, bins: table.grids.map(\.bins), closedRight: false, tolerance: tolerance)
      : table
    var first = 0
    try Memory.require(featureCount, of: 8)
    let places = table.grids.map { grid in
      defer { first += 4 * grid.bins }
      return first
    }
    let size = first
    // Each thread counts for itself, in 256 MB at most if they are several.
    var call = call
    call.threads = max(1, min(call.threads, (1 << 25) / max(1, size)))
    let slots = RowChunks(X, threads: call.threads).threads.multipliedReportingOverflow(by: size)
    let counts = try Buffer<Int>(count: slots.overflow ? Int.max : slots.partialValue)
    nonisolated(unsafe) let all = counts.base
    let codes = closedRight ? nil : try BinCodes(table, rows: X.rows)
    try forEachRowChunk(X, call: call, stage: "fit", scratch: 1) {
      (first, rows, worker, values) throws(DetectionError) in
      for (column, grid) in counting.grids.enumerated() {
        try ColumnKernels.chosen.load(X, column: column, from: first, rows: rows, into: values)
        let own = all + worker * size + places[column]
        if let codes {
          counting.count(
            values, rows: rows, grid: grid, into: own,
            codes: codes.place(first: first, rows: rows, grid: column))
        } else {
          counting.count(values, rows: rows, grid: grid, into: own)
        }
      }
    }
    for (column, grid) in table.grids.enumerated() {
      let parts = table.parts.base + grid.first
      for bin in 0..<grid.bins {
        var rows = 0
        for worker in 0..<(counts.count / size) {
          let own = counts.base + worker * size + places[column] + 4 * bin
          rows += own[0] + own[1] + own[2] + own[3]
        }
        let density = Double(rows) / table.width(grid, bin) / Double(X.rows)
        parts[bin + 1] =
          0 - log2(min(density, .greatestFiniteMagnitude) + alpha)
      }
      var worst = parts[1]
      for bin in 1..<grid.bins { worst = max(worst, parts[bin + 1]) }
      // One bin says nothing; what lies outside it is as rare as can be.
      if grid.scale == 0 {
        worst = 0 - log2(alpha)
        if grid.low == grid.high { parts[1] = 0 }
      }
      parts[0] = worst
      parts[grid.bins + 1] = worst
    }
    findLeast()
    counted = try codes?.scores(of: X, table, call: call)
  }

  private func findLeast() {
    for (column, grid) in table.grids.enumerated() {
      let parts = table.parts.base + grid.first
      least[column] = parts[0]
      for bin in 0..<grid.bins { least[column] = min(least[column], parts[bin + 1]) }
    }
  }

  func writeParts(
    of column: Int, _ values: UnsafePointer<Double>, rows: Int,
    into parts: UnsafeMutablePointer<Double>
  ) {
    table.writeParts(of: table.grids[column], values, rows: rows, into: parts)
  }

  /// What a part exceeds the least part of its feature by, and an equal share of the sum of all the least
  /// parts, which is the score of the commonest row there could be.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let shares = shares
    let columns = featureCount
    var sum = 0.0
    for column in 0..<columns { sum += least[column] }
    let base = sum / Double(columns)
    try forEachPart(X, call: call, stage: "explain") { (first, rows, column, parts) in
      for row in 0..<rows {
        shares[(first + row) * columns + column] = parts[row] - least[column] + base
      }
    }
  }

  func write(to writer: inout ModelWriter) {
    writer.write(tolerance)
    writer.write(UInt32(closedRight ? 1 : 0))
    table.write(to: &writer, ranges: ranges)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> HBOSModel {
    let tolerance = try reader.read(Double.self, "tolerance")
    let closedRight = try reader.read(UInt32.self, "closed edge")
    guard tolerance >= 0, tolerance <= 1, closedRight <= 1 else {
      throw reader.damaged("the tolerance is \(tolerance), the closed edge \(closedRight)")
    }
    let tables = try BinTable.read(&reader, count: featureCount, parts: -1100...1100)
    let model = try HBOSModel(
      ranges: tables.ranges, bins: tables.parts.map { $0.count - 2 },
      closedRight: closedRight == 1, tolerance: tolerance)
    guard model.table.fill(tables.parts) else {
      throw reader.damaged("a range cannot be cut into its bins")
    }
    model.findLeast()
    return model
  }
}
