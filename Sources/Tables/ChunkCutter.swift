import Glibc

/// Cuts a table into chunks at record ends. A newline inside quotes ends no record; where no quote is
/// in sight, and only there, a newline is taken for a record's end without looking closer.
struct ChunkCutter {
  let source: ByteSource
  let dialect: Dialect
  private(set) var offset: Int64
  private(set) var line: Int
  /// Bytes to read at first for a chunk: what the last one needed and a little more.
  private var estimate: Int
  private let limits: ChunkLimits

  init(
    source: ByteSource, dialect: Dialect, offset: Int64, line: Int,
    limits: ChunkLimits = ChunkLimits()
  ) {
    self.source = source
    self.dialect = dialect
    self.offset = offset
    self.line = line
    self.limits = limits
    estimate = limits.read
  }

  /// Fills `chunk` with the text of the next records; false at the end.
  mutating func next(_ chunk: Chunk) throws -> Bool {
    guard offset < source.end else { return false }
    chunk.fileOffset = offset
    chunk.firstLine = line
    chunk.textCount = 0

    var cut = 0  // bytes of whole records
    var records = 0
    var lines = 0
    var have = 0
    var want = min(estimate, Int(source.end - offset))
    while true {
      chunk.reserveText(want)
      have += try source.read(into: chunk.text + have, count: want - have, at: offset + Int64(have))
      let atEnd = offset + Int64(have) >= source.end
      if atEnd && have > 0 && chunk.text[have - 1] != newline {
        // The last line end may be missing: give it one, unless a quote is open there.
        chunk.text[have] = newline
        have += 1
      }
      try scan(Bytes(chunk.text), have, atEnd, &cut, &records, &lines)
      if records >= limits.rows || cut >= limits.text || (atEnd && cut == have) { break }
      if have >= limits.text && cut > 0 { break }
      if have - cut > limits.record {
        throw TableError.recordTooLong(line: line + lines, limit: limits.record)
      }
      want = min(max(have * 2, limits.read), Int(source.end - offset))
      // Few rows so far, but plenty of room: the next step is sized by the rows that are wanted.
      if records > 0 {
        want = min(want, cut / records * (limits.rows + 200) + limits.read / 4)
        want = max(want, min(have + limits.read / 4 + 1, Int(source.end - offset)))
      }
    }
    chunk.textCount = cut
    (chunk.text + cut).update(
      repeating: newline, count: min(Chunk.padding, chunk.textCapacity - cut))
    chunk.recordLimit = records
    offset = min(source.end, offset + Int64(cut))
    line += lines
    chunk.endLine = line
    estimate = min(limits.text + (64 << 10), cut + cut / 32 + limits.read / 16 + 1)
    return true
  }

  /// Moves `cut` over whole records, up to the most that a chunk holds.
  private func scan(
    _ text: Bytes, _ have: Int, _ atEnd: Bool, _ cut: inout Int, _ records: inout Int,
    _ lines: inout Int
  ) throws {
    let end = text + have
    var nextQuote = find(quote, from: text + cut, to: end)
    while cut < have && records < limits.rows && cut < limits.text {
      let begin = text + cut
      guard let stop = find(newline, from: begin, to: end) else { return }
      if nextQuote.map({ stop < $0 }) ?? true {
        cut = stop + 1 - text
        lines += 1
      } else {
        guard let after = recordEnd(from: begin, to: end) else {
          if atEnd { throw TableError.unterminatedQuote(line: line + lines) }
          return
        }
        cut = after - text
        lines += count(newline, from: begin, to: after)
        nextQuote = find(quote, from: after, to: end)
      }
      records += 1
    }
  }

  /// The place after the newline that ends the record, or nil when it is not in sight.
  private func recordEnd(from begin: Bytes, to end: Bytes) -> Bytes? {
    var at = begin
    while at < end {
      if at.pointee == quote {
        guard let after = closingQuote(from: at + 1, to: end) else { return nil }
        at = after
      }
      while at < end && at.pointee != dialect.delimiter && at.pointee != newline { at += 1 }
      guard at < end else { return nil }
      if at.pointee == newline { return at + 1 }
      at += 1
    }
    return nil
  }
}

/// The place after the quote that closes a field opened before `from`, or nil when there is none. A
/// quote is known to close only by the byte behind it: there must be one (the text ends in a newline).
func closingQuote(from: Bytes, to end: Bytes) -> Bytes? {
  var at = from
  while let hit = find(quote, from: at, to: end), hit + 1 < end {
    if hit[1] != quote { return hit + 1 }
    at = hit + 2
  }
  return nil
}

func count(_ byte: UInt8, from: Bytes, to end: Bytes) -> Int {
  var at = from
  var hits = 0
  while let hit = find(byte, from: at, to: end) {
    hits += 1
    at = hit + 1
  }
  return hits
}
