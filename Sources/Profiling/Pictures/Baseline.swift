/// The recording that a flame graph is compared with: its samples in and below each node of one tree, which holds
/// the stacks of both.
struct Baseline {
  var totals: [Int64]

  private var whole: Int64 { max(totals.first ?? 0, 1) }

  /// How far a share has changed, from -10 (much less) to 10; full at 20 points. 0 within two standard errors of
  /// the samples: what chance does.
  func change(_ node: Int, _ count: Int64, _ all: Int64) -> Int {
    let (now, n) = (Double(count) / Double(all), Double(all))
    let (then, m) = (Double(totals[node]) / Double(whole), Double(whole))
    let error = (now * (1 - now) / n + then * (1 - then) / m).squareRoot()
    let step = now - then
    guard abs(step) > 2 * error, abs(step) > 1e-9 else { return 0 }
    let size = Int((10 * min(1, abs(step) / 0.2).squareRoot()).rounded(.up))
    return step > 0 ? size : -size
  }

  static func color(_ change: Int) -> String {
    if change == 0 { return "hsl(0,0%,86%)" }
    return change > 0
      ? "hsl(4,85%,\(94 - 3 * change)%)" : "hsl(214,80%,\(94 + 3 * change)%)"
  }

  func words(_ node: Int, _ count: Int64, _ all: Int64) -> String {
    let now = 100 * Double(count) / Double(all)
    let then = 100 * Double(totals[node]) / Double(whole)
    if totals[node] == 0 { return "; not in the base" }
    let sign = now < then ? "" : "+"
    return "; base \(Decimal.text(then, places: 2)) %: \(sign)\(Decimal.text(now - then, places: 2)) points"
  }

  func summary(_ all: Int64) -> String {
    "widths: \(all) samples; colours: how far shares differ from those of the base, \(whole) samples"
  }

  static let legend = """
    <text id="legend" x="600" y="61" font-size="10" text-anchor="middle">\
    <tspan fill="hsl(4,85%,50%)">red: more than in the base</tspan>, \
    <tspan fill="hsl(214,80%,45%)">blue: less</tspan>, the stronger the more (full at 20 points); \
    grey: no more than chance does (two standard errors)</text>

    """

  /// What is in the base only, in words: the outermost frames of such stacks, the largest first.
  func gone(_ tree: CallTree, _ now: [Int64], _ labels: [String]) -> [String] {
    var nodes: [Int] = []
    for index in tree.nodes.indices.dropFirst()
    where now[index] == 0 && totals[index] > 0 && now[Int(tree.nodes[index].parent)] > 0 {
      nodes.append(index)
    }
    func share(_ count: Int64) -> String {
      "\(Decimal.text(100 * Double(count) / Double(whole), places: 2)) % of the base"
    }
    var lines: [String] = []
    while lines.count < 10, let node = nodes.max(by: { totals[$0] < totals[$1] }) {
      nodes.removeAll { $0 == node }
      var words = ""
      for frame in tree.path(node).suffix(3) {
        words += (words.isEmpty ? "" : " > ") + FlameGraph.cut(labels[Int(frame)], 60)
      }
      lines.append("Only in the base: \(words), \(share(totals[node]))")
    }
    if !nodes.isEmpty {
      var rest: Int64 = 0
      for node in nodes { rest += totals[node] }
      lines.append("and \(nodes.count) more, \(share(rest)) together")
    }
    return lines
  }
}
