import CPynomaly
import Tables

/// What was found of two tables, in words or as JSON.
struct DriftSummary {
  let reference: String
  let source: String
  let names: [String]
  let extra: [String]
  let referenceRows: Int
  let rows: Int
  let options: DriftMonitor.Options
  let isStream: Bool
  let report: pyn_drift_report
  let features: [pyn_drift_feature]

  var isDrifted: Bool { report.first_drift > 0 }

  private func name(_ index: Int) -> String { index < names.count ? names[index] : "score" }

  private var drifted: Int { features.count { isStream ? $0.first_drift > 0 : $0.drifted != 0 } }

  var text: String {
    var text = "\(source) against \(reference): \(Number.grouped(rows)) and"
    text += " \(Number.grouped(referenceRows)) rows, \(names.count)"
    text += " \(names.count == 1 ? "column" : "columns")\n"
    text += isDrifted ? "drift in \(drifted) of \(features.count)" : "no drift"
    text += " at the level \(Number.rounded(options.alpha))"
    text += isStream ? ", all \(Number.grouped(Int(report.looks))) looks together" : ""
    text += isStream && isDrifted ? "; first seen at row \(Number.grouped(Int(report.first_drift)))\n" : "\n"
    if !extra.isEmpty {
      let shown = extra.prefix(8).map { printable($0.utf8) }.joined(separator: ", ")
      text += "not in the reference, left out: \(shown)\(extra.count > 8 ? ", ..." : "")\n"
    }
    var table = TextTable(
      alignments: [.left, .right, .right, .right, .right, .left])
    table.rows = [["column", "statistic", "p value", "adjusted", "PSI", "drift"]]
    for (index, feature) in features.enumerated() {
      table.rows.append([
        printable(name(index).utf8), Number.fixed(feature.statistic, 4),
        Number.rounded(feature.p_value, 3), Number.rounded(feature.adjusted_p_value, 3),
        Number.fixed(feature.psi, 4), words(feature),
      ])
    }
    return text + "\n" + table.text
  }

  private func words(_ feature: pyn_drift_feature) -> String {
    guard isStream else { return feature.drifted != 0 ? "yes" : "no" }
    guard feature.first_drift > 0 else { return "no" }
    return "since row \(Number.grouped(Int(feature.first_drift)))"
      + (feature.drifted != 0 ? "" : ", not at the end")
  }

  var json: JSON {
    .object([
      ("source", .string(source)), ("reference", .string(reference)), ("rows", .int(rows)),
      ("reference_rows", .int(referenceRows)),
      ("compared_rows", .int(options.window)),
      ("compared_reference_rows", .int(Int(report.reference_row_count))),
      ("alpha", .number(options.alpha)),
      ("correction", .string(options.isHolm ? "holm" : "benjamini-hochberg")),
      ("looks", .int(Int(report.looks))), ("level", .number(report.level)),
      ("drift", .bool(isDrifted)),
      ("first_drift", isStream && isDrifted ? .int(Int(report.first_drift)) : .null),
      ("left_out", .array(extra.map { .string($0) })),
      (
        "columns",
        .array(
          features.enumerated().map { index, feature in
            .object([
              ("name", .string(name(index))), ("statistic", .number(feature.statistic)),
              ("p_value", .number(feature.p_value)),
              ("adjusted_p_value", .number(feature.adjusted_p_value)), ("psi", .number(feature.psi)),
              ("drift", .bool(feature.drifted != 0)),
              (
                "first_drift",
                isStream && feature.first_drift > 0 ? .int(Int(feature.first_drift)) : .null
              ),
            ])
          })
      ),
    ])
  }
}
