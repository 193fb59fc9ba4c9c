import Glibc

/// The report: one page that stands alone, legible on a phone, in the light and in the dark.
struct Report {
  /// Rows listed at least, when there are as many.
  static let rows = 20

  private let outcome: Outcome

  init(_ outcome: Outcome) { self.outcome = outcome }

  var html: String {
    let title = "Anomalies in \(escapeHTML(Report.lastPart(of: outcome.source)))"
    let scores = ScoreChart(outcome)
    let histogram = HistogramChart(outcome)
    let ranking = FeatureRanking(outcome: outcome).html
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width,initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
      style-src 'unsafe-inline'; script-src 'unsafe-inline'">
      <title>\(title)</title>
      <style>
      \(ReportStyle.css)
      </style>
      </head>
      <body>
      <main>
      <h1>\(title)</h1>
      <p class="soft">\(subtitle)</p>
      <dl class="facts">\(facts)</dl>
      \(section("Scores", scores.caption, scores.html))
      <div class="pair">
      \(section("How the scores are spread", histogram.caption, histogram.html))
      \(ranking.map {
        section(
          "What stands out",
          "How much each feature adds to the scores of the rows listed below, on average.", $0)
      } ?? "")
      </div>
      \(section("Most anomalous rows", listCaption, AnomalyList(outcome: outcome).html))
      <footer>\(footer)</footer>
      </main>
      <script>
      \(ReportStyle.script)
      </script>
      </body>
      </html>

      """
  }

  private func section(_ title: String, _ caption: String, _ body: String) -> String {
    "<section><h2>\(title)</h2><p class=\"caption\">\(escapeHTML(caption))</p>\(body)</section>"
  }

  private var subtitle: String {
    let features = outcome.featureNames.count
    var text =
      "\(escapeHTML(outcome.detectorName)) on \(features) feature\(features == 1 ? "" : "s")"
    if outcome.sampledFrom != nil {
      text += ", fitted on a random sample of \(Number.grouped(FitPass.sampleRows)) rows"
    }
    if outcome.learntAll { text += ", learnt from all rows" }
    return text
  }

  private var facts: String {
    let pass = outcome.pass
    let share = Number.fixed(Double(pass.anomalies) / Double(max(1, pass.rows)) * 100, 2)
    var facts = fact("Rows", Number.grouped(pass.rows))
    facts += fact(
      "Anomalies", Number.grouped(pass.anomalies), "\(share) % of rows",
      isHot: pass.anomalies > 0)
    facts += fact("Threshold", Number.rounded(pass.threshold, 4))
    facts += fact("Highest score", Number.rounded(pass.top.first?.score ?? .nan, 4))
    if let quality = outcome.quality {
      if let auc = try? quality.rocAUC.get() { facts += fact("ROC-AUC", Number.fixed(auc, 4)) }
      if let precision = try? quality.averagePrecision.get() {
        facts += fact("Average precision", Number.fixed(precision, 4))
      }
      facts += fact(
        "Labelled 1", Number.grouped(quality.positives),
        "\(quality.column): \(Number.grouped(quality.runs)) runs, \(Number.grouped(quality.runsFound)) found")
    }
    return facts
  }

  private func fact(
    _ name: String, _ value: String, _ note: String? = nil, isHot: Bool = false
  ) -> String {
    "<div\(isHot ? " class=\"hot\"" : "")><dt>\(name)</dt><dd>\(escapeHTML(value))"
      + (note.map { "<small>\(escapeHTML($0))</small>" } ?? "") + "</dd></div>"
  }

  private var listCaption: String {
    outcome.pass.usual.isEmpty
      ? "The shares say how much of the score a feature explains."
      : "The shares say how much of the score a feature explains. \"Usually\" is where the middle"
        + " 90 % of the rows lie."
  }

  private var footer: String {
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    var buffer = [CChar](repeating: 0, count: 64)
    let length = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M", &parts)
    let date = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return
      "Made by pynomaly \(escapeHTML(Library.version)) on \(date). Rows count from 1 without the"
      + " header; lines are those of the file. A higher score is more anomalous."
  }

  private static func lastPart(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}
