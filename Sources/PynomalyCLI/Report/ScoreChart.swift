/// The scores along the table: of each stretch of rows the highest, so that nothing that stands out is
/// lost however long the table is.
struct ScoreChart {
  static let points = 2_000

  let outcome: Outcome
  private let count: Int
  private let peaks: [Double]
  private let lows: [Double]
  private let labelled: [Bool]
  private let scale: Scale

  init(_ outcome: Outcome) {
    self.outcome = outcome
    let scores = outcome.pass.scores
    let labels = outcome.pass.labels
    let count = max(1, min(ScoreChart.points, scores.count))
    var peaks: [Double] = []
    var lows: [Double] = []
    var labelled: [Bool] = []
    for bucket in 0..<count {
      // Rows of the bucket; products of 2,000 and rows stay far below 2^63.
      let rows = bucket * scores.count / count..<(bucket + 1) * scores.count / count
      peaks.append(scores[rows].max() ?? 0)
      lows.append(scores[rows].min() ?? 0)
      labelled.append(!labels.isEmpty && labels[rows].contains(1))
    }
    self.count = count
    self.peaks = peaks
    self.lows = lows
    self.labelled = labelled
    let threshold = outcome.pass.threshold
    let low = min(lows.min() ?? 0, threshold)
    let high = max(peaks.max() ?? 1, threshold)
    let margin = max((high - low) * 0.06, 1e-9)
    scale = Scale(low: low - margin, high: high + margin)
  }

  var html: String {
    let rows = outcome.pass.rows
    let rowScale = Scale(low: 1, high: Double(max(2, rows)))
    let decimals = scale.decimals(5)
    let threshold = 1 - scale.place(outcome.pass.threshold)
    return Plot(
      rowTicks: scale.ticks(5).map { (scale.place($0), Number.fixed($0, decimals)) },
      columnTicks: rowScale.ticks(6).filter { $0 >= 1 }.map {
        (($0 - 0.5) / Double(rows), Number.grouped(Int($0)))
      },
      columnTitle: "row",
      drawing: bands + spread + line
        + "<path class=\"threshold\" d=\"M0 \(scale.height(outcome.pass.threshold))H\(count)\"/>",
      width: count,
      overlay: "<span class=\"threshold-name\" style=\"top:\(percent(threshold))\">threshold</span>"
        + dots + "<output class=\"tip\" hidden></output>",
      label: "Scores of \(rows) rows, threshold \(Number.rounded(outcome.pass.threshold, 4))",
      attributes:
        "id=\"scores\" data-rows=\"\(rows)\" data-low=\"\(Number.rounded(scale.low, 8))\""
        + " data-high=\"\(Number.rounded(scale.high, 8))\""
    ).html
  }

  var caption: String {
    let rows = outcome.pass.rows
    var text =
      rows > count
      ? "The line is the highest score of up to \(Number.grouped((rows + count - 1) / count)) rows at each point; the"
        + " area reaches down to their lowest."
      : "Each point is a row."
    if outcome.quality != nil { text += " Shaded: rows with label 1." }
    return text + " Dots are the rows listed below."
  }

  private var line: String {
    "<path class=\"line\" d=\"M\(points(peaks.indices, of: peaks))\(count == 1 ? "h.01" : "")\"/>"
  }

  /// What lies below the line, where a point stands for several rows.
  private var spread: String {
    guard outcome.pass.rows > count else { return "" }
    return "<path class=\"spread\" d=\"M\(points(peaks.indices, of: peaks))"
      + "L\(points(lows.indices.reversed(), of: lows))Z\"/>"
  }

  private func points(_ places: some Sequence<Int>, of values: [Double]) -> String {
    // Half steps put a point in the middle of its rows.
    places.map { "\($0).5 \(scale.height(values[$0]))" }
      .joined(separator: "L")
  }

  private var bands: String {
    var path = ""
    var index = 0
    while index < count {
      guard labelled[index] else {
        index += 1
        continue
      }
      let first = index
      while index < count && labelled[index] { index += 1 }
      path += "M\(first) 0H\(index)V1000H\(first)Z"
    }
    return path.isEmpty ? "" : "<path class=\"band\" d=\"\(path)\"/>"
  }

  private var dots: String {
    outcome.pass.top.prefix(Report.rows).map { row in
      let left = (Double(row.row) + 0.5) / Double(max(1, outcome.pass.rows))
      return "<a class=\"dot\" href=\"#row-\(row.row + 1)\" style=\"left:\(percent(left));top:"
        + "\(percent(1 - scale.place(row.score)))\" aria-label=\"row \(row.row + 1)\"></a>"
    }.joined()
  }
}
