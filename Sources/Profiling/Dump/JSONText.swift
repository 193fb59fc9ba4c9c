/// JSON, written member by member.
struct JSONText {
  private(set) var bytes: [UInt8] = []

  mutating func raw(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }
  mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
  mutating func append(_ other: JSONText) { bytes.append(contentsOf: other.bytes) }
  mutating func number(_ value: some BinaryInteger) { bytes.append(contentsOf: String(value).utf8) }
  mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }
  @inline(never) mutating func string(_ text: String?) {
    guard let text else { return raw("null") }
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): raw("\\\"")
      case UInt8(ascii: "\\"): raw("\\\\")
      case 10: raw("\\n")
      case 0..<32, 127:
        raw("\\u00")
        let digits = String(byte, radix: 16)
        if byte < 16 { raw("0") }
        bytes.append(contentsOf: digits.utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
