/// What a search found, for people and for programs.
struct TuningReport {
  let detector: String
  let file: String
  let rows: Int
  let criterion: String
  let options: [String]
  /// Of each option, whether the criterion can tell its values apart.
  let judged: [Bool]
  let results: [Tuning.Result]
  let best: Int

  func text(top: Int) -> String {
    let fits = results.filter { $0.sameAs == nil }.count
    var text =
      "\(file): \(Number.grouped(rows)) rows, \(detector), \(results.count) configurations"
      + " (\(fits) fitted; the others differ in the threshold alone), by \(criterion)\n\n"
    if fits == results.count {
      text =
        "\(file): \(Number.grouped(rows)) rows, \(detector), \(results.count) configurations, by \(criterion)\n\n"
    }
    let order = results.indices.sorted {
      (results[$0].rank, $0) < (results[$1].rank, $1)
    }
    let shown = top == 0 ? order : Array(order.prefix(top))
    var table = TextTable(
      alignments: [.right] + options.map { _ in .right } + [.right, .right, .right, .right, .left])
    table.rows.append(["rank"] + options + ["mean", "s.d.", "fit ms", "score ms", ""])
    for index in shown {
      let one = results[index]
      let values = one.values.map(\.text)
      guard one.message == nil else {
        table.rows.append(
          ["-"] + values + ["", "", "", "", "failed: \(one.message ?? "")"])
        continue
      }
      table.rows.append(
        ["\(one.rank)"] + values + [
          Number.fixed(one.mean, 4), Number.fixed(one.deviation, 4),
          Number.fixed(one.fitSeconds * 1000, 1), Number.fixed(one.scoreSeconds * 1000, 1),
          one.sameAs == nil ? "" : "same scores as another",
        ])
    }
    text += table.text
    let failed = results.filter { $0.message != nil }.count
    if failed > 0 { text += "\(failed) of them failed; --top 0 shows why\n" }
    text += "\nthe best: " + setting(results[best]) + "\n"
    let open = zip(options, judged).filter { !$0.1 }.map(\.0).joined(separator: ", ")
    if !open.isEmpty { text += "not chosen, for it only moves the threshold: \(open)\n" }
    return text
  }

  /// As options of detect and fit.
  private func setting(_ result: Tuning.Result) -> String {
    "--detector \(detector)"
      + chosen(result).map { " --set \($0)=\($1.text)" }.joined()
  }

  private func chosen(_ result: Tuning.Result) -> [(String, OptionValue)] {
    zip(zip(options, result.values), judged).filter { $0.1 }.map(\.0)
  }

  var json: JSON {
    .object([
      ("file", .string(file)), ("rows", .int(rows)), ("detector", .string(detector)),
      ("criterion", .string(criterion)), ("best", .int(best)),
      ("chosen", .object(chosen(results[best]).map { ($0.0, $0.1.json) })),
      ("configurations", .array(results.map(json))),
    ])
  }

  private func json(_ result: Tuning.Result) -> JSON {
    .object([
      ("options", .object(Array(zip(options, result.values.map(\.json))))),
      ("mean", .number(result.mean)), ("deviation", .number(result.deviation)),
      ("folds", .array(result.folds.map { .number($0) })), ("rank", .int(result.rank)),
      ("fit_seconds", .number(result.fitSeconds)), ("score_seconds", .number(result.scoreSeconds)),
      ("same_as", result.sameAs.map { .int($0) } ?? .null),
      ("error", result.message.map { .string($0) } ?? .null),
    ])
  }
}

extension OptionValue {
  var json: JSON {
    switch self {
    case .int(let value): .int(Int(value))
    case .double(let value): .number(value)
    case .bool(let value): .bool(value)
    case .string(let value): .string(value)
    }
  }
}
