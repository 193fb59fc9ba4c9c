/// What a code object says of itself.
struct PythonCode {
  var function: String
  var file: String
  var firstLine: Int
  private var lines: [UInt8]
  private var minor: Int

  /// Nil when there is no code object at the address.
  init?(_ address: UInt64, _ layout: PythonLayout, _ memory: ProcessMemory, codeType: UInt64?) {
    guard address != 0, address & 7 == 0, let type = memory.pointer(address &+ layout.objects.type)
    else { return nil }
    if let codeType {
      guard type == codeType else { return nil }
    } else {
      guard let name = memory.pointer(type &+ layout.objects.typeName),
        memory.load(name, as: UInt32.self) == 0x6564_6f63,  // "code"
        memory.load(name &+ 4, as: UInt8.self) == 0
      else { return nil }
    }
    func text(_ offset: UInt64) -> String? {
      memory.pointer(address &+ offset).flatMap { PythonCode.text($0, layout.objects, memory) }
    }
    guard let file = text(layout.code.fileName), let name = text(layout.code.name),
      let firstLine: Int32 = memory.load(address &+ layout.code.firstLine)
    else { return nil }
    self.file = file
    function = layout.code.qualifiedName.flatMap(text) ?? name
    self.firstLine = Int(firstLine)
    minor = layout.minor
    lines = []
    if let table = memory.pointer(address &+ layout.code.lines),
      let size: Int64 = memory.load(table &+ layout.objects.bytesSize), size > 0, size < 1 << 22,
      let bytes = memory.bytes(table &+ layout.objects.bytesData, count: Int(size))
    {
      lines = Array(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
    }
  }

  /// The line of the instruction that begins at a byte of the code; nil for instructions without one.
  func line(at offset: Int) -> Int? {
    guard offset >= 0 else { return firstLine }
    return minor <= 9
      ? PythonCode.lineOfNumberTable(lines, firstLine, offset)
      : minor == 10
        ? PythonCode.lineOfRanges(lines, firstLine, offset)
        : PythonCode.lineOfLocations(lines, firstLine, offset)
  }

  /// co_lnotab: pairs of how far the code and the line go on (Objects/lnotab_notes.txt).
  private static func lineOfNumberTable(_ table: [UInt8], _ first: Int, _ offset: Int) -> Int {
    var line = first
    var address = 0
    var index = 0
    while index + 1 < table.count {
      address += Int(table[index])
      if address > offset { break }
      line += Int(Int8(bitPattern: table[index + 1]))
      index += 2
    }
    return line
  }

  /// 3.10's co_linetable (PEP 626): pairs of a length in bytes and a step of the line, -128 for no line.
  private static func lineOfRanges(_ table: [UInt8], _ first: Int, _ offset: Int) -> Int? {
    var line = first
    var end = 0
    var index = 0
    while index + 1 < table.count {
      let step = Int(Int8(bitPattern: table[index + 1]))
      if step != -128 { line += step }
      end += Int(table[index])
      if offset < end { return step == -128 ? nil : line }
      index += 2
    }
    return line
  }

  /// From 3.11 (Objects/locations.md): entries of a kind, a length in code units, and variable-length
  /// numbers.
  private static func lineOfLocations(_ table: [UInt8], _ first: Int, _ offset: Int) -> Int? {
    var line = first
    var end = 0
    var index = 0
    func number() -> Int {
      var value = 0
      var shift = 0
      while index < table.count {
        let byte = table[index]
        index += 1
        if shift < 32 { value |= Int(byte & 63) << shift }
        shift += 6
        if byte & 64 == 0 { break }
      }
      return value
    }
    func signedNumber() -> Int {
      let value = number()
      return value & 1 == 0 ? value >> 1 : -(value >> 1)
    }
    while index < table.count {
      let head = table[index]
      index += 1
      guard head & 128 != 0 else { return nil }
      end += (Int(head & 7) + 1) * 2
      var hasLine = true
      switch head >> 3 & 15 {
      case 0...9: index += 1
      case 10, 11, 12:
        line += Int(head >> 3 & 15) - 10
        index += 2
      case 13: line += signedNumber()
      case 14:
        line += signedNumber()
        _ = number()
        _ = number()
        _ = number()
      default: hasLine = false
      }
      if offset < end { return hasLine ? line : nil }
    }
    return line
  }

  /// A str of the interpreter, of 1, 2 or 4 bytes a character, the first characters of it.
  static func text(
    _ address: UInt64, _ layout: PythonLayout.Objects, _ memory: ProcessMemory, limit: Int = 1024
  ) -> String? {
    guard address != 0, let length: Int64 = memory.load(address &+ layout.textLength), length >= 0,
      length < 1 << 40, let state: UInt32 = memory.load(address &+ layout.textState)
    else { return nil }
    let flags = state >> layout.textKind
    let kind = Int(flags & 7)
    let isCompact = flags >> 3 & 1 == 1
    let isASCII = flags >> 4 & 1 == 1
    guard kind == 1 || kind == 2 || kind == 4 else { return nil }
    let count = min(Int(length), limit)
    if count == 0 { return "" }
    // Those of subclasses are not compact: there stands a pointer.
    let data =
      isCompact
      ? address &+ (isASCII ? layout.asciiData : layout.compactData)
      : memory.pointer(address &+ layout.compactData) ?? 0
    guard let bytes = memory.bytes(data, count: count * kind), bytes.count == count * kind
    else { return nil }
    if isASCII {
      return String(
        decoding: UnsafeRawBufferPointer(start: bytes.base, count: count), as: UTF8.self)
    }
    var text = ""
    for index in 0..<count {
      let value: UInt32? =
        switch kind {
        case 1: bytes.load(index, as: UInt8.self).map(UInt32.init)
        case 2: bytes.load(index * 2, as: UInt16.self).map(UInt32.init)
        default: bytes.load(index * 4, as: UInt32.self)
        }
      text.unicodeScalars.append(value.flatMap(Unicode.Scalar.init) ?? "\u{fffd}")
    }
    return text
  }
}
