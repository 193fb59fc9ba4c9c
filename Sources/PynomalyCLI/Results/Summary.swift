import Tables

/// The outcome in words, or as JSON.
struct Summary {
  let outcome: Outcome
  /// Features named with each row.
  private static let features = 3

  var text: String {
    let pass = outcome.pass
    let share = Double(pass.anomalies) / Double(max(1, pass.rows)) * 100
    var text = "\(outcome.source): \(Number.grouped(pass.rows)) \(pass.rows == 1 ? "row" : "rows"),"
    text +=
      " \(outcome.featureNames.count) \(outcome.featureNames.count == 1 ? "feature" : "features"),"
    text += " \(outcome.detectorName)\n"
    text += "\(Number.grouped(pass.anomalies)) above the threshold"
    text += " \(Number.rounded(pass.threshold)) (\(Number.fixed(share, 2)) %)\n"
    text += outcome.threshold?.words ?? ""
    if let method = outcome.probability { text += "probabilities by \(method.rawValue)\n" }
    if outcome.sampledFrom != nil {
      text += "fitted on a random sample of \(Number.grouped(FitPass.sampleRows)) rows\n"
    }
    if outcome.learntAll { text += "learnt from all rows, one after another\n" }
    if let quality = outcome.quality { text += words(quality) }
    if !pass.top.isEmpty { text += "\n" + table }
    return text
  }

  private func words(_ quality: Outcome.Quality) -> String {
    var words: String
    switch (quality.rocAUC, quality.averagePrecision) {
    case (.success(let auc), .success(let precision)):
      words = "ROC-AUC \(Number.fixed(auc, 6)), average precision \(Number.fixed(precision, 6))\n"
    case (.failure(let error), _), (_, .failure(let error)):
      words = "no ROC-AUC: \(error.message)\n"
    }
    let runs = quality.runs == 1 ? "1 run" : "\(Number.grouped(quality.runs)) runs"
    words += "label \(printable(quality.column.utf8)): \(Number.grouped(quality.positives))"
    words += " \(quality.positives == 1 ? "row" : "rows") in \(runs);"
    words += " \(Number.grouped(quality.runsFound)) of them with a row above the threshold\n"
    return words
  }

  private var table: String {
    let identities = outcome.pass.top[0].identity.map(\.0)
    let hasLabels = outcome.quality != nil
    var table = TextTable(
      alignments: [.right, .right, .right] + identities.map { _ in .left }
        + (hasLabels ? [.right] : []) + [.left])
    table.rows = [
      ["row", "line", "score"] + identities + (hasLabels ? ["label"] : []) + ["responsible"]
    ]
    for row in outcome.pass.top {
      table.rows.append(
        ["\(row.row + 1)", "\(row.line)", Number.fixed(row.score, 4)] + row.identity.map(\.1)
          + (hasLabels ? ["\(row.label)"] : []) + [responsible(row)])
    }
    return table.text
  }

  private func responsible(_ row: TopRow) -> String {
    row.responsible(most: Summary.features).map { feature, share in
      "\(printable(outcome.featureNames[feature].utf8))=\(Number.rounded(row.values[feature]))"
        + " (\(Number.fixed(share * 100, 0)) %)"
    }.joined(separator: ", ")
  }

  var json: JSON {
    let pass = outcome.pass
    var members: [(String, JSON)] = [
      ("source", .string(outcome.source)), ("detector", .string(outcome.detectorName)),
      ("rows", .int(pass.rows)), ("features", .array(outcome.featureNames.map { .string($0) })),
      ("threshold", .number(pass.threshold)), ("anomalies", .int(pass.anomalies)),
      ("fitted_on_sample_of", outcome.sampledFrom == nil ? .null : .int(FitPass.sampleRows)),
    ]
    if let found = outcome.threshold { members.append(("threshold_method", found.json)) }
    if let method = outcome.probability { members.append(("probability_method", .string(method.rawValue))) }
    if let quality = outcome.quality {
      members.append(("label_column", .string(quality.column)))
      members.append(("labelled_rows", .int(quality.positives)))
      members.append(("labelled_runs", .int(quality.runs)))
      members.append(("labelled_runs_found", .int(quality.runsFound)))
      members.append(("roc_auc", (try? quality.rocAUC.get()).map { .number($0) } ?? .null))
      members.append(
        ("average_precision", (try? quality.averagePrecision.get()).map { .number($0) } ?? .null))
    }
    members.append(("top", .array(pass.top.map(json))))
    return .object(members)
  }

  private func json(_ row: TopRow) -> JSON {
    var members: [(String, JSON)] = [
      ("row", .int(row.row + 1)), ("line", .int(row.line)), ("score", .number(row.score)),
    ]
    if outcome.quality != nil { members.append(("label", .int(Int(row.label)))) }
    if !row.identity.isEmpty {
      members.append(("columns", .object(row.identity.map { ($0.0, .string($0.1)) })))
    }
    let features = row.responsible(most: row.values.count).map { feature, share in
      JSON.object([
        ("name", .string(outcome.featureNames[feature])), ("value", .number(row.values[feature])),
        ("share", .number(share)),
      ])
    }
    members.append(("features", .array(features)))
    return .object(members)
  }
}
