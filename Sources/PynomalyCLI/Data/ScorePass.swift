import Tables

/// The second pass: every row gets its score, chunk by chunk. Only what the results need is kept: at
/// most 12 bytes a row, and the rows at the top.
struct ScorePass {
  let rows: Int
  let anomalies: Int
  let threshold: Double
  var top: [TopRow]
  /// Of all rows; empty unless they were asked for.
  let scores: [Double]
  let labels: [Int32]
  /// For each feature, where the middle 90 % of the rows lie; from a sample of long tables.
  let usual: [(Double, Double)]

  /// Memory for the sample.
  private static let sampleBytes = 8 << 20

  init(
    _ detector: Detector, _ features: FeatureTable, _ session: Session, fitted: FitPass?, top: Int,
    expectedRows: Int?, keepScores: Bool, forReport: Bool, writer: ScoreWriter?
  ) throws {
    let source = features.table.source
    let threshold = try detector.threshold
    let small = features.isSmall
    let whole = detector.readsSeries ? try WholeSeries(detector, features, session) : nil
    let chunks = features.chunks(
      session, kept: fitted?.kept ?? [], threads: small ? 1 : session.threads
    ) {
      if whole == nil { try detector.score($0, session, threads: small ? session.threads : 1) }
    }
    defer { chunks.stop() }
    let hasLabels = features.plan.hasLabel
    var anomalies = 0
    // Of the series that was fitted the rows where discords begin, not all rows of the same one.
    var best = TopRows(limit: top, among: fitted == nil ? nil : detector.discords)
    var scores: [Double] = []
    var labels: [Int32] = []
    if keepScores { scores.reserveCapacity(expectedRows ?? 0) }
    if hasLabels { labels.reserveCapacity(expectedRows ?? 0) }
    var summaries = ColumnSummaries(
      columns: features.featureNames.count, limit: ScorePass.sampleBytes)
    try features.explaining {
      while let chunk = try chunks.next() {
        whole?.copyScores(to: chunk)
        for row in 0..<chunk.rows where chunk.scores[row] > threshold { anomalies += 1 }
        best.take(chunk, hasLabels: hasLabels)
        if keepScores {
          scores.append(contentsOf: UnsafeBufferPointer(start: chunk.scores, count: chunk.rows))
        }
        if hasLabels {
          labels.append(contentsOf: UnsafeBufferPointer(start: chunk.labels, count: chunk.rows))
        }
        if forReport { summaries.add(chunk) }
        try writer?.write(chunk)
        chunks.recycle(chunk)
        session.progress.update(
          "scoring", Double(chunks.offset - source.start) / Double(source.end - source.start))
      }
      if chunks.rows == 0 { throw TableError.headerOnly }
    }
    session.progress.clear()
    self.rows = chunks.rows
    self.anomalies = anomalies
    self.threshold = threshold
    self.scores = scores
    self.labels = labels
    if forReport { summaries.finish([0.05, 0.95]) }
    usual = forReport ? summaries.columns.map { ($0.quantiles[0], $0.quantiles[1]) } : []
    self.top = ScorePass.explain(best.sorted, detector, features, whole)
  }

  /// Adds what the rows at the top are known by and which features made them so.
  private static func explain(
    _ rows: [TopRow], _ detector: Detector, _ features: FeatureTable, _ whole: WholeSeries?
  ) -> [TopRow] {
    let columns = features.featureNames.count
    // A detector that cannot explain leaves the list without shares; that is no error.
    let shares =
      whole == nil
      ? try? detector.explain(rows.flatMap(\.values), columns: columns)
      : rows.flatMap { whole?.shares(of: $0.row) ?? [] }
    return rows.enumerated().map { index, row in
      var row = row
      if let shares, !shares.isEmpty { row.shares = Array(shares[index * columns..<(index + 1) * columns]) }
      row.identity = features.identity(at: row.fileOffset)
      return row
    }
  }
}
