/// An opened CSV file: its columns are known, its rows can be read as often as wanted.
public struct Table: Sendable {
  public enum Header: Sendable {
    /// The first record is a header when it has text above a number, or no number at all.
    case automatic
    case present
    case absent
  }

  public let source: ByteSource
  public let dialect: Dialect
  /// The header's texts; "column1", "column2" where there is none or a name is empty.
  public let names: [String]
  public let hasHeader: Bool
  public var limits = ChunkLimits()
  private let dataOffset: Int64
  private let dataLine: Int

  public init(source: ByteSource, dialect: Dialect, header: Header) throws {
    self.source = source
    self.dialect = dialect
    let begin = try Table.skipByteOrderMark(source)
    var cutter = ChunkCutter(source: source, dialect: dialect, offset: begin, line: 1)
    let chunk = Chunk()
    var records: [Record] = []
    var lines: [Int] = []
    var offsets: [Int64] = []
    // The first two records that are not empty lines. They are in the first chunk, but for a file
    // that begins with thousands of empty lines.
    while records.count < 2, try cutter.next(chunk) {
      let text = Bytes(chunk.text)
      let end = text + chunk.textCount
      var at = text
      while at < end && records.count < 2 {
        let line = chunk.firstLine + count(newline, from: text, to: at)
        if at.pointee == newline || (at.pointee == carriageReturn && at[1] == newline) {
          at += at.pointee == newline ? 1 : 2
          continue
        }
        lines.append(line)
        offsets.append(chunk.fileOffset + Int64(at - text))
        let record = try Record(at: at, to: end, delimiter: dialect.delimiter, line: line)
        at = record.next
        records.append(record)
      }
    }
    guard let first = records.first else { throw TableError.empty }
    if first.fields.contains(where: { $0.contains(0) }) { throw TableError.nulByte(line: lines[0]) }
    // Files of old Macintoshes have carriage returns for newlines, which makes one record of them.
    if records.count == 1, first.fields.contains(where: { $0.contains(carriageReturn) }) {
      throw TableError.carriageReturnLines
    }

    switch header {
    case .automatic: hasHeader = Table.isHeader(first, records.dropFirst().first)
    case .present: hasHeader = true
    case .absent: hasHeader = false
    }
    if hasHeader {
      names = try Table.names(first)
      guard records.count > 1 else { throw TableError.headerOnly }
      dataOffset = offsets[1]
      dataLine = lines[1]
    } else {
      names = first.fields.indices.map { "column\($0 + 1)" }
      dataOffset = offsets[0]
      dataLine = lines[0]
    }
  }

  /// One pass over the rows. `kept` are the first chunks of an earlier pass with the same plan, which
  /// need not be read again.
  public func chunks(
    _ plan: ColumnPlan, kept: [Chunk] = [], threads: Int,
    interrupted: @escaping ByteSource.Interruption = { false },
    work: @escaping ChunkStream.Work = { _ in }
  ) -> ChunkStream {
    let cutter = ChunkCutter(
      source: source, dialect: dialect, offset: kept.last?.endOffset ?? dataOffset,
      line: kept.last?.endLine ?? dataLine, limits: limits)
    return ChunkStream(
      kept: kept, cutter: cutter, parser: ChunkParser(plan: plan, dialect: dialect),
      threads: threads, interrupted: interrupted, work: work)
  }

  /// The texts of the record that begins at a place found by an earlier pass.
  public func texts(at offset: Int64) throws -> [String] {
    var cutter = ChunkCutter(source: source, dialect: dialect, offset: offset, line: 1)
    let chunk = Chunk()
    guard try cutter.next(chunk) else { return [] }
    let text = Bytes(chunk.text)
    let record = try Record(
      at: text, to: text + chunk.textCount, delimiter: dialect.delimiter, line: 1)
    return record.fields.map { String(decoding: $0, as: UTF8.self) }
  }

  private static func skipByteOrderMark(_ source: ByteSource) throws -> Int64 {
    var head: [UInt8] = [0, 0, 0]
    let count = try head.withUnsafeMutableBytes { buffer in
      try buffer.baseAddress.map { try source.read(into: $0, count: 3, at: source.start) } ?? 0
    }
    guard count > 0 else { throw TableError.empty }
    if count >= 2 && (head[0...1] == [0xFF, 0xFE] || head[0...1] == [0xFE, 0xFF]) {
      throw TableError.utf16
    }
    return count == 3 && head == [0xEF, 0xBB, 0xBF] ? source.start + 3 : source.start
  }

  private static func isHeader(_ first: Record, _ second: Record?) -> Bool {
    let kinds = first.fields.map { $0.withUnsafeBufferPointer(Cell.read) }
    if let second {
      for (above, below) in zip(kinds, second.fields) {
        if case .text = above, case .number = below.withUnsafeBufferPointer(Cell.read) {
          return true
        }
      }
    }
    return !kinds.contains { if case .number = $0 { true } else { false } }
  }

  private static func names(_ record: Record) throws -> [String] {
    var places: [String: Int] = [:]
    var names: [String] = []
    for (column, bytes) in record.fields.enumerated() {
      let trimmed = bytes.withUnsafeBufferPointer { Array(Cell.trim($0)) }
      guard let text = String(validating: trimmed, as: UTF8.self) else {
        throw TableError.headerNotUTF8(column: column)
      }
      let name = text.isEmpty ? "column\(column + 1)" : text
      if let earlier = places.updateValue(column, forKey: name) {
        throw TableError.duplicateColumn(name: name, first: earlier, second: column)
      }
      names.append(name)
    }
    return names
  }
}
