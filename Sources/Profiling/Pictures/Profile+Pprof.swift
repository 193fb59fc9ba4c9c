extension Profile {
  /// A Profile message of https://github.com/google/pprof/blob/main/proto/profile.proto, not compressed: of
  /// each stack its samples, and the nanoseconds that they stand for.
  public var pprof: [UInt8] {
    var strings = PprofStrings()
    var message = Protobuf()
    let period = Int64(1e9 / rate)
    for (type, unit) in [("samples", "count"), ("wall", "nanoseconds")] {
      message.message(1) { $0.valueType(strings.number(type), strings.number(unit)) }
    }
    for (index, node) in tree.nodes.enumerated() where node.own > 0 && index > 0 {
      message.message(2) { sample in
        // Innermost first. A location is a frame, by its number from 1.
        sample.packed(1, tree.path(index).reversed().map { UInt64($0) + 1 })
        sample.packed(2, [UInt64(node.own), UInt64(node.own &* period)])
      }
    }
    for (index, frame) in frames.frames.enumerated() {
      let number = UInt64(index) + 1
      message.message(4) { location in
        location.integer(1, number)
        location.message(4) { line in
          line.integer(1, number)
          line.integer(2, UInt64(clamping: frame.line ?? 0))
        }
      }
      message.message(5) { function in
        function.integer(1, number)
        function.integer(2, strings.number(frame.function))
        function.integer(4, strings.number(frame.file ?? frame.module ?? ""))
      }
    }
    message.integer(10, UInt64(clamping: statistics.duration))
    message.message(11) { $0.valueType(strings.number("wall"), strings.number("nanoseconds")) }
    message.integer(12, UInt64(period))
    message.integer(13, strings.number("\(command): \(summary)"))
    for text in strings.texts { message.bytes(6, Array(text.utf8)) }
    return message.bytes
  }
}

/// The string table: each once, the first empty.
private struct PprofStrings {
  private(set) var texts = [""]
  private var numbers = ["": UInt64(0)]

  mutating func number(_ text: String) -> UInt64 {
    if let known = numbers[text] { return known }
    let number = UInt64(texts.count)
    texts.append(text)
    numbers[text] = number
    return number
  }
}

/// Protocol buffers, written field by field (https://protobuf.dev/programming-guides/encoding).
private struct Protobuf {
  private(set) var bytes: [UInt8] = []

  private mutating func number(_ value: UInt64) {
    var value = value
    while value >= 128 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 128)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  mutating func integer(_ field: UInt64, _ value: UInt64) {
    number(field << 3)
    number(value)
  }

  mutating func bytes(_ field: UInt64, _ content: [UInt8]) {
    number(field << 3 | 2)
    number(UInt64(content.count))
    bytes += content
  }

  mutating func packed(_ field: UInt64, _ values: [UInt64]) {
    var content = Protobuf()
    for value in values { content.number(value) }
    bytes(field, content.bytes)
  }

  mutating func message(_ field: UInt64, _ body: (inout Protobuf) -> Void) {
    var content = Protobuf()
    body(&content)
    bytes(field, content.bytes)
  }

  mutating func valueType(_ type: UInt64, _ unit: UInt64) {
    integer(1, type)
    integer(2, unit)
  }
}
