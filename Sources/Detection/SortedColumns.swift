import CKernels

/// A column's distinct values in ascending order, and how many rows have a value up to each of them.
struct SortedColumn {
  let values: UnsafePointer<Double>
  let ends: UnsafePointer<UInt32>
  /// Distinct values, at least one.
  let count: Int
  /// Rows, less than 2^32.
  let rows: Int
  /// Whoever goes through the values asks this between two pieces; it throws when the call is cancelled.
  let check: () throws(DetectionError) -> Void

  /// Rows or values that are gone through between two checks: a few milliseconds of work.
  static let piece = 1 << 18

  /// The numbers up to `count` in pieces.
  static func forEachPiece(
    of count: Int, _ check: () throws(DetectionError) -> Void,
    _ body: (Range<Int>) throws(DetectionError) -> Void
  ) throws(DetectionError) {
    var first = 0
    while first < count {
      try check()
      let end = min(first + piece, count)
      try body(first..<end)
      first = end
    }
  }

  /// The value of the row with that rank, from 0.
  @_optimize(speed)
  func value(ofRank rank: Int) -> Double {
    var low = 0
    var high = count - 1
    while low < high {
      let middle = (low + high) / 2
      if Int(ends[middle]) > rank { high = middle } else { low = middle + 1 }
    }
    return values[low]
  }
}

/// Sort all columns of X, each on one thread, and hand each to `body`; what it is handed lives as long as
/// the call. Takes 8 bytes a value, and 12 bytes a row for each thread.
func forEachSortedColumn(
  _ X: Matrix, call: Call, body: (_ column: Int, SortedColumn) throws(DetectionError) -> Void
) throws(DetectionError) {
  guard X.rows < 1 << 32 else {
    throw DetectionError(
      .invalidData,
      "cannot sort \(X.columns) columns of \(X.rows) rows; allowed are less than 2^32 rows")
  }
  var sorters: [ColumnSorter] = []
  for _ in 0..<threadsForColumns(X, call) { sorters.append(try ColumnSorter(rows: X.rows)) }
  try forEachCopiedColumn(X, call: call) { (column, values, worker, check) throws(DetectionError) in
    try body(column, try sorters[worker].sort(values, check: check))
  }
}

private func threadsForColumns(_ X: Matrix, _ call: Call) -> Int {
  let (values, overflow) = X.rows.multipliedReportingOverflow(by: X.columns)
  return max(1, min(!overflow && values < 1 << 14 ? 1 : call.threads, X.columns))
}

/// Copy all columns of X, and hand each, on one of the call's threads, to `body`, which may do with the values
/// as it likes and asks `check` now and then: it throws when the call is cancelled. Takes 8 bytes a value.
func forEachCopiedColumn(
  _ X: Matrix, call: Call,
  body: (
    _ column: Int, _ values: UnsafeMutablePointer<Double>, _ worker: Int,
    _ check: @escaping () throws(DetectionError) -> Void
  ) throws(DetectionError) -> Void
) throws(DetectionError) {
  let (values, overflow) = X.rows.multipliedReportingOverflow(by: X.columns)
  guard !overflow else {
    throw DetectionError(
      .outOfMemory, "cannot allocate \(X.columns) columns of \(X.rows) rows")
  }
  let columns = try Buffer<Double>(count: values, zeroed: false)
  try forEachRowChunk(X, call: call.part(0...0.2), stage: "fit", scratch: 0) {
    (first, rows, _, _) throws(DetectionError) in
    for column in 0..<X.columns {
      try ColumnKernels.chosen.load(
        X, column: column, from: first, rows: rows, into: columns.base + column * X.rows + first)
    }
  }
  let teller = ProgressTeller(call.part(0.2...1), "fit")
  let stop = StopSign(teller, chunks: X.columns)
  try forEachChunk(X.columns, threads: threadsForColumns(X, call), teller: teller) {
    (column, worker) throws(DetectionError) in
    try body(column, columns.base + column * X.rows, worker) {
      () throws(DetectionError) in try stop.check(column, worker)
    }
  }
}

/// Lets long chunks be left half-way: the calling thread asks, and the others see that it was told to stop.
final class StopSign: @unchecked Sendable {
  private let teller: ProgressTeller
  private let chunks: Int
  private let stopped: Buffer<Int64>?

  init(_ teller: ProgressTeller, chunks: Int) {
    self.teller = teller
    self.chunks = chunks
    stopped = try? Buffer(count: 1)
  }

  func check(_ chunk: Int, _ worker: Int) throws(DetectionError) {
    guard let stopped else { throw .outOfMemory(bytes: 8) }
    if worker == 0, !teller.tell(Double(chunk) / Double(chunks)) { ck_store(stopped.base, 1) }
    if ck_load(stopped.base) != 0 { throw .cancelled }
  }
}

/// Sorts one column after another on one thread.
final class ColumnSorter {
  private let rows: Int
  private let scratch: Buffer<UInt64>
  private let ends: Buffer<UInt32>
  private let counts: Buffer<UInt32>

  /// Fewer keys than this are sorted by comparing.
  private static let fewKeys = 256
  private static let digits = 6
  private static let digitValues = 2048

  init(rows: Int) throws(DetectionError) {
    self.rows = rows
    scratch = try Buffer(count: rows, zeroed: false)
    ends = try Buffer(count: rows, zeroed: false)
    counts = try Buffer(count: ColumnSorter.digits * ColumnSorter.digitValues)
  }

  /// Sort the column in place; what comes back is good until the next call.
  @_optimize(speed)
  func sort(
    _ column: UnsafeMutablePointer<Double>, check: @escaping () throws(DetectionError) -> Void
  ) throws(DetectionError) -> SortedColumn {
    let kernels = ColumnKernels.chosen
    let own = UnsafeMutableRawPointer(column).bindMemory(to: UInt64.self, capacity: rows)
    var (source, target) = (own, scratch.base)
    counts.base.update(repeating: 0, count: counts.count)
    try SortedColumn.forEachPiece(of: rows, check) { (part) throws(DetectionError) in
      kernels.countKeys(source + part.lowerBound, part.count, counts.base)
    }
    if rows < ColumnSorter.fewKeys {
      var few = UnsafeMutableBufferPointer(start: source, count: rows)
      few.sort()
    } else {
      for digit in 0..<ColumnSorter.digits {
        guard kernels.placeKeys(source, rows, counts.base, digit) else { continue }
        let (from, to) = (source, target)
        try SortedColumn.forEachPiece(of: rows, check) { (part) throws(DetectionError) in
          kernels.moveKeys(from + part.lowerBound, part.count, counts.base, digit, to)
        }
        (source, target) = (target, source)
      }
    }
    var distinct = 0
    try SortedColumn.forEachPiece(of: rows, check) { (part) throws(DetectionError) in
      distinct = kernels.distinctKeys(
        source, part.lowerBound, part.upperBound, rows, target, ends.base, distinct)
    }
    let values = UnsafeMutableRawPointer(target).bindMemory(to: Double.self, capacity: rows)
    return SortedColumn(
      values: values, ends: ends.base, count: distinct, rows: rows, check: check)
  }
}
