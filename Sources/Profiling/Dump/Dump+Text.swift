extension Dump {
  /// As people read it: a paragraph a thread, the innermost frame first.
  public var text: [UInt8] {
    var text = "Process \(pid): \(Dump.plain(command))\n"
    if let python { text += "Python \(python)\n" }
    for thread in threads {
      var words = thread.isActive ? "active" : "idle"
      if thread.holdsLock { words += "+gil" }
      if let interpreter = thread.interpreter { words += ", interpreter \(interpreter)" }
      text += "\nThread \(thread.id) (\(words)): \"\(Dump.plain(thread.name))\"\n"
      for (index, frame) in thread.frames.enumerated() {
        text += "    \(Dump.plain(frame.function)) (\(Dump.plain(frame.place)))\n"
        guard hasVariables else { continue }
        let variables = thread.variables[index]
        for isArgument in [true, false] {
          let part = variables.filter { $0.isArgument == isArgument }
          if part.isEmpty { continue }
          text += "        \(isArgument ? "Arguments" : "Locals"):\n"
          for variable in part {
            text += "            \(Dump.plain(variable.name)): \(Dump.plain(variable.value))\n"
          }
        }
      }
      if let remark = thread.remark { text += "    [\(remark)]\n" }
    }
    return Array(text.utf8)
  }

  public var json: [UInt8] {
    var json = JSONText()
    json.raw("{\"pid\": ")
    json.number(pid)
    json.raw(", \"command\": ")
    json.string(command)
    json.raw(", \"python\": ")
    json.string(python)
    json.raw(", \"pause_ns\": ")
    json.number(pause)
    json.raw(", \"threads\": [")
    for (index, thread) in threads.enumerated() {
      if index > 0 { json.raw(",") }
      json.raw("\n  {\"thread_id\": ")
      json.number(thread.id)
      json.raw(", \"name\": ")
      json.string(thread.name)
      json.raw(", \"active\": ")
      json.bool(thread.isActive)
      json.raw(", \"owns_gil\": ")
      json.bool(thread.holdsLock)
      json.raw(", \"interpreter\": ")
      if let interpreter = thread.interpreter { json.number(interpreter) } else { json.raw("0") }
      json.raw(", \"remark\": ")
      json.string(thread.remark)
      json.raw(", \"frames\": [")
      for (index, frame) in thread.frames.enumerated() {
        if index > 0 { json.raw(",") }
        json.raw("\n    {\"kind\": ")
        json.string(frame.kind == .python ? "python" : "native")
        json.raw(", \"name\": ")
        json.string(frame.function)
        json.raw(", \"filename\": ")
        json.string(frame.file)
        json.raw(", \"line\": ")
        if let line = frame.line { json.number(line) } else { json.raw("null") }
        json.raw(", \"module\": ")
        json.string(frame.module)
        if hasVariables {
          json.raw(", \"locals\": [")
          for (position, variable) in thread.variables[index].enumerated() {
            json.raw(position > 0 ? ", {\"name\": " : "{\"name\": ")
            json.string(variable.name)
            json.raw(", \"value\": ")
            json.string(variable.value)
            json.raw(", \"argument\": ")
            json.bool(variable.isArgument)
            json.raw("}")
          }
          json.raw("]")
        }
        json.raw("}")
      }
      json.raw("]}")
    }
    json.raw("\n]}\n")
    return json.bytes
  }

  /// Names come from the other process: nothing in them may steer a terminal.
  @inline(never) static func plain(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.value < 32 || (127..<160).contains($0.value) })
    else { return text }
    return String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.value < 32 || (127..<160).contains($0.value) ? "?" : $0 }))
  }
}

extension Frame {
  /// "file:line", as far as it is known; of native frames without a file, the module.
  var place: String {
    guard let file else { return module.map { String($0.split(separator: "/").last ?? "") } ?? "?" }
    return line.map { "\(file):\($0)" } ?? file
  }
}
