/// Objects of an interpreter as Python would write them, shortened. All that is read may be nonsense.
final class PythonValues {
  struct ObjectType {
    var name: String
    var flags: UInt64

    func isKind(_ bit: UInt64) -> Bool { flags >> bit & 1 == 1 }
    /// Not a subclass of that name.
    func isExactly(_ name: String) -> Bool { self.name == name }
  }
  private enum Bit {
    static let int: UInt64 = 24
    static let list: UInt64 = 25
    static let tuple: UInt64 = 26
    static let bytes: UInt64 = 27
    static let text: UInt64 = 28
    static let dictionary: UInt64 = 29
  }

  /// Characters of a value.
  static let limit = 200
  private static let items = 10
  private static let depth = 3

  private let layout: PythonLayout
  private let memory: ProcessMemory
  /// What objects of a free-threaded interpreter have before their contents more than others.
  private let extra: UInt64
  private var types: [UInt64: ObjectType] = [:]
  /// Many frames have the same objects, above all where functions call themselves.
  private var texts: [UInt64: String] = [:]

  init(_ layout: PythonLayout, _ memory: ProcessMemory) {
    self.layout = layout
    self.memory = memory
    extra = layout.objects.extra
  }

  func type(of object: UInt64) -> ObjectType? {
    guard object & 7 == 0, let address = memory.pointer(object &+ layout.objects.type), address != 0
    else { return nil }
    if let known = types[address] { return known }
    guard let name = memory.pointer(address &+ layout.objects.typeName),
      let flags: UInt64 = memory.load(address &+ layout.objects.typeFlags),
      let bytes = memory.bytes(name, count: 100),
      let text = bytes.text(at: 0), !text.isEmpty
    else { return nil }
    // A process that makes types without end must not fill our memory.
    if types.count > 10_000 { types.removeAll() }
    let type = ObjectType(name: text, flags: flags)
    types[address] = type
    return type
  }

  func text(_ object: UInt64) -> String {
    if let known = texts[object] { return known }
    var text = ""
    write(object, 0, &text)
    if texts.count < 10_000 { texts[object] = text }
    return text
  }

  private func write(_ object: UInt64, _ depth: Int, _ text: inout String) {
    guard let type = type(of: object) else {
      text += "<unreadable at \(PythonValues.hex(object))>"
      return
    }
    let before = text.utf8.count
    var isSubclass = false
    if type.isExactly("NoneType") {
      text += "None"
    } else if type.isExactly("bool") {
      text += memory.load(object &+ 24 &+ extra, as: UInt32.self) == 0 ? "False" : "True"
    } else if type.isExactly("float") {
      text += memory.pointer(object &+ 16 &+ extra).map { "\(Double(bitPattern: $0))" } ?? "float"
    } else if type.isKind(Bit.int) {
      text += integer(object) ?? "int"
      isSubclass = !type.isExactly("int")
    } else if type.isKind(Bit.text) {
      writeText(object, &text)
      isSubclass = !type.isExactly("str")
    } else if type.isKind(Bit.bytes) {
      writeBytes(object, &text)
      isSubclass = !type.isExactly("bytes")
    } else if type.isKind(Bit.list) {
      writeItems(object, memory.pointer(object &+ 24 &+ extra) ?? 0, "[", "]", depth, &text)
      isSubclass = !type.isExactly("list")
    } else if type.isKind(Bit.tuple) {
      writeItems(object, object &+ layout.objects.tupleItems, "(", ")", depth, &text)
      isSubclass = !type.isExactly("tuple")
    } else if type.isKind(Bit.dictionary) {
      writeDictionary(object, depth, &text)
      isSubclass = !type.isExactly("dict")
    } else if type.isExactly("set") || type.isExactly("frozenset") {
      text += "<\(type.name) of length \(count(object &+ 24 &+ extra))>"
    } else {
      text += "<\(type.name) at \(PythonValues.hex(object))>"
    }
    if isSubclass {
      let value = String(decoding: Array(text.utf8)[before...], as: UTF8.self)
      text = String(decoding: Array(text.utf8)[..<before], as: UTF8.self) + "<\(type.name) \(value)>"
    }
  }

  private static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

  /// A length; negative numbers and huge ones are none.
  private func count(_ place: UInt64) -> Int {
    guard let count: Int64 = memory.load(place), count >= 0, count < 1 << 40 else { return 0 }
    return Int(count)
  }

