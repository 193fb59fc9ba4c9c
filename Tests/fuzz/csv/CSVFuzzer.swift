// Throws bytes at the CSV reader; `run` beside this file builds it into one module with the reader.
//
// Besides crashes it looks for differences: a table must read the same, or fail the same, in chunks of
// a few bytes on two threads as in one piece on one.

import Glibc

private let path =
  "\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/pynomaly-csv-fuzz-\(getpid())"

/// Everything that reading a table tells.
private struct Reading: Equatable {
  var names: [String] = []
  var values: [UInt64] = []
  var labels: [Int32] = []
  var lines: [Int] = []
  var offsets: [Int64] = []
  var texts: [Int] = []
  var error: TableError?
}

private func read(_ settings: UInt8, limits: ChunkLimits, threads: Int) -> Reading {
  var reading = Reading()
  do {
    let delimiters: [UInt8] = [0x2C, 0x3B, 0x09, 0x20]
    let headers: [Table.Header] = [.automatic, .present, .absent, .automatic]
    let cells: [ColumnPlan.Cells] = [.numbersOnly, .missingAllowed, .anything, .anything]
    var table = try Table(
      source: ByteSource(path: path, temporaryFolder: "/tmp"),
      dialect: Dialect(delimiter: delimiters[Int(settings & 3)]),
      header: headers[Int(settings >> 2 & 3)])
    table.limits = limits
    reading.names = table.names
    var roles: [ColumnPlan.Role] = []
    var width = 0
    for column in table.names.indices {
      switch (Int(settings >> 6) + column) % 8 {
      case 5: roles.append(.skip)
      case 6: roles.append(settings & 32 == 0 ? .label : .skip)
      case 7:
        roles.append(.oneHot(first: width, categories: ["a", "b\"c"]))
        width += 2
      default:
        roles.append(.number(width))
        width += 1
      }
    }
    let plan = ColumnPlan(roles: roles, cells: cells[Int(settings >> 4 & 3)])
    let stream = table.chunks(plan, threads: threads)
    defer { stream.stop() }
    while let chunk = try stream.next() {
      for row in 0..<chunk.rows {
        reading.lines.append(chunk.line(ofRow: row))
        reading.offsets.append(chunk.fileOffset(ofRow: row))
        if plan.hasLabel { reading.labels.append(chunk.labels[row]) }
        for column in 0..<chunk.columns {
          reading.values.append(chunk.values[column * chunk.stride + row].bitPattern)
        }
      }
      if let first = reading.offsets.first, reading.lines.count < 5 {
        _ = try table.texts(at: first)
      }
      stream.recycle(chunk)
    }
  } catch let error as TableError {
    reading.error = error
  } catch {
    fatalError("an error of another kind: \(error)")
  }
  return reading
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  guard size > 0 else { return 0 }
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  guard file >= 0, write(file, data + 1, size - 1) == size - 1 else {
    fatalError("cannot write \(path)")
  }
  close(file)
  let whole = read(data[0], limits: ChunkLimits(), threads: 1)
  var tiny = ChunkLimits()
  tiny.rows = 1 + Int(data[0] >> 5)
  tiny.read = 16
  tiny.text = 64
  let pieces = read(data[0], limits: tiny, threads: 2)
  // A chunk is checked for NUL bytes before anything else, so which error comes first depends on
  // where it ends; and rows before an error are those of the chunks before it.
  if whole.error == nil || pieces.error == nil {
    precondition(whole == pieces, "in pieces the table reads otherwise")
  } else if size > 1, memchr(data + 1, 0, size - 1) == nil {
    precondition(whole.error == pieces.error, "in pieces another error comes")
  }
  unlink(path)
  return 0
}
