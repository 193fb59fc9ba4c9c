extension Profile {
  /// An SVG that needs nothing else: it shows the whole as it stands, and with its script it can be zoomed
  /// and searched. Below, the outermost frames; a frame is as wide as its share of the samples.
  public var flameGraph: [UInt8] {
    let totals = tree.totals
    let whole = max(totals.first ?? 0, 1)
    // Children of each node, by name, so that pictures of two recordings look alike.
    let labels = frames.frames.map { Dump.plain(label($0)) }
    let (least, leftOut) = leastToShow(totals, labels)
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

    let row = 17
    let top = 70
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
    svg.append("\(FlameGraph.escape(FlameGraph.cut(summary, 190) + remark))</text>\n")
    svg.append(
      "<text id=\"reset\" class=\"button\" x=\"10\" y=\"60\" visibility=\"hidden\">Reset zoom</text>\n"
        + "<text id=\"search\" class=\"button\" x=\"1190\" y=\"60\" text-anchor=\"end\">Search</text>\n"
        + FlameGraph.legend
        + "<text id=\"matched\" x=\"1190\" y=\"\(height - 10)\" text-anchor=\"end\"> </text>\n"
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
      svg.append(
        "<g><title>\(FlameGraph.escape(label)): \(totals[node]) samples, \(share) %</title><rect"
          + " x=\"\(Decimal.text(x, places: 2))\" y=\"\(y)\" width=\"\(Decimal.text(width, places: 2))\""
          + " height=\"16\" rx=\"1\" fill=\"\(FlameGraph.color(frame))\"/>")
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
    svg.append("];\nconst height = \(height), row = \(row);\n")
    svg.append(FlameGraph.script)
    svg.raw("]]></script>\n</svg>\n")
    return svg.bytes
  }

  /// So many samples a frame must have for the picture to stay below 5 MB, and how many frames have fewer:
  /// the narrowest, which no zoom would show beside others.
  private func leastToShow(_ totals: [Int64], _ labels: [String]) -> (least: Int64, leftOut: Int) {
    var least: Int64 = 1
    while true {
      var size = 0
      var kept = 0
      var isUsed = [Bool](repeating: false, count: labels.count)
      for index in tree.nodes.indices.dropFirst() where totals[index] >= least {
        kept += 1
        size += 14
        let frame = Int(tree.nodes[index].frame)
        if !isUsed[frame] { size += labels[frame].utf8.count + 26 }
        isUsed[frame] = true
      }
      // The rest, which is at most 5000 frames drawn and the script, takes about 1 MB.
      if size <= 3_500_000 || kept == 0 { return (least, tree.nodes.count - 1 - kept) }
      least = max(least + 1, least * 5 / 4)
    }
  }
}

/// The parts of the picture that are always the same.
enum FlameGraph {
  static let style = """
    <style>
    g { cursor: pointer } g:hover > rect { stroke: #333 } text { pointer-events: none; fill: #111 }
    .button { pointer-events: auto; cursor: pointer; fill: #2456a6 } .found > rect { fill: #e040fb }
    .outer > rect { opacity: 0.55 }
    </style>

    """

  static let legend = """
    <g id="legend" font-size="10"><rect x="440" y="52" width="10" height="10" fill="hsl(212,62%,72%)"/>\
    <text x="454" y="61">Python</text><rect x="520" y="52" width="10" height="10" fill="hsl(26,82%,70%)"/>\
    <text x="534" y="61">native</text><rect x="600" y="52" width="10" height="10" fill="hsl(0,0%,75%)"/>\
    <text x="614" y="61">waits in the kernel</text><rect x="760" y="52" width="10" height="10" \
    fill="hsl(130,35%,72%)"/><text x="774" y="61">thread, process</text><rect x="890" y="52" width="10" \
    height="10" fill="hsl(282,52%,77%)"/><text x="904" y="61">label</text></g>

    """

  /// The colour tells the runtime; its shade, the name.
  static func color(_ frame: Frame?) -> String {
    guard let frame else { return "hsl(0,0%,88%)" }
    var hash: UInt32 = 2_166_136_261
    for byte in frame.function.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    let shade = Int((hash >> 8) % 221)
    switch frame.kind {
    case .python: return "hsl(\(204 + shade % 17),62%,\(66 + shade % 13)%)"
    case .thread: return "hsl(130,35%,72%)"
    case .label: return "hsl(\(276 + shade % 14),52%,\(74 + shade % 8)%)"
    case .native:
      return waits(frame.function)
        ? "hsl(0,0%,\(70 + shade % 10)%)" : "hsl(\(18 + shade % 25),82%,\(64 + shade % 13)%)"
    }
  }

  /// Names of libc's functions in which a thread waits.
  static func waits(_ name: String) -> Bool {
    let bare = name.drop { $0 == "_" }
    return waiting.contains(String(bare)) || bare.hasPrefix("futex_") || bare.hasPrefix("pthread_cond_")
      || bare.hasPrefix("clock_nanosleep") || bare.hasPrefix("GI___clock_nanosleep")
  }
  private static let waiting: Set<String> = [
    "poll", "ppoll", "select", "pselect", "epoll_wait", "epoll_pwait", "nanosleep", "clock_nanosleep",
    "pause", "read", "write", "recv", "recvfrom", "recvmsg", "send", "sendto", "sendmsg", "accept",
    "accept4", "connect", "wait4", "waitpid", "waitid", "syscall", "syscall_cancel", "lll_lock_wait",
    "new_sem_wait_slow64", "sem_wait", "sigsuspend", "sigwait", "sigtimedwait", "fsync", "fdatasync",
  ]

  static func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      // Not characters of XML.
      case _ where scalar.value < 32 || scalar.value == 0xfffe || scalar.value == 0xffff: escaped += "?"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// Inside CDATA: its end must not come early.
  static func inScript(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if scalar == ">" && result.hasSuffix("]]") { result += " " }
      result.unicodeScalars.append(scalar.value == 0xfffe || scalar.value == 0xffff ? "?" : scalar)
    }
    return result
  }

  static func cut(_ text: String, _ room: Int) -> String {
    text.count <= room ? text : text.prefix(max(0, room - 2)) + ".."
  }

  static let script = """
    const ns = "http://www.w3.org/2000/svg", count = nodes.length / 3;
    const frame = i => nodes[3 * i], parent = i => i - nodes[3 * i + 1], value = i => nodes[3 * i + 2];
    const name = i => i ? names[frame(i)] : "all", color = i => i ? colors[frame(i)] : "hsl(0,0%,88%)";
    const start = new Float64Array(count), used = new Float64Array(count), level = new Int32Array(count);
    for (let i = 1; i < count; i++) {
      const p = parent(i);
      start[i] = start[p] + used[p]; used[p] += value(i); level[i] = level[p] + 1;
    }
    const byId = id => document.getElementById(id), stage = byId("frames");
    let focus = 0, wanted = null;
    function add(to, tag, attributes, text) {
      const element = document.createElementNS(ns, tag);
      for (const key in attributes) element.setAttribute(key, attributes[key]);
      if (text !== undefined) element.textContent = text;
      to.appendChild(element);
      return element;
    }
    const about = i => name(i) + ": " + value(i) + " samples, " + (100 * value(i) / value(0)).toFixed(2) + " %";
    function draw() {
      while (stage.firstChild) stage.removeChild(stage.firstChild);
      const from = start[focus], to = from + value(focus);
      for (let i = 0; i < count; i++) {
        const isOuter = level[i] < level[focus] && start[i] <= from && start[i] + value(i) >= to;
        if (!isOuter && (start[i] < from || start[i] + value(i) > to || level[i] < level[focus])) continue;
        const width = isOuter ? 1180 : 1180 * value(i) / (to - from);
        if (width < 0.3) continue;
        const x = isOuter ? 10 : 10 + 1180 * (start[i] - from) / (to - from);
        const y = height - 34 - (level[i] + 1) * row;
        const g = add(stage, "g", {"data-node": i});
        const isFound = wanted !== null && wanted(name(i));
        g.setAttribute("class", (isOuter ? "outer" : "") + (isFound ? " found" : ""));
        add(g, "title", {}, about(i));
        add(g, "rect", {x: x, y: y, width: width, height: 16, rx: 1, fill: color(i)});
        const room = Math.floor((width - 6) / 7.3), label = name(i);
        if (room >= 3)
          add(g, "text", {x: x + 3, y: y + 12}, label.length <= room ? label : label.slice(0, room - 2) + "..");
      }
      byId("reset").setAttribute("visibility", focus ? "visible" : "hidden");
      let matched = 0;
      if (wanted !== null) {
        // What is inside a match is counted with it, once.
        const inside = new Uint8Array(count);
        for (let i = 0; i < count; i++) {
          inside[i] = i && inside[parent(i)] ? 1 : 0;
          if (!inside[i] && wanted(name(i))) { inside[i] = 1; matched += value(i); }
        }
      }
      byId("matched").textContent =
        wanted === null ? " " : "Matched: " + (100 * matched / value(0)).toFixed(2) + " %";
    }
    function search(text) {
      if (text === null || text === "") wanted = null;
      else try {
        const pattern = new RegExp(text);
        wanted = label => pattern.test(label);
      } catch (error) {
        wanted = label => label.includes(text);
      }
      byId("search").textContent = wanted === null ? "Search" : "Reset search";
      draw();
    }
    const nodeOf = event => {
      const g = event.target.closest ? event.target.closest("g[data-node]") : null;
      return g === null ? -1 : Number(g.getAttribute("data-node"));
    };
    stage.addEventListener("click", event => {
      const i = nodeOf(event);
      if (i >= 0) { focus = i; draw(); }
    });
    stage.addEventListener("mouseover", event => {
      const i = nodeOf(event);
      byId("details").textContent = i < 0 ? " " : about(i);
    });
    stage.addEventListener("mouseout", () => { byId("details").textContent = " "; });
    byId("reset").addEventListener("click", () => { focus = 0; draw(); });
    byId("search").addEventListener("click", () =>
      search(wanted === null ? prompt("Search for a text or a regular expression:") : null));
    window.addEventListener("keydown", event => {
      if ((event.ctrlKey || event.metaKey) && event.key === "f") {
        event.preventDefault();
        search(prompt("Search for a text or a regular expression:"));
      } else if (event.key === "Escape") { focus = 0; search(null); }
    });
    draw();

    """
}
