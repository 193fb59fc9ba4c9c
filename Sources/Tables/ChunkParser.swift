/// Makes numbers of a chunk's text. Immutable, so several threads parse with the same one.
public final class ChunkParser: Sendable {
  private enum Action {
    static let skip = -1
    static let other = -2
  }

  private let roles: [ColumnPlan.Role]
  /// For each column: the chunk's column of a number, or one of Action.
  private let actions: [Int]
  private let cells: ColumnPlan.Cells
  private let width: Int
  private let collections: Int
  private let delimiter: UInt8
  private let categories: [Int: CategoryIndex]

  init(plan: ColumnPlan, dialect: Dialect) {
    roles = plan.roles
    cells = plan.cells
    width = plan.width
    collections = plan.collections
    delimiter = dialect.delimiter
    actions = plan.roles.map {
      switch $0 {
      case .skip: Action.skip
      case .number(let slot): slot
      default: Action.other
      }
    }
    categories = Dictionary(
      uniqueKeysWithValues: plan.roles.enumerated().compactMap { column, role in
        if case .oneHot(_, let names) = role { (column, CategoryIndex(names)) } else { nil }
      })
  }

  /// Fills the chunk's values, labels, lines and offsets.
  func parse(_ chunk: Chunk) throws {
    chunk.rows = 0
    chunk.reserveRows(columns: width)
    chunk.collected = Array(repeating: [], count: collections)
    chunk.textCells = Array(repeating: 0, count: cells == .anything ? width : 0)
    chunk.textExamples = Array(repeating: nil, count: cells == .anything ? width : 0)
    let text = Bytes(chunk.text)
    if let nul = find(0, from: text, to: text + chunk.textCount) {
      throw TableError.nulByte(line: chunk.firstLine + count(newline, from: text, to: nul))
    }
    let reader = DecimalReader()
    defer { reader.release() }
    try actions.withUnsafeBufferPointer { try parse(chunk, $0, reader) }
  }

  private func parse(
    _ chunk: Chunk, _ actions: UnsafeBufferPointer<Int>, _ reader: DecimalReader
  ) throws {
    let text = Bytes(chunk.text)
    let end = text + chunk.textCount
    let delimiter = self.delimiter
    let values = chunk.values
    let stride = chunk.stride
    let lastColumn = actions.count - 1
    var at = text
    var row = 0
    var line = 0
    while at < end {
      if at.pointee == newline || (at.pointee == carriageReturn && at[1] == newline) {
        at += at.pointee == newline ? 1 : 2
        line += 1
        continue
      }
      chunk.offsets[row] = UInt32(truncatingIfNeeded: at - text)
      chunk.lines[row] = UInt32(truncatingIfNeeded: line)
      for column in 0...lastColumn {
        let action = actions[column]
        var after: Bytes
        if action >= 0 {
          var number = reader.read(at)
          if number.end == at && at.pointee == quote {
            // Programs that quote every cell are common enough for a way of their own.
            let inner = reader.read(at + 1)
            if inner.end != at + 1 && inner.end.pointee == quote {
              number = Decimal(value: inner.value, end: inner.end + 1)
            }
          }
          after = number.end
          if after != at && isEnd(after) {
            values[action * stride + row] = number.value
          } else {
            let field = try field(at, end, chunk, line, column)
            values[action * stride + row] = try value(field, chunk, line, column, action)
            after = field.after ?? field.end
            if at.pointee == quote { line += count(newline, from: at, to: after) }
          }
        } else {
          let field = try field(at, end, chunk, line, column)
          if action == Action.other { try other(field, chunk, line, column, row) }
          after = field.after ?? field.end
          if at.pointee == quote { line += count(newline, from: at, to: after) }
        }
        let isDelimiter = after.pointee == delimiter
        if isDelimiter != (column < lastColumn) {
          let found = try Record(
            at: text + Int(chunk.offsets[row]), to: end, delimiter: delimiter,
            line: chunk.line(ofRow: row)
          ).fields.count
          throw TableError.ragged(
            line: chunk.line(ofRow: row), expected: actions.count, found: found)
        }
        at = after + (after.pointee == carriageReturn ? 2 : 1)
      }
      line += 1
      row += 1
    }
    chunk.rows = row
  }

  /// Whether a field ends here.
  @inline(__always)
  private func isEnd(_ at: Bytes) -> Bool {
    at.pointee == delimiter || at.pointee == newline
      || (at.pointee == carriageReturn && at[1] == newline)
  }

  @inline(__always)
  private func field(
    _ at: Bytes, _ end: Bytes, _ chunk: Chunk, _ line: Int, _ column: Int
  ) throws -> Field {
    let field = Field.read(at: at, to: end, delimiter: delimiter)
    if field.after == nil {
      throw TableError.textAfterQuote(line: chunk.firstLine + line, column: column)
    }
    return field
  }

  /// The number of a cell that the fast path did not take.
  @inline(never)
  private func value(
    _ field: Field, _ chunk: Chunk, _ line: Int, _ column: Int, _ slot: Int
  ) throws -> Double {
    let cell = field.hasEscapes ? .text : Cell.read(field.view)
    let line = chunk.firstLine + line
    switch (cell, cells) {
    case (.number(let value), _): return value
    case (.missing, .numbersOnly):
      throw TableError.missing(line: line, column: column, text: printable(field.bytes()))
    case (.missing, _): return .nan
    case (.notFinite, .anything):
      return field.view.contains(UInt8(ascii: "-")) ? -.infinity : .infinity
    case (.notFinite, _):
      throw TableError.notFinite(line: line, column: column, text: printable(field.bytes()))
    case (.text, .anything):
      chunk.textCells[slot] += 1
      if chunk.textExamples[slot] == nil { chunk.textExamples[slot] = printable(field.bytes()) }
      return .nan
    case (.text, _):
      throw TableError.notANumber(line: line, column: column, text: printable(field.bytes()))
    }
  }

  private func other(
    _ field: Field, _ chunk: Chunk, _ line: Int, _ column: Int, _ row: Int
  ) throws {
    switch roles[column] {
    case .label:
      guard !field.hasEscapes, case .number(let value) = Cell.read(field.view),
        value == 0 || value == 1
      else {
        throw TableError.notALabel(
          line: chunk.firstLine + line, column: column, text: printable(field.bytes()))
      }
      chunk.labels[row] = value == 0 ? 0 : 1
    case .oneHot(let first, let names):
      for slot in first..<first + names.count { chunk.values[slot * chunk.stride + row] = 0 }
      if let found = categories[column]?.find(field) {
        chunk.values[(first + found) * chunk.stride + row] = 1
      }
    case .collect(let index):
      guard chunk.collected[index].count <= maximumCategories else {
        throw TableError.tooManyCategories(
          line: chunk.firstLine + line, column: column, limit: maximumCategories)
      }
      chunk.collected[index].insert(String(decoding: field.bytes(), as: UTF8.self))
    case .skip, .number: break
    }
  }
}

/// Finds a cell's text among the categories of its column.
private struct CategoryIndex: Sendable {
  private let places: [[UInt8]: Int]

  init(_ names: [String]) {
    places = Dictionary(
      names.enumerated().map { (Array($1.utf8), $0) }, uniquingKeysWith: { first, _ in first })
  }

  func find(_ field: Field) -> Int? { places[field.bytes()] }
}
