import Tables

/// What describe tells of a table.
struct TableDescription {
  /// Memory for the numbers that the quartiles are made of.
  static let memoryLimit = 512 << 20

  private let features: FeatureTable
  private let summaries: ColumnSummaries

  init(_ features: FeatureTable, _ session: Session) throws {
    self.features = features
    let source = features.table.source
    let chunks = features.chunks(session, threads: features.parsingThreads(session))
    defer { chunks.stop() }
    var summaries = ColumnSummaries(
      columns: features.featureNames.count, limit: TableDescription.memoryLimit)
    try features.explaining {
      while let chunk = try chunks.next() {
        summaries.add(chunk)
        chunks.recycle(chunk)
        session.progress.update(
          "reading", Double(chunks.offset - source.start) / Double(source.end - source.start))
      }
    }
    summaries.finish([0.25, 0.5, 0.75])
    session.progress.clear()
    self.summaries = summaries
  }

  private var method: String {
    summaries.sample.map {
      "of a uniform random sample of \(Number.grouped($0)) rows, linear interpolation"
    } ?? "exact, linear interpolation"
  }

  var text: String {
    let hasText = summaries.columns.contains { $0.text > 0 }
    var table = TextTable(
      alignments: [.left] + Array(repeating: .right, count: hasText ? 10 : 9) + [.left])
    table.rows = [
      ["column", "count", "missing"] + (hasText ? ["text"] : [])
        + ["mean", "std", "min", "25 %", "50 %", "75 %", "max"]
    ]
    for (name, column) in zip(features.featureNames, summaries.columns) {
      let statistics =
        [column.mean, column.standardDeviation, column.minimum] + column.quantiles
        + [column.maximum]
      table.rows.append(
        [printable(name.utf8), "\(column.count)", "\(column.missing)"]
          + (hasText ? ["\(column.text)"] : [])
          + statistics.map { $0.isNaN ? "-" : Number.rounded($0) }
          + (column.example.map { ["e.g. \"\($0)\""] } ?? []))
    }
    return "\(features.words.path): \(Number.grouped(summaries.rows))"
      + " \(summaries.rows == 1 ? "row" : "rows"), \(features.featureNames.count)"
      + " \(features.featureNames.count == 1 ? "column" : "columns"); quartiles \(method)\n\n"
      + table.text
  }

  var json: JSON {
    .object([
      ("source", .string(features.words.path)), ("rows", .int(summaries.rows)),
      ("quartile_method", .string(method)),
      (
        "columns",
        .array(
          zip(features.featureNames, summaries.columns).map { name, column in
            .object([
              ("name", .string(name)), ("count", .int(column.count)),
              ("missing", .int(column.missing)), ("text", .int(column.text)),
              ("mean", .number(column.mean)), ("std", .number(column.standardDeviation)),
              ("min", .number(column.minimum)), ("25%", .number(column.quantiles[0])),
              ("50%", .number(column.quantiles[1])), ("75%", .number(column.quantiles[2])),
              ("max", .number(column.maximum)),
            ])
          })
      ),
    ])
  }
}
