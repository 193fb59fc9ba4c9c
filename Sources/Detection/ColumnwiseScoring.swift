/// A model that gives every column of a row a part of its own.
protocol ColumnwiseModel: Model {
  /// Write the parts of `rows` values of one column.
  func writeParts(
    of column: Int, _ values: UnsafePointer<Double>, rows: Int,
    into parts: UnsafeMutablePointer<Double>)
}

extension ColumnwiseModel {
  var naturalThreshold: Double { 0 }

  /// The sum of the parts, columns in their order.
  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    try forEachPart(X, call: call, stage: "score") { (first, rows, column, parts) in
      if column == 0 {
        (scores + first).update(from: parts, count: rows)
      } else {
        ColumnKernels.chosen.addColumn(parts, rows, scores + first)
      }
    }
  }

  /// A column's share is its part.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let shares = shares
    let columns = featureCount
    try forEachPart(X, call: call, stage: "explain") { (first, rows, column, parts) in
      for row in 0..<rows { shares[(first + row) * columns + column] = parts[row] }
    }
  }

  /// Hand the parts of chunk after chunk of rows to `body`, each chunk column after column on one thread.
  func forEachPart(
    _ X: Matrix, call: Call, stage: StaticString,
    body: (_ first: Int, _ rows: Int, _ column: Int, _ parts: UnsafePointer<Double>) -> Void
  ) throws(DetectionError) {
    let columns = featureCount
    try forEachRowChunk(X, call: call, stage: stage, scratch: 2) {
      (first, rows, _, scratch) throws(DetectionError) in
      let parts = scratch + rows
      for column in 0..<columns {
        try ColumnKernels.chosen.load(X, column: column, from: first, rows: rows, into: scratch)
        writeParts(of: column, scratch, rows: rows, into: parts)
        body(first, rows, column, parts)
      }
    }
  }
}

/// How the rows of a matrix are shared out: chunks that stay in the second cache while their columns are
/// worked on one after another.
struct RowChunks {
  let rows: Int
  let count: Int
  let threads: Int

  init(_ X: Matrix, threads most: Int) {
    let (cells, overflow) = X.rows.multipliedReportingOverflow(by: X.columns)
    let wanted = !overflow && cells < 1 << 15 ? 1 : most
    let fitting = min((1 << 18) / (X.columns * X.element.size), 2048)
    let share = min(fitting, X.rows / (4 * wanted))
    rows = share >= 8 ? share & ~7 : max(1, min(8, fitting))
    count = (X.rows + rows - 1) / rows
    threads = max(1, min(wanted, count))
  }
}

/// Run `body(first, rows, worker, scratch)` for chunks of rows. Each thread has `scratch` doubles a row to
/// itself.
func forEachRowChunk(
  _ X: Matrix, call: Call, stage: StaticString, scratch: Int,
  body: (
    _ first: Int, _ rows: Int, _ worker: Int, _ scratch: UnsafeMutablePointer<Double>
  ) throws(DetectionError) -> Void
) throws(DetectionError) {
  let chunks = RowChunks(X, threads: call.threads)
  // A cache line between two threads' rooms.
  let (size, overflow) = min(chunks.rows, X.rows).multipliedReportingOverflow(by: scratch)
  guard !overflow, size < 1 << 48 else { throw .outOfMemory(bytes: Int.max) }
  let room = try Buffer<Double>(count: chunks.threads * (size + 8), zeroed: false)
  try forEachChunk(chunks.count, threads: chunks.threads, teller: ProgressTeller(call, stage)) {
    (chunk, worker) throws(DetectionError) in
    let first = chunk * chunks.rows
    try body(
      first, min(chunks.rows, X.rows - first), worker, room.base + worker * (size + 8))
  }
}
