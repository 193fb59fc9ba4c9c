extension Profile {
  /// For chrome://tracing and https://ui.perfetto.dev: the stacks side by side, each frame as wide as the
  /// time of its samples. The axis is time added up, not the order in which things happened.
  public var chromeTrace: [UInt8] {
    let totals = tree.totals
    let microseconds = 1e6 / rate
    // Where the next child of a node begins, in samples.
    var cursor = [Int64](repeating: 0, count: totals.count)
    var json = JSONText()
    json.raw("{\"displayTimeUnit\": \"ms\", \"otherData\": {\"command\": ")
    json.string(command)
    json.raw(", \"summary\": ")
    json.string(summary)
    json.raw("},\n\"traceEvents\": [")
    for (index, node) in tree.nodes.enumerated().dropFirst() {
      let parent = Int(node.parent)
      let begin = cursor[parent]
      cursor[parent] += totals[index]
      cursor[index] = begin
      let frame = frames.frames[Int(node.frame)]
      json.raw(index > 1 ? ",\n{\"name\": " : "\n{\"name\": ")
      json.string(frame.function)
      json.raw(", \"cat\": ")
      json.string(Profile.kind(frame))
      json.raw(", \"ph\": \"X\", \"pid\": 0, \"tid\": 0, \"ts\": ")
      json.append(Decimal.text(Double(begin) * microseconds, places: 3))
      json.raw(", \"dur\": ")
      json.append(Decimal.text(Double(totals[index]) * microseconds, places: 3))
      json.raw(", \"args\": {\"samples\": ")
      json.number(totals[index])
      if let file = frame.file ?? frame.module {
        json.raw(", \"file\": ")
        json.string(file)
      }
      if let line = frame.line {
        json.raw(", \"line\": ")
        json.number(line)
      }
      json.raw("}}")
    }
    json.raw("\n]}\n")
    return json.bytes
  }
}
