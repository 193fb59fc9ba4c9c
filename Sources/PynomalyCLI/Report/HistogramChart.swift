import Glibc

/// How the scores are spread. Heights are logarithms: the few anomalies would not be seen otherwise.
struct HistogramChart {
  private static let bins = 60

  let outcome: Outcome
  private let scale: Scale
  private let counts: [Int]
  private let labelled: [Int]

  init(_ outcome: Outcome) {
    self.outcome = outcome
    let pass = outcome.pass
    let low = pass.scores.min() ?? 0
    let high = pass.scores.max() ?? 1
    let scale = high > low ? Scale(low: low, high: high) : Scale(low: low - 0.5, high: low + 0.5)
    var counts = [Int](repeating: 0, count: HistogramChart.bins)
    var labelled = counts
    for (row, score) in pass.scores.enumerated() {
      let place = scale.place(score)
      guard place.isFinite else { continue }
      let bin = min(HistogramChart.bins - 1, max(0, Int(place * Double(HistogramChart.bins))))
      counts[bin] += 1
      if !pass.labels.isEmpty && pass.labels[row] == 1 { labelled[bin] += 1 }
    }
    self.scale = scale
    self.counts = counts
    self.labelled = labelled
  }

  var html: String {
    let bins = HistogramChart.bins
    let threshold = outcome.pass.threshold
    let place = scale.place(threshold)
    let isInside = place >= 0 && place <= 1
    let decimals = scale.decimals(5)
    var drawing = ""
    for (bin, count) in counts.enumerated() where count > 0 {
      let middle = scale.low + (Double(bin) + 0.5) / Double(bins) * (scale.high - scale.low)
      drawing += bar(bin, count, middle > threshold ? "bar above" : "bar")
      if labelled[bin] > 0 { drawing += bar(bin, labelled[bin], "bar labelled") }
    }
    if isInside {
      drawing += "<path class=\"threshold\" d=\"M\(Int(place * Double(bins) * 100)) 0V1000\"/>"
    }
    let name =
      isInside
      ? "<span class=\"threshold-name upright\(place > 0.7 ? " left" : "")\" style=\"left:\(percent(place))\">threshold</span>"
      : ""
    return Plot(
      rowTicks: powers.map { (height($0) / 1000, Number.grouped($0)) },
      columnTicks: scale.ticks(5).map { (scale.place($0), Number.fixed($0, decimals)) },
      columnTitle: "score", drawing: drawing, width: bins * 100, overlay: name,
      label: "Histogram of the scores, rows on a logarithmic scale"
    ).html
  }

  var caption: String {
    "Rows by score; heights are logarithmic. Coloured: above the threshold."
      + (outcome.quality != nil ? " Inner bars: rows with label 1." : "")
  }

  private func bar(_ bin: Int, _ count: Int, _ kind: String) -> String {
    let top = Int(height(count))
    let inset = kind.hasSuffix("labelled") ? 26 : 8
    return
      "<path class=\"\(kind)\" d=\"M\(bin * 100 + inset) 1000V\(1000 - top)h\(100 - 2 * inset)V1000Z\"/>"
  }

  /// One row is to be seen, too: its bar stands above the ground.
  private func height(_ count: Int) -> Double {
    let most = Double(counts.max() ?? 1)
    return count <= 0 ? 0 : (log10(Double(count)) + 0.3) / (log10(most) + 0.3) * 960
  }

  private var powers: [Int] {
    var powers = [1]
    while let last = powers.last, last < (counts.max() ?? 1) / 10 { powers.append(last * 10) }
    return powers
  }
}
