/// Reads the text of options that hold detectors or numbers: balanced brackets, commas between parts, and
/// faults by their place. A place is counted in characters from 1.
struct NestedText {
  private let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }

  var whole: Range<Int> { trimmed(0..<bytes.count) }

  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  func byte(_ place: Int) -> UInt8 { bytes[place] }

  func fault(_ place: Int, _ what: String) -> DetectionError {
    var characters = 1
    for byte in bytes[..<min(place, bytes.count)] where byte & 0xc0 != 0x80 { characters += 1 }
    return DetectionError(.invalidOption, "at character \(characters): \(what)")
  }

  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high, bytes[low] <= 0x20 { low += 1 }
    while low < high, bytes[high - 1] <= 0x20 { high -= 1 }
    return low..<high
  }

  func first(_ byte: Character, in range: Range<Int>) -> Int? {
    bytes[range].firstIndex(of: byte.asciiValue ?? 0)
  }

  /// The parts between commas that stand outside of brackets and quotes. All brackets must be balanced.
  func parts(of range: Range<Int>) throws(DetectionError) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = range.lowerBound
    var open: [Int] = []
    var place = range.lowerBound
    while place < range.upperBound {
      switch bytes[place] {
      case UInt8(ascii: "("), UInt8(ascii: "["):
        open.append(place)
      case UInt8(ascii: ")"), UInt8(ascii: "]"):
        guard let last = open.popLast() else {
          throw fault(place, "\"\(text(place..<place + 1))\" closes nothing")
        }
        guard bytes[place] == (bytes[last] == UInt8(ascii: "(") ? UInt8(ascii: ")") : UInt8(ascii: "]"))
        else {
          throw fault(place, "\"\(text(place..<place + 1))\" does not close \"\(text(last..<last + 1))\"")
        }
      case UInt8(ascii: ",") where open.isEmpty:
        parts.append(trimmed(start..<place))
        start = place + 1
      case UInt8(ascii: "\""):
        place = try endOfQuote(place, range.upperBound)
      default: break
      }
      place += 1
    }
    if let last = open.last { throw fault(last, "\"\(text(last..<last + 1))\" is never closed") }
    parts.append(trimmed(start..<range.upperBound))
    return parts
  }

  private func endOfQuote(_ start: Int, _ end: Int) throws(DetectionError) -> Int {
    var place = start + 1
    while place < end {
      if bytes[place] == UInt8(ascii: "\"") { return place }
      place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
    }
    throw fault(start, "the quotation mark is never closed")
  }

  /// The items of a list, which may stand in brackets.
  func items(of range: Range<Int>) throws(DetectionError) -> [Range<Int>] {
    var range = trimmed(range)
    if let first = range.first, bytes[first] == UInt8(ascii: "["), try parts(of: range).count == 1,
      bytes[range.upperBound - 1] == UInt8(ascii: "]")
    {
      range = trimmed(range.lowerBound + 1..<range.upperBound - 1)
    }
    return try parts(of: range)
  }

  /// What stands between quotation marks, with \" and \\ read; nil where there are none.
  func unquoted(_ range: Range<Int>) throws(DetectionError) -> String? {
    guard let first = range.first, bytes[first] == UInt8(ascii: "\"") else { return nil }
    let end = try endOfQuote(first, range.upperBound)
    guard end == range.upperBound - 1 else {
      throw fault(end + 1, "there is text behind the quotation mark")
    }
    var plain: [UInt8] = []
    var place = first + 1
    while place < end {
      if bytes[place] == UInt8(ascii: "\\") { place += 1 }
      plain.append(bytes[place])
      place += 1
    }
    return String(decoding: plain, as: UTF8.self)
  }

  static func quoted(_ text: String) -> String {
    var quoted: [UInt8] = [UInt8(ascii: "\"")]
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { quoted.append(UInt8(ascii: "\\")) }
      quoted.append(byte)
    }
    quoted.append(UInt8(ascii: "\""))
    return String(decoding: quoted, as: UTF8.self)
  }
}
