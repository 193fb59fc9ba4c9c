extension Profile {
  /// An SVG that needs nothing else: it shows the whole as it stands, and with its script it can be zoomed
  /// and searched. Below, the outermost frames; a frame is as wide as its share of the samples.
  public var flameGraph: [UInt8] { flameGraph(comparedWith: nil) }

  /// The same, coloured by how far shares differ from those of another recording.
  func flameGraph(comparedWith base: Baseline?) -> [UInt8] {
    let totals = tree.totals
    let whole = max(totals.first ?? 0, 1)
    // Children of each node, by name, so that pictures of two recordings look alike.
    let labels = frames.frames.map { Dump.plain(label($0)) }
    let (least, leftOut) = leastToShow(totals, labels, bytesEach: base == nil ? 14 : 22)
    var kept: [Int] = []
    var number = [Int32](repeating: -1, count: tree.nodes.count)
    var children = [[Int]](repeating: [], count: tree.nodes.count)
    for index in tree.nodes.indices.dropFirst() where totals[index] >= least {
      children[Int(tree.nodes[index].parent)].append(index)
    }
    var depth = 0
    var pending: [(node: Int, depth: Int)] = [(0, 0)]
    while let (node, level) = pending.popLast() {
      depth = max(depth, level)
      number[node] = Int32(kept.count)
      kept.append(node)
      children[node].sort { one, two in
        labels[Int(tree.nodes[one].frame)] > labels[Int(tree.nodes[two].frame)]
      }
      for child in children[node] { pending.append((child, level + 1)) }
    }

    let gone = base?.gone(tree, totals, labels) ?? []
    let row = 17
    let top = 70 + gone.count * 13
    let height = top + (depth + 1) * row + 34
    var svg = JSONText()
    svg.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
    svg.append(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1200\" height=\"\(height)\" viewBox=\"0 0 1200"
        + " \(height)\" font-family=\"ui-monospace,Menlo,Consolas,monospace\" font-size=\"12\">\n")
    svg.append("<title>\(FlameGraph.escape(command))</title>\n")
    svg.append(FlameGraph.style)
    svg.append(
      "<rect width=\"100%\" height=\"100%\" fill=\"#fdfdfb\"/>\n<text x=\"600\" y=\"24\" font-size=\"16\""
        + " text-anchor=\"middle\">\(FlameGraph.escape(FlameGraph.cut(command, 110)))</text>\n")
    svg.append("<text x=\"600\" y=\"42\" font-size=\"10\" fill=\"#666\" text-anchor=\"middle\">")
    let remark = leftOut > 0 ? "; \(leftOut) frames of less than \(least) samples are left out" : ""
    let about = base?.summary(whole) ?? summary
    svg.append("\(FlameGraph.escape(FlameGraph.cut(about, 190) + remark))</text>\n")
    svg.append(
      "<text id=\"reset\" class=\"button\" x=\"10\" y=\"60\" visibility=\"hidden\">Reset zoom</text>\n"
        + "<text id=\"search\" class=\"button\" x=\"1190\" y=\"60\" text-anchor=\"end\">Search</text>\n"
        + (base == nil ? FlameGraph.legend : Baseline.legend))
    for (index, line) in gone.enumerated() {
      svg.append("<text class=\"gone\" x=\"10\" y=\"\(78 + index * 13)\" font-size=\"10\">")
      svg.append("\(FlameGraph.escape(line))</text>\n")
    }
    svg.append(
      "<text id=\"matched\" x=\"1190\" y=\"\(height - 10)\" text-anchor=\"end\"> </text>\n"
        + "<text id=\"details\" x=\"10\" y=\"\(height - 10)\"> </text>\n<g id=\"frames\">\n")
    // As it stands without a script: what is wide enough to be seen, and not more than one sees.
    let widest = kept.map { totals[$0] }.sorted(by: >)
    let drawn = max(
      Double(widest.count > 5000 ? widest[5000] + 1 : 0) * 1180 / Double(whole), 0.3)
    var starts = [Double](repeating: 0, count: kept.count)
    var levels = [Int](repeating: 0, count: kept.count)
    var used = [Double](repeating: 0, count: kept.count)
    for (index, node) in kept.enumerated() {
      if node > 0 {
        let parent = Int(number[Int(tree.nodes[node].parent)])
        starts[index] = starts[parent] + used[parent]
        used[parent] += Double(totals[node])
        levels[index] = levels[parent] + 1
      }
      let width = 1180 * Double(totals[node]) / Double(whole)
      guard width >= drawn else { continue }
      let x = 10 + 1180 * starts[index] / Double(whole)
      let y = height - 34 - (levels[index] + 1) * row
      let frame = node > 0 ? frames.frames[Int(tree.nodes[node].frame)] : nil
      let label = node > 0 ? labels[Int(tree.nodes[node].frame)] : "all"
      let share = Decimal.text(100 * Double(totals[node]) / Double(whole), places: 2)
      let compared = base?.words(node, totals[node], whole) ?? ""
      let color =
        base.map { Baseline.color($0.change(node, totals[node], whole)) } ?? FlameGraph.color(frame)
      svg.append(
        "<g><title>\(FlameGraph.escape(label)): \(totals[node]) samples, \(share) %\(compared)</title><rect"
          + " x=\"\(Decimal.text(x, places: 2))\" y=\"\(y)\" width=\"\(Decimal.text(width, places: 2))\""
          + " height=\"16\" rx=\"1\" fill=\"\(color)\"/>")
      let room = Int((width - 6) / 7.3)
      if room >= 3 {
        svg.append(
          "<text x=\"\(Decimal.text(x + 3, places: 2))\" y=\"\(y + 12)\">"
            + "\(FlameGraph.escape(FlameGraph.cut(label, room)))</text>")
      }
      svg.raw("</g>\n")
    }
    svg.raw("</g>\n<script type=\"text/javascript\"><![CDATA[\nconst names = [")
    // Only the names that occur.
    var frameNumber = [Int32](repeating: -1, count: labels.count)
    var shown: [Int] = []
    for node in kept.dropFirst() {
      let frame = Int(tree.nodes[node].frame)
      if frameNumber[frame] >= 0 { continue }
      if !shown.isEmpty { svg.raw(",") }
      frameNumber[frame] = Int32(shown.count)
      shown.append(frame)
      svg.string(FlameGraph.inScript(labels[frame]))
    }
    svg.raw("];\nconst colors = [")
    for (index, frame) in shown.enumerated() {
      if index > 0 { svg.raw(",") }
      svg.string(FlameGraph.color(frames.frames[frame]))
    }
    svg.raw("];\n// Of each node: its frame, how far back its parent is, its samples.\nconst nodes = [")
    for (index, node) in kept.enumerated() {
      if index > 0 { svg.raw(",") }
      svg.number(node > 0 ? frameNumber[Int(tree.nodes[node].frame)] : -1)
      svg.raw(",")
      svg.number(index > 0 ? index - Int(number[Int(tree.nodes[node].parent)]) : 0)
      svg.raw(",")
      svg.number(totals[node])
    }
    svg.raw("];\n")
    if let base {
      svg.raw("const base = [")
      for (index, node) in kept.enumerated() {
        if index > 0 { svg.raw(",") }
        svg.number(base.totals[node])
      }
      svg.raw("];\n// Of each node a letter: k where the share is the same.\nconst shades = ")
      svg.string(
        String(
          decoding: kept.map { UInt8(107 + base.change($0, totals[$0], whole)) }, as: UTF8.self))
      svg.raw(";\nconst palette = [")
      for change in -10...10 {
        if change > -10 { svg.raw(",") }
        svg.string(Baseline.color(change))
      }
      svg.raw("];\n")
    } else {
      svg.raw("const base = null, shades = null;\n")
    }
    svg.append("const height = \(height), row = \(row);\n")
    svg.append(FlameGraph.script)
    svg.raw("]]></script>\n</svg>\n")
    return svg.bytes
  }

  /// So many samples a frame must have for the picture to stay below 5 MB, and how many frames have fewer:
  /// the narrowest, which no zoom would show beside others.
  private func leastToShow(
    _ totals: [Int64], _ labels: [String], bytesEach: Int
  ) -> (least: Int64, leftOut: Int) {
    var least: Int64 = 1
    let all = totals.dropFirst().reduce(0) { $1 > 0 ? $0 + 1 : $0 }
    while true {
      var size = 0
      var kept = 0
      var isUsed = [Bool](repeating: false, count: labels.count)
      for index in tree.nodes.indices.dropFirst() where totals[index] >= least {
        kept += 1
        size += bytesEach
        let frame = Int(tree.nodes[index].frame)
        if !isUsed[frame] { size += labels[frame].utf8.count + 26 }
        isUsed[frame] = true
      }
      // The rest, which is at most 5000 frames drawn and the script, takes about 1 MB.
      if size <= 3_500_000 || kept == 0 { return (least, all - kept) }
      least = max(least + 1, least * 5 / 4)
    }
  }
}