  /// Digits of 30 bits, the lowest first; their number and the sign before them.
  private func integer(_ object: UInt64) -> String? {
    guard let head: Int64 = memory.load(object &+ 16 &+ extra) else { return nil }
    let isNegative = layout.minor >= 12 ? head & 3 == 2 : head < 0
    let count = layout.minor >= 12 ? UInt64(bitPattern: head) >> 3 : head.magnitude
    guard count <= 40 else { return "<int of about \(count &* 30) bits>" }
    var digits: [UInt64] = []
    for index in 0..<count {
      guard let digit: UInt32 = memory.load(object &+ 24 &+ extra &+ 4 &* index) else { return nil }
      digits.append(UInt64(digit & 0x3fff_ffff))
    }
    var text = ""
    while let top = digits.last {
      if top == 0 {
        digits.removeLast()
        continue
      }
      var rest: UInt64 = 0
      for index in digits.indices.reversed() {
        let value = rest << 30 | digits[index]
        (digits[index], rest) = (value / 1_000_000_000, value % 1_000_000_000)
      }
      let part = String(rest)
      let isFirst = digits.allSatisfy { $0 == 0 }
      text = (isFirst ? "" : String(repeating: "0", count: 9 - part.utf8.count)) + part + text
    }
    return text.isEmpty ? "0" : (isNegative ? "-" : "") + text
  }

  private func writeText(_ object: UInt64, _ text: inout String) {
    let room = max(8, PythonValues.limit / 2 - text.utf8.count)
    let length = count(object &+ layout.objects.textLength)
    guard let content = PythonCode.text(object, layout.objects, memory, limit: room) else {
      text += "<str at \(PythonValues.hex(object))>"
      return
    }
    text += "'"
    for scalar in content.unicodeScalars {
      switch scalar {
      case "'": text += "\\'"
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 32 || (127..<160).contains(scalar.value):
        text += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += length > room ? "'... (\(length) characters)" : "'"
  }

  private func writeBytes(_ object: UInt64, _ text: inout String) {
    let room = max(8, PythonValues.limit / 4 - text.utf8.count)
    let length = count(object &+ layout.objects.bytesSize)
    text += "b'"
    if length > 0, let bytes = memory.bytes(object &+ layout.objects.bytesData, count: min(length, room)) {
      for byte in UnsafeRawBufferPointer(start: bytes.base, count: bytes.count) {
        switch byte {
        case UInt8(ascii: "'"), UInt8(ascii: "\\"):
          text += "\\" + String(UnicodeScalar(byte))
        case 32..<127: text.unicodeScalars.append(UnicodeScalar(byte))
        case 10: text += "\\n"
        default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
      }
    }
    text += length > room ? "'... (\(length) bytes)" : "'"
  }

  private func writeItems(
    _ object: UInt64, _ items: UInt64, _ open: String, _ close: String, _ depth: Int,
    _ text: inout String
  ) {
    let all = count(object &+ 16 &+ extra)
    text += open
    var written = 0
    while written < min(all, PythonValues.items), hasRoom(depth, text) {
      guard let item = memory.pointer(items &+ 8 &* UInt64(written)), item != 0 else { break }
      if written > 0 { text += ", " }
      write(item, depth + 1, &text)
      written += 1
    }
    if written < all {
      writeMore(all - written, written, &text)
    } else if all == 1 && open == "(" {
      text += ","
    }
    text += close
  }

  private func writeMore(_ count: Int, _ written: Int, _ text: inout String) {
    text += (written > 0 ? ", ... " : "... ") + "\(count) more"
  }

  private func hasRoom(_ depth: Int, _ text: String) -> Bool {
    depth < PythonValues.depth && text.utf8.count < PythonValues.limit
  }

  private func writeDictionary(_ object: UInt64, _ depth: Int, _ text: inout String) {
    let all = count(object &+ 16 &+ extra)
    let keys = memory.pointer(object &+ 32 &+ extra) ?? 0
    let values = memory.pointer(object &+ 40 &+ extra) ?? 0
    // Behind a table of indices come the entries: hash, key, value, or without the hash.
    let entries: UInt64
    let entryCount: Int
    var hasHash = true
    if layout.minor <= 10 {
      let size = UInt64(count(keys &+ 8))
      let width: UInt64 = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffff_ffff ? 4 : 8
      entries = keys &+ 40 &+ size &* width
      entryCount = count(keys &+ 32)
    } else {
      let width: UInt8 = memory.load(keys &+ 9) ?? 0
      hasHash = memory.load(keys &+ 10, as: UInt8.self) == 0
      entries = keys &+ 32 &+ (1 << UInt64(width & 63))
      entryCount = count(keys &+ 24)
    }
    let size: UInt64 = hasHash ? 24 : 16
    let first: UInt64 = hasHash ? 8 : 0
    text += "{"
    var written = 0
    var index: UInt64 = 0
    while index < UInt64(min(entryCount, 1000)), written < min(all, PythonValues.items), hasRoom(depth, text)
    {
      let place = entries &+ index &* size &+ first
      let value =
        values == 0
        ? memory.pointer(place &+ 8)
        : memory.pointer(values &+ (layout.minor >= 13 ? 8 : 0) &+ 8 &* index)
      index += 1
      guard let key = memory.pointer(place), let value, key != 0, value != 0 else { continue }
      if written > 0 { text += ", " }
      write(key, depth + 1, &text)
      text += ": "
      write(value, depth + 1, &text)
      written += 1
    }
    if written < all { writeMore(all - written, written, &text) }
    text += "}"
  }
}
