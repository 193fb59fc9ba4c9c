import Glibc
import Testing

@testable import Tables

/// Puts text in a file for as long as the body runs.
private func withTable<Result>(
  _ text: String, header: Table.Header = .automatic, _ body: (Table) throws -> Result
) throws -> Result {
  var name = Array("/tmp/pynomaly-tables-XXXXXX".utf8CString)
  let file = mkstemp(&name)
  defer { unlink(name) }
  let bytes = Array(text.utf8)
  #expect(write(file, bytes, bytes.count) == bytes.count)
  close(file)
  let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  let source = try ByteSource(path: path, temporaryFolder: "/tmp")
  return try body(Table(source: source, dialect: Dialect(), header: header))
}

/// All numbers of a table, row after row.
private func rows(
  _ table: Table, cells: ColumnPlan.Cells = .numbersOnly, threads: Int = 1
) throws -> [[Double]] {
  let plan = ColumnPlan(roles: table.names.indices.map { .number($0) }, cells: cells)
  let stream = table.chunks(plan, threads: threads)
  defer { stream.stop() }
  var rows: [[Double]] = []
  while let chunk = try stream.next() {
    #expect(chunk.firstRow == rows.count)
    for row in 0..<chunk.rows {
      rows.append((0..<chunk.columns).map { chunk.values[$0 * chunk.stride + row] })
    }
    stream.recycle(chunk)
  }
  return rows
}

@Suite struct ChunkTests {
  @Test(arguments: [1, 2, 3, 10_000], [1, 2, 4])
  func chunksOfAnySizeReadTheSame(size: Int, threads: Int) throws {
    var text = "a,\"b\nc\"\r\n"
    for row in 0..<500 {
      text += row % 7 == 0 ? "\"\(row)\",\"\n\(row * 2)\"\r\n\n" : "\(row),\(row * 2)\n"
    }
    try withTable(text) { opened in
      var table = opened
      table.limits.rows = size
      table.limits.read = size == 10_000 ? 256 << 10 : 16
      let found = try rows(table, threads: threads)
      #expect(table.names == ["a", "b\nc"])
      #expect(found == (0..<500).map { [Double($0), Double($0 * 2)] })
    }
  }

  @Test func linesAndPlaces() throws {
    try withTable("a,b\n\n1,\"x\n\ny\"\n2,z\n") { table in
      let stream = table.chunks(
        ColumnPlan(roles: [.number(0), .skip], cells: .numbersOnly), threads: 1)
      let chunk = try #require(try stream.next())
      #expect((0..<2).map(chunk.line) == [3, 6])
      #expect(try table.texts(at: chunk.fileOffset(ofRow: 0)) == ["1", "x\n\ny"])
      #expect(try table.texts(at: chunk.fileOffset(ofRow: 1)) == ["2", "z"])
    }
  }

  @Test func keptChunksAreNotReadAgain() throws {
    let text = "a\n" + (0..<100).map { "\($0)\n" }.joined()
    try withTable(text) { opened in
      var table = opened
      table.limits.rows = 8
      let plan = ColumnPlan(roles: [.number(0)], cells: .numbersOnly)
      let first = table.chunks(plan, threads: 2)
      defer { first.stop() }
      var kept: [Chunk] = []
      while kept.count < 5, let chunk = try first.next() {
        chunk.dropText()
        kept.append(chunk)
      }
      let second = table.chunks(plan, kept: kept, threads: 2)
      defer { second.stop() }
      var values: [Double] = []
      while let chunk = try second.next() {
        #expect(chunk.firstRow == values.count)
        values += (0..<chunk.rows).map { chunk.values[$0] }
        second.recycle(chunk)
      }
      #expect(values == (0..<100).map(Double.init))
    }
  }

