import CPynomaly

/// What top shows, as lines of text.
struct TopTable {
  enum Order: Int, CaseIterable {
    case own = 1, total, ownTime, totalTime
  }

  var title: String
  var rate: Double
  var order = Order.own
  var byFunction = false
  var showsHelp = false
  var totals = FrameTotals()

  private static let heads = ["  %Own", " %Total", "  OwnTime", "  TotalTime"]
  private var functionHead: String { byFunction ? "Function (file)" : "Function (file:line)" }

  /// Sorted by the chosen column, then by the others, then by name.
  private func rows(ofLast: Bool) -> [FrameTotals.Row] {
    let order = ofLast ? order : order == .own ? .ownTime : order == .total ? .totalTime : order
    func keys(_ row: FrameTotals.Row) -> [Double] {
      let all = [Double(row.own), Double(row.total), row.ownTime, row.totalTime]
      return [all[order.rawValue - 1]] + (ofLast ? all : all.suffix(2))
    }
    return totals.rows(byFunction: byFunction).map { (row: $0, keys: keys($0)) }.sorted { one, two in
      for (a, b) in zip(one.keys, two.keys) where a != b { return a > b }
      return one.row.label < two.row.label
    }.map(\.row)
  }

  private func line(_ own: Double, _ total: Double, _ row: FrameTotals.Row) -> String {
    "\(TopTable.share(own)) \(TopTable.share(total)) \(TopTable.time(row.ownTime, 8))"
      + " \(TopTable.time(row.totalTime, 10))  \(row.label)"
  }

  private static func share(_ value: Double) -> String { pad(Number.fixed(100 * value, 1) + "%", -6) }

  private static func time(_ seconds: Double, _ width: Int) -> String {
    let places = seconds >= 1000 ? 0 : seconds >= 100 ? 1 : seconds >= 1 ? 2 : 3
    return pad(Number.fixed(seconds, places) + "s", -width)
  }

  private func counts(_ last: pyn_profiler_statistics) -> String {
    let moments = Double(max(last.taken, 1))
    return "GIL \(Number.fixed(100 * Double(last.locked) / moments, 1))%, active "
      + "\(Number.fixed(100 * Double(last.active) / moments, 1))%, threads \(last.threads)"
  }

  /// What was not as it should be.
  private var faults: String {
    let whole = totals.whole
    let lost = whole.skipped + whole.torn + whole.failed
    var text = "late \(whole.late), lost \(lost)"
    if lost > 0 {
      text += " (skipped \(whole.skipped), dropped \(whole.torn), failed \(whole.failed))"
    }
    if whole.incomplete > 0 { text += ", \(whole.incomplete) native stacks not whole" }
    return text
  }

  private var progress: String {
    "\(Number.grouped(Int(totals.whole.taken))) samples at \(Number.rounded(rate)) a second in "
      + "\(Number.fixed(Double(totals.whole.duration_ns) / 1e9, 1)) s"
  }

  /// For a terminal of this size: a head, the rows that have room, a foot.
  func screen(width: Int, height: Int) -> [String] {
    func cut(_ text: String, _ room: Int) -> String {
      text.count <= room ? text : text.prefix(max(0, room - 2)) + String(repeating: ".", count: min(room, 2))
    }
    var lines = [
      cut("pynomaly top: \(title)", width),
      cut("\(progress); \(counts(totals.last))", width), "",
    ]
    var head = ""
    var used = 0
    for (index, name) in (TopTable.heads + ["  \(functionHead)"]).enumerated() {
      let shown = String(name.prefix(max(0, width - used)))
      used += shown.count
      head += index + 1 == order.rawValue ? "\u{1B}[1;4m\(shown)\u{1B}[22;24m" : shown
    }
    lines.append("\u{1B}[7m\(head)\(String(repeating: " ", count: max(0, width - used)))")
    let help = showsHelp ? TopTable.help.map { cut($0, width) } : []
    let room = max(0, height - lines.count - help.count - 1)
    let moments = Double(max(totals.last.taken, 1))
    for row in rows(ofLast: true).prefix(room) {
      lines.append(cut(line(Double(row.own) / moments, Double(row.total) / moments, row), width))
    }
    while lines.count < height - help.count - 1 { lines.append("") }
    lines += help
    let keys = "q quit, ? help"
    let gap = width - faults.count - keys.count
    lines.append(
      gap > 0 ? faults + String(repeating: " ", count: gap) + keys : cut(faults, width))
    // The foot stays when there is no room for all.
    return lines.count <= height ? lines : lines.prefix(max(0, height - 1)) + lines.suffix(min(1, height))
  }

  private static let help = [
    "", "1 2 3 4  sort by %Own, %Total, OwnTime, TotalTime",
    "         %: of the last moments; time: since the beginning; own: in the function itself,",
    "         total: also in what it calls. Of several threads together more than 100 %",
    "l        by line, or by function", "r        begin anew", "q        quit", "? x      this help",
  ]

  /// The whole recording without a terminal, the given number of rows at most.
  func text(limit: Int = .max) -> String {
    let moments = Double(max(totals.whole.taken, 1))
    let second = Double(totals.whole.duration_ns) / 1e9 / moments
    var text = "\(title)\n\(progress); \(counts(totals.whole)); \(faults)\n\n"
    text += TopTable.heads.joined() + "  \(functionHead)\n"
    let all = rows(ofLast: false)
    for row in all.prefix(limit) {
      let scale = second > 0 ? second * moments : 1
      text += line(row.ownTime / scale, row.totalTime / scale, row) + "\n"
    }
    if all.count > limit { text += "and \(Number.grouped(all.count - limit)) more\n" }
    return text
  }

  enum Answer: Int, Comparable {
    case none, draw, reset, quit

    static func < (one: Answer, two: Answer) -> Bool { one.rawValue < two.rawValue }
  }

  mutating func press(_ key: UInt8) -> Answer {
    switch key {
    case UInt8(ascii: "1")...UInt8(ascii: "4"):
      order = Order(rawValue: Int(key - UInt8(ascii: "0"))) ?? order
    case UInt8(ascii: "l"), UInt8(ascii: "L"): byFunction.toggle()
    case UInt8(ascii: "?"), UInt8(ascii: "h"): showsHelp.toggle()
    case UInt8(ascii: "x"), UInt8(ascii: "X"): showsHelp = false
    case UInt8(ascii: "r"), UInt8(ascii: "R"): return .reset
    case UInt8(ascii: "q"), UInt8(ascii: "Q"): return .quit
    default: return .none
    }
    return .draw
  }
}
