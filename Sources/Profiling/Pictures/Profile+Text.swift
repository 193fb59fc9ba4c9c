extension Profile {
  /// How the sampling went, in a line.
  public var summary: String {
    func share(_ part: Int64, _ whole: Int64) -> String {
      whole > 0 ? Decimal.text(100 * Double(part) / Double(whole), places: 1) + " %" : "0 %"
    }
    var text =
      "\(statistics.taken) of \(statistics.due) samples taken at \(Decimal.text(rate, places: 1)) a"
      + " second in \(Decimal.text(Double(statistics.duration) / 1e9, places: 1)) s, \(statistics.stacks)"
      + " stacks; late \(statistics.late)"
    if statistics.skipped > 0 { text += "; skipped \(statistics.skipped) (the sampler came too late)" }
    if statistics.torn > 0 { text += "; dropped \(statistics.torn) (the stack changed while it was read)" }
    if statistics.failed > 0 {
      text += "; failed \(statistics.failed) (a thread could not be read or stopped)"
    }
    if statistics.incomplete > 0 {
      text += "; \(statistics.incomplete) native stacks end where there is no unwinding information"
    }
    if statistics.blocked > 0 {
      text += "; \(statistics.blocked) stacks not taken of threads that block the signal"
    }
    if statistics.interrupted > 0 {
      text += "; \(statistics.interrupted) system calls returned EINTR because of the signal"
    }
    text += "; sampler's own time \(share(statistics.ownTime, statistics.duration))"
    if statistics.stops > 0 {
      text += "; stopped for \(share(statistics.pause, statistics.duration)) of the time"
    }
    return text
  }

  /// What a frame is called in pictures and lists.
  func label(_ frame: Frame) -> String {
    if frame.kind == .thread || frame.kind == .label { return frame.function }
    guard let file = frame.file else {
      return frame.module.map { "\(frame.function) (\(Profile.lastPart($0)))" } ?? frame.function
    }
    let name = Profile.lastPart(file)
    return "\(frame.function) (\(frame.line.map { "\(name):\($0)" } ?? name))"
  }

  static func kind(_ frame: Frame) -> String {
    switch frame.kind {
    case .python: "python"
    case .native: "native"
    case .thread: "thread"
    case .label: "label"
    }
  }

  static func lastPart(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }

  /// A line a stack, outermost frame first: "main;work;inner 12", as flamegraph.pl and others read it.
  public var folded: [UInt8] {
    let labels = frames.frames.map { frame in
      // A semicolon separates, and a line ends a stack.
      String(
        String.UnicodeScalarView(
          Dump.plain(label(frame)).unicodeScalars.map { $0 == ";" ? ":" : $0 }))
    }
    var text: [UInt8] = []
    for (index, node) in tree.nodes.enumerated() where node.own > 0 && index > 0 {
      text += Array(tree.path(index).map { labels[Int($0)] }.joined(separator: ";").utf8)
      text += Array(" \(node.own)\n".utf8)
    }
    return text
  }

  /// For https://www.speedscope.app: one sampled profile, weights in seconds.
  public var speedscope: [UInt8] {
    var json = JSONText()
    json.raw("{\"$schema\": \"https://www.speedscope.app/file-format-schema.json\",\n")
    json.raw("\"exporter\": \"pynomaly\", \"activeProfileIndex\": 0, \"name\": ")
    json.string("\(command) (\(summary))")
    json.raw(",\n\"shared\": {\"frames\": [")
    for (index, frame) in frames.frames.enumerated() {
      json.raw(index > 0 ? ",\n{\"name\": " : "\n{\"name\": ")
      json.string(frame.function)
      if let file = frame.file ?? frame.module {
        json.raw(", \"file\": ")
        json.string(file)
      }
      if let line = frame.line {
        json.raw(", \"line\": ")
        json.number(line)
      }
      json.raw("}")
    }
    json.raw("]},\n\"profiles\": [{\"type\": \"sampled\", \"name\": ")
    json.string(command)
    json.raw(", \"unit\": \"seconds\", \"startValue\": 0, \"endValue\": ")
    var samples = JSONText()
    var weights = JSONText()
    var total: Int64 = 0
    for (index, node) in tree.nodes.enumerated() where node.own > 0 && index > 0 {
      if total > 0 {
        samples.raw(",\n")
        weights.raw(",")
      }
      total += node.own
      samples.raw("[")
      for (position, frame) in tree.path(index).enumerated() {
        if position > 0 { samples.raw(",") }
        samples.number(frame)
      }
      samples.raw("]")
      weights.append(Decimal.text(Double(node.own) / rate, places: 6))
    }
    json.append(Decimal.text(Double(total) / rate, places: 6))
    json.raw(",\n\"samples\": [\n")
    json.append(samples)
    json.raw("],\n\"weights\": [")
    json.append(weights)
    json.raw("]}]}\n")
    return json.bytes
  }
}

/// Decimal numbers without the C library's locale.
enum Decimal {
  @inline(never) static func text(_ value: Double, places: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "0" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let whole = Int64((abs(value) * scale).rounded())
    let unit = Int64(scale)
    var digits = String(whole % unit)
    while digits.utf8.count < places { digits = "0" + digits }
    while digits.last == "0" { digits.removeLast() }
    let sign = value < 0 && whole != 0 ? "-" : ""
    return digits.isEmpty || places == 0 ? "\(sign)\(whole / unit)" : "\(sign)\(whole / unit).\(digits)"
  }
}
