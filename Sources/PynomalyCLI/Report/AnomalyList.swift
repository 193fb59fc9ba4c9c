import Tables

/// The rows at the top, with the features that made them so.
struct AnomalyList {
  let outcome: Outcome
  /// Features shown with a row.
  private static let features = 5

  var html: String {
    let rows = outcome.pass.top
    guard !rows.isEmpty else { return "<p>No rows were listed.</p>" }
    let highest = rows.map(\.score).max() ?? 1
    return "<ol class=\"rows\">\n" + rows.map { item($0, highest) }.joined() + "</ol>\n"
  }

  private func item(_ row: TopRow, _ highest: Double) -> String {
    let isAbove = row.score > outcome.pass.threshold
    var html = "<li id=\"row-\(row.row + 1)\"><header>"
    html += "<h3>Row \(Number.grouped(row.row + 1))</h3>"
    html += "<p class=\"score\(isAbove ? " above" : "")\">\(Number.fixed(row.score, 4))</p>"
    if outcome.quality != nil {
      html += row.label == 1 ? "<p class=\"tag yes\">label 1</p>" : "<p class=\"tag\">label 0</p>"
    }
    html += "<p class=\"where\">line \(Number.grouped(row.line))"
    for (name, text) in row.identity {
      html += " · \(escapeHTML(printable(name.utf8))) <b>\(escapeHTML(text))</b>"
    }
    html += "</p></header>"
    let responsible = row.responsible(most: AnomalyList.features)
    if !responsible.isEmpty {
      html += "<table><tbody>"
      for (feature, share) in responsible { html += line(row, feature, share) }
      html += "</tbody></table>"
    }
    return html + "</li>\n"
  }

  private func line(_ row: TopRow, _ feature: Int, _ share: Double) -> String {
    let name = escapeHTML(printable(outcome.featureNames[feature].utf8, limit: 60))
    var value = row.values[feature].isNaN ? "missing" : Number.rounded(row.values[feature])
    if outcome.pass.usual.indices.contains(feature) {
      let (low, high) = outcome.pass.usual[feature]
      if low.isFinite && high.isFinite {
        value +=
          " <small>usually \(Number.rounded(low, 4))\(low == high ? "" : " to \(Number.rounded(high, 4))")</small>"
      }
    }
    return "<tr><th scope=\"row\">\(name)</th><td>\(value)</td>"
      + "<td class=\"share\"><span class=\"meter\"><i style=\"width:\(percent(share))\"></i></span>"
      + "<span>\(Number.fixed(share * 100, 0)) %</span></td></tr>"
  }
}

/// Which features stand out over all the listed rows.
struct FeatureRanking {
  let outcome: Outcome
  private static let features = 10

  var html: String? {
    let rows = outcome.pass.top.filter { !$0.shares.isEmpty }
    guard !rows.isEmpty else { return nil }
    var sums = [Double](repeating: 0, count: outcome.featureNames.count)
    for row in rows {
      for (feature, share) in row.responsible(most: sums.count) { sums[feature] += share }
    }
    let ranked = sums.enumerated().sorted { ($0.element, $1.offset) > ($1.element, $0.offset) }
      .prefix(FeatureRanking.features).filter { $0.element > 0 }
    guard let most = ranked.first?.element else { return nil }
    return "<table class=\"ranking\"><tbody>"
      + ranked.map { feature, sum in
        "<tr><th scope=\"row\">\(escapeHTML(printable(outcome.featureNames[feature].utf8, limit: 60)))</th>"
          + "<td class=\"share\"><span class=\"meter\"><i style=\"width:\(percent(sum / most))\"></i></span>"
          + "<span>\(Number.fixed(sum / Double(rows.count) * 100, 0)) %</span></td></tr>"
      }.joined() + "</tbody></table>\n"
  }
}
