import Glibc

/// How a CSV file is written. RFC 4180 with a choice of delimiter: fields may stand in double quotes,
/// a quote inside is doubled, lines end in LF or CRLF, the last line end may be missing. Quotes that do
/// not open a field are text, as Python's csv module has it; empty lines are skipped.
public struct Dialect: Sendable {
  public var delimiter: UInt8

  public init(delimiter: UInt8 = UInt8(ascii: ",")) {
    self.delimiter = delimiter
  }

  /// Bytes that a delimiter cannot be, because a number or the format itself uses them.
  public static func allowsDelimiter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x09, 0x20: true
    case 0..<0x20, 0x7F...: false
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "\""), UInt8(ascii: "."),
      UInt8(ascii: "+"), UInt8(ascii: "-"):
      false
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): false
    default: true
    }
  }
}

let newline = UInt8(ascii: "\n")
let carriageReturn = UInt8(ascii: "\r")
let quote = UInt8(ascii: "\"")

typealias Bytes = UnsafePointer<UInt8>

/// The first `byte` in [from, end), or nil. memchr looks at 32 bytes at a time.
@inline(__always)
func find(_ byte: UInt8, from: Bytes, to end: Bytes) -> Bytes? {
  guard from < end, let hit = memchr(from, Int32(byte), end - from) else { return nil }
  return Bytes(hit.assumingMemoryBound(to: UInt8.self))
}
