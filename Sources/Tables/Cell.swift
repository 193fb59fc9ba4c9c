import CNumbers

/// What the text of one cell says. The long way round for cells that are not plain numbers.
enum Cell {
  case number(Double)
  case notFinite
  case missing
  case text

  /// Reads a cell without its quotes. Blanks around it do not count. Truth values are numbers, since
  /// tables written by programs are full of them.
  static func read(_ field: UnsafeBufferPointer<UInt8>) -> Cell {
    let trimmed = trim(field)
    guard let base = trimmed.baseAddress, !trimmed.isEmpty else { return .missing }
    if let word = word(trimmed) { return word }
    var value = 0.0
    let status = UnsafeRawPointer(base).withMemoryRebound(to: CChar.self, capacity: trimmed.count) {
      cnumbers_parse($0, trimmed.count, &value)
    }
    switch Int(status) {
    case CNUMBERS_OK where value.isFinite: return .number(value)
    case CNUMBERS_OK: return value.isNaN ? .missing : .notFinite
    case CNUMBERS_TOO_LARGE: return .notFinite
    default: return .text
    }
  }

  static func trim(_ field: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    var first = 0
    var last = field.count
    while first < last && isBlank(field[first]) { first += 1 }
    while last > first && isBlank(field[last - 1]) { last -= 1 }
    return UnsafeBufferPointer(rebasing: field[first..<last])
  }

  /// Space, tab, and inside quotes line ends.
  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == newline || byte == carriageReturn
  }

  private static func word(_ field: UnsafeBufferPointer<UInt8>) -> Cell? {
    guard field.count <= 5 else { return nil }
    // Lower-case letters of the cell, as one number to compare with.
    var key: UInt64 = 0
    for byte in field {
      let isLetter = byte >= 0x41 && byte <= 0x5A
      key = key << 8 | UInt64(isLetter ? byte | 0x20 : byte)
    }
    return words[key]
  }

  private static let words: [UInt64: Cell] = {
    let known: [(String, Cell)] = [
      ("na", .missing), ("n/a", .missing), ("#n/a", .missing), ("nan", .missing),
      ("null", .missing), ("none", .missing), ("<na>", .missing),
      ("true", .number(1)), ("false", .number(0)),
    ]
    return Dictionary(
      uniqueKeysWithValues: known.map { word, cell in
        (word.utf8.reduce(0) { $0 << 8 | UInt64($1) }, cell)
      })
  }()
}

/// Text for a message: at most `limit` characters, nothing that could disturb a terminal.
public func printable(_ bytes: some Collection<UInt8>, limit: Int = 40) -> String {
  var text = ""
  var count = 0
  for character in String(decoding: bytes.prefix(limit * 4), as: UTF8.self) {
    if count == limit { return text + "..." }
    if let scalar = character.unicodeScalars.first,
      scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
    {
      text += scalar == "\n" || character == "\r\n" ? "\\n" : scalar == "\t" ? "\\t" : "\u{FFFD}"
    } else {
      text.append(character)
    }
    count += 1
  }
  return bytes.count > limit * 4 ? text + "..." : text
}
