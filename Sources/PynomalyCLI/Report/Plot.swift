import Glibc

/// A scale with marks at round numbers.
struct Scale {
  var low: Double
  var high: Double

  func place(_ value: Double) -> Double { high > low ? (value - low) / (high - low) : 0.5 }

  /// The height in a drawing of 1000, from the top.
  func height(_ value: Double) -> Int {
    let place = place(value)
    return place.isFinite ? Int((1 - min(1, max(0, place))) * 1000 + 0.5) : 1000
  }

  /// About `count` round numbers within.
  func ticks(_ count: Int) -> [Double] {
    let step = Scale.roundStep((high - low) / Double(max(1, count)))
    guard step > 0, step.isFinite else { return [low] }
    let first = (low / step).rounded(.up)
    let last = (high / step + 1e-9).rounded(.down)
    guard last - first < 100 else { return [low, high] }
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  /// Decimals that tell the ticks apart.
  func decimals(_ count: Int) -> Int {
    let step = Scale.roundStep((high - low) / Double(max(1, count)))
    guard step > 0, step.isFinite else { return 3 }
    return min(9, max(0, Int((-log10(step) - 1e-9).rounded(.up))))
  }

  private static func roundStep(_ raw: Double) -> Double {
    guard raw > 0, raw.isFinite else { return 0 }
    let power = pow(10, log10(raw).rounded(.down))
    for factor in [1.0, 2, 5] where raw <= factor * power * 1.0001 { return factor * power }
    return 10 * power
  }
}

/// A frame for drawings that stretch with the page. The drawing is SVG without text, stretched in both
/// directions; all text is HTML laid over it, so that it keeps its size on any screen.
struct Plot {
  /// Places from the bottom (0) to the top (1), with words; lines go across.
  var rowTicks: [(place: Double, text: String)]
  /// Places from left to right.
  var columnTicks: [(place: Double, text: String)]
  var columnTitle: String
  /// SVG elements in a box of `width` x 1000, y downwards.
  var drawing: String
  var width: Int
  /// HTML laid over the drawing.
  var overlay = ""
  /// Said to those who do not see the drawing.
  var label: String
  var attributes = ""

  var html: String {
    var lines = ""
    var marks = ""
    for tick in rowTicks {
      let y = Int((1 - tick.place) * 1000)
      lines += "<path class=\"grid\" d=\"M0 \(y)H\(width)\"/>"
      marks +=
        "<span class=\"y\" style=\"top:\(percent(1 - tick.place))\">\(escapeHTML(tick.text))</span>"
    }
    // On a narrow screen every other one must do.
    for (index, tick) in columnTicks.enumerated() {
      let isMinor = columnTicks.count > 4 && (columnTicks.count - index) % 2 == 0
      marks +=
        "<span class=\"x\(isMinor ? " minor" : "")\(tick.place > 0.94 ? " end" : tick.place < 0.03 ? " start" : "")\""
        + " style=\"left:\(percent(tick.place))\">\(escapeHTML(tick.text))</span>"
    }
    return """
      <div class="plot" \(attributes)><div class="field">\
      <svg viewBox="0 0 \(width) 1000" preserveAspectRatio="none" role="img" \
      aria-label="\(escapeHTML(label))">\(lines)\(drawing)</svg>\(overlay)\(marks)</div>\
      <p class="axis">\(escapeHTML(columnTitle))</p></div>

      """
  }
}
