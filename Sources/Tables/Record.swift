/// Where a field lies in the text, and where the parser goes on.
struct Field {
  /// Without its quotes.
  var begin: Bytes
  var end: Bytes
  /// It holds doubled quotes.
  var hasEscapes = false
  /// The delimiter or the line end behind it; nil when other text follows the closing quote.
  var after: Bytes?

  /// The field that begins at `start`. The record's newline must lie before `end`.
  @inline(__always)
  static func read(at start: Bytes, to end: Bytes, delimiter: UInt8) -> Field {
    if start.pointee == quote { return readQuoted(at: start, to: end, delimiter: delimiter) }
    var at = start
    while at.pointee != delimiter && at.pointee != newline { at += 1 }
    if at > start && at.pointee == newline && at[-1] == carriageReturn { at -= 1 }
    return Field(begin: start, end: at, after: at)
  }

  private static func readQuoted(at start: Bytes, to end: Bytes, delimiter: UInt8) -> Field {
    let begin = start + 1
    let behind = closingQuote(from: begin, to: end) ?? end - 1
    let stop = max(begin, behind - 1)
    let isEnd =
      behind.pointee == delimiter || behind.pointee == newline
      || (behind.pointee == carriageReturn && behind[1] == newline)
    return Field(
      begin: begin, end: stop, hasEscapes: find(quote, from: begin, to: stop) != nil,
      after: isEnd ? behind : nil)
  }

  /// The text, with doubled quotes made single.
  func bytes() -> [UInt8] {
    var result = [UInt8](UnsafeBufferPointer(start: begin, count: end - begin))
    guard hasEscapes else { return result }
    var kept = 0
    var index = 0
    while index < result.count {
      result[kept] = result[index]
      index += result[index] == quote ? 2 : 1
      kept += 1
    }
    result.removeSubrange(kept...)
    return result
  }

  @inline(__always)
  var view: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: begin, count: end - begin) }
}

/// One record as texts: for headers, command line lists, and rows that are shown to a person.
struct Record {
  var fields: [[UInt8]] = []
  /// The place after its line end.
  var next: Bytes

  init(at start: Bytes, to end: Bytes, delimiter: UInt8, line: Int) throws {
    var at = start
    while true {
      let field = Field.read(at: at, to: end, delimiter: delimiter)
      guard let after = field.after else {
        throw TableError.textAfterQuote(line: line, column: fields.count)
      }
      fields.append(field.bytes())
      if after.pointee == delimiter {
        at = after + 1
      } else {
        next = after.pointee == carriageReturn ? after + 2 : after + 1
        return
      }
    }
  }
}

/// Splits one line as a CSV record; how a command line names several columns.
public func splitRecord(_ text: String, delimiter: UInt8 = UInt8(ascii: ",")) -> [String]? {
  let bytes = Array(text.utf8) + [newline]
  return bytes.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress,
      let record = try? Record(
        at: base, to: base + buffer.count, delimiter: delimiter, line: 1)
    else { return nil }
    return record.fields.map { String(decoding: $0, as: UTF8.self) }
  }
}