  @Test func aRecordWithoutEndIsRefused() throws {
    try withTable("a,b\n1,2\n3,\"" + String(repeating: "x\n", count: 5000) + "\"\n") { opened in
      var table = opened
      table.limits.record = 4096
      table.limits.read = 512
      #expect(throws: TableError.recordTooLong(line: 3, limit: 4096)) {
        try rows(table, cells: .anything)
      }
    }
  }
}

@Suite struct DecimalTests {
  private func read(_ text: String) -> (value: Double, length: Int) {
    let bytes = Array(text.utf8) + [newline] + Array(repeating: newline, count: 8)
    let reader = DecimalReader()
    defer { reader.release() }
    return bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return (.nan, 0) }
      let decimal = reader.read(base)
      return (decimal.value, decimal.end - base)
    }
  }

  @Test func agreesWithTheSystem() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let digits = String(
        UInt64.random(in: 0...UInt64.max, using: &random) >> UInt64.random(in: 0..<64))
      let decimals = String(
        UInt64.random(in: 0...UInt64.max, using: &random) >> UInt64.random(in: 0..<64))
      var text = Bool.random() ? digits : "-\(digits)"
      if Bool.random() { text += ".\(decimals)" }
      if Bool.random() { text += "e\(Int.random(in: -40...40))" }
      let (value, length) = read(text)
      #expect(length == text.utf8.count)
      #expect(value == strtod(text, nil), "\(text)")
    }
  }

  @Test(arguments: ["", "-", ".", "e1", "+1", "x", "1e", "1e+", "nan"])
  func isNoPlainNumber(text: String) {
    #expect(read(text).length == 0)
  }

  @Test func stopsBehindTheNumber() {
    #expect(read("1.5,2").length == 3)
    #expect(read("12345678.87654321x").length == 17)
    #expect(read("1 ").length == 1)
  }
}

@Suite struct QuantileTests {
  @Test(arguments: [1, 2, 3, 10, 1000])
  func equalsSorting(count: Int) {
    for spread in [3, 1_000_000] {
      var numbers = (0..<count).map { _ in Double(Int.random(in: 0..<spread)) }
      let sorted = numbers.sorted()
      let shares = [0, 0.05, 0.25, 0.5, 0.5, 0.75, 0.95, 1]
      let found = numbers.withUnsafeMutableBufferPointer { quantiles(shares, of: $0) }
      for (share, value) in zip(shares, found) {
        let position = Double(count - 1) * share
        let low = sorted[Int(position)]
        let high = sorted[min(count - 1, Int(position) + 1)]
        #expect(abs(low + (high - low) * (position - position.rounded(.down)) - value) < 1e-9)
      }
    }
  }

  @Test func thinningKeepsAFairSample() throws {
    let text = "a\n" + (0..<50_000).map { "\($0)\n" }.joined()
    try withTable(text) { table in
      let stream = table.chunks(ColumnPlan(roles: [.number(0)], cells: .anything), threads: 1)
      var summaries = ColumnSummaries(columns: 1, limit: 16 * 4000)
      while let chunk = try stream.next() {
        summaries.add(chunk)
        stream.recycle(chunk)
      }
      summaries.finish([0.5])
      let sample = try #require(summaries.sample)
      #expect(sample > 1500 && sample <= 4000)
      #expect(abs(summaries.columns[0].quantiles[0] - 25_000) < 2500)
      #expect(summaries.columns[0].mean == 24_999.5)
    }
  }
}

@Suite struct RecordTests {
  @Test func splitsAsCSV() {
    #expect(splitRecord("a,\"b,\"\"c\",") == ["a", "b,\"c", ""])
    #expect(splitRecord("") == [""])
    #expect(splitRecord("\"a\"b") == nil)
  }

  @Test func printableTextHarmsNoTerminal() {
    #expect(printable("a\u{1B}[2Jb\nc".utf8) == "a\u{FFFD}[2Jb\\nc")
    #expect(printable(String(repeating: "x", count: 50).utf8, limit: 4) == "xxxx...")
  }
}
