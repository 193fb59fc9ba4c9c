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

  @inline(never) static func escape(_ text: String) -> String {
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

  @inline(never) static func cut(_ text: String, _ room: Int) -> String {
    text.count <= room ? text : text.prefix(max(0, room - 2)) + ".."
  }

  static let script = """
    const ns = "http://www.w3.org/2000/svg", count = nodes.length / 3;
    const frame = i => nodes[3 * i], parent = i => i - nodes[3 * i + 1], value = i => nodes[3 * i + 2];
    const name = i => i ? names[frame(i)] : "all";
    const color = i => shades ? palette[shades.charCodeAt(i) - 97] : i ? colors[frame(i)] : "hsl(0,0%,88%)";
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
    const about = i => name(i) + ": " + value(i) + " samples, " + (100 * value(i) / value(0)).toFixed(2) + " %"
      + (base ? versus(100 * value(i) / value(0), 100 * base[i] / base[0]) : "");
    const versus = (now, then) => then ? "; base " + then.toFixed(2) + " %: " + (now < then ? "" : "+")
      + (now - then).toFixed(2) + " points" : "; not in the base";
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
