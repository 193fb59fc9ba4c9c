import Glibc

/// Lightweight on-line detector of anomalies (Pevný 2016): histograms of sparse random projections.
struct LODA: DetectorClass {
  let info = DetectorInfo(
    name: "LODA",
    description:
      "Rows that are rare in the histograms of many sparse random projections are anomalous.",
    reference:
      "Pevny: Loda: Lightweight on-line detector of anomalies, Machine Learning 102, 2016",
    capabilities: [.explain],
    options: [
      BinCount.option("n_bins"),
      OptionSpec(
        "n_random_cuts", "Number of random projections.", default: .int(100), ints: 1...1_000_000),
      .randomState,
      .usualContamination,
    ])

  let usualContamination: Double? = 0.1

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let X = training.X
    let cuts = try RandomCuts(
      count: options.int("n_random_cuts") ?? 100, features: X.columns, seed: options.seed)
    let ranges: [ClosedRange<Double>]
    let bins: [Int]
    switch BinCount(options, "n_bins") {
    case .fixed(let count):
      ranges = try cuts.ranges(of: X, call: call.part(0...0.5))
      bins = [Int](repeating: count, count: cuts.count)
    case .automatic:
      (ranges, bins) = try cuts.bestBins(of: X, call: call.part(0...0.5))
    }
    let model = try LODAModel(cuts, ranges: ranges, bins: bins)
    try model.count(X, call: call.part(0.5...1))
    return model
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try LODAModel.read(&reader, featureCount: featureCount)
  }
}

/// A histogram a cut; a row's score is the mean of -ln of its bins' shares of the training rows.
final class LODAModel: Model {
  let cuts: RandomCuts
  private let ranges: [ClosedRange<Double>]
  private let table: BinTable
  /// Those of the rows that were just counted, where noting their bins was little.
  nonisolated(unsafe) private var counted: Buffer<Double>?

  init(
    _ cuts: RandomCuts, ranges: [ClosedRange<Double>], bins: [Int]
  ) throws(DetectionError) {
    self.cuts = cuts
    self.ranges = ranges
    table = try BinTable(ranges: ranges, bins: bins, closedRight: false, tolerance: -1)
  }

  var featureCount: Int { cuts.featureCount }
  let naturalThreshold = 0.0

  var fitted: [(name: String, value: Double)] {
    [
      ("n_random_cuts", Double(cuts.count)),
      ("n_bins", Double(table.grids.reduce(0) { max($0, $1.bins) })),
      ("random_state", Double(cuts.seed)),
    ]
  }

  func takeTrainingScores() -> Buffer<Double>? {
    defer { counted = nil }
    return counted
  }

  /// Fill the histograms with the rows that the ranges are of.
  func count(_ X: Matrix, call: Call) throws(DetectionError) {
    var size = 0
    try Memory.require(cuts.count, of: 8)
    let places = table.grids.map { grid in
      defer { size += 4 * grid.bins }
      return size
    }
    // Each thread counts for itself, in 256 MB at most if they are several.
    var call = call
    call.threads = max(1, min(call.threads, (1 << 25) / max(1, size)))
    let slots = RowChunks(X, threads: call.threads).threads.multipliedReportingOverflow(by: size)
    let counts = try Buffer<Int>(count: slots.overflow ? Int.max : slots.partialValue)
    nonisolated(unsafe) let all = counts.base
    let codes = try BinCodes(table, rows: X.rows)
    try cuts.forEachProjection(X, call: call, stage: "fit") {
      (first, rows, worker, cut, values, _) in
      let own = all + worker * size + places[cut]
      if let codes {
        table.count(
          values, rows: rows, grid: table.grids[cut], into: own,
          codes: codes.place(first: first, rows: rows, grid: cut))
      } else {
        table.count(values, rows: rows, grid: table.grids[cut], into: own)
      }
    }
    for (cut, grid) in table.grids.enumerated() {
      let parts = table.parts.base + grid.first
      // An empty bin, or none: the row itself is counted with the others.
      let empty = log(Double(X.rows) + 1) / Double(cuts.count)
      parts[0] = empty
      parts[grid.bins + 1] = empty
      for bin in 0..<grid.bins {
        var rows = 0
        for worker in 0..<(counts.count / size) {
          let own = counts.base + worker * size + places[cut] + 4 * bin
          rows += own[0] + own[1] + own[2] + own[3]
        }
        parts[bin + 1] =
          rows > 0 ? (0 - log(Double(rows) / Double(X.rows))) / Double(cuts.count) : empty
      }
    }
    counted = try codes?.scores(of: X, table, call: call)
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    try cuts.forEachProjection(X, call: call, stage: "score") {
      (first, rows, _, cut, values, parts) in
      let target = cut == 0 ? scores + first : parts
      table.writeParts(of: table.grids[cut], values, rows: rows, into: target)
      if cut > 0 { ColumnKernels.chosen.addColumn(parts, rows, scores + first) }
    }
  }

  /// As in the paper's explanation, a feature matters as much as the cuts that use it find the row rarer
  /// than the cuts that do not. What exceeds 0 of these differences shares out the score.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let shares = shares
    let columns = featureCount
    let uses = try cuts.uses()
    let totals = try Buffer<Double>(count: X.rows, zeroed: false)
    defer { withExtendedLifetime(totals) {} }
    nonisolated(unsafe) let total = totals.base
    try cuts.forEachProjection(X, call: call, stage: "explain") {
      (first, rows, _, cut, values, parts) in
      if cut == 0 {
        (shares + first * columns).update(repeating: 0, count: rows * columns)
        (total + first).update(repeating: 0, count: rows)
      }
      table.writeParts(of: table.grids[cut], values, rows: rows, into: parts)
      ColumnKernels.chosen.addColumn(parts, rows, total + first)
      for feature in cuts.features(of: cut) {
        for row in 0..<rows { shares[(first + row) * columns + Int(feature)] += parts[row] }
      }
      guard cut == cuts.count - 1 else { return }
      for row in first..<(first + rows) {
        share(total[row], uses, shares + row * columns)
      }
    }
  }

  /// From the sums over the cuts that use each feature to its share of the score.
  private func share(
    _ score: Double, _ uses: Buffer<Int>, _ shares: UnsafeMutablePointer<Double>
  ) {
    var sum = 0.0
    for feature in 0..<featureCount {
      let with = uses[feature]
      guard with > 0 else { continue }
      let without = cuts.count - with
      let others = without > 0 ? (score - shares[feature]) / Double(without) : 0
      shares[feature] = max(0, shares[feature] / Double(with) - others)
      sum += shares[feature]
    }
    for feature in 0..<featureCount {
      shares[feature] =
        sum > 0 ? score * (shares[feature] / sum) : score / Double(featureCount)
    }
  }

  func write(to writer: inout ModelWriter) {
    cuts.write(to: &writer)
    table.write(to: &writer, ranges: ranges)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> LODAModel {
    let cuts = try RandomCuts.read(&reader, featureCount: featureCount)
    // -ln of a share of less than 2^64 rows.
    let tables = try BinTable.read(&reader, count: cuts.count, parts: 0...50)
    let model = try LODAModel(
      cuts, ranges: tables.ranges, bins: tables.parts.map { $0.count - 2 })
    guard model.table.fill(tables.parts) else {
      throw reader.damaged("a range cannot be cut into its bins")
    }
    return model
  }
}
