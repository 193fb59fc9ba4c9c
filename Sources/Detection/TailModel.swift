import Glibc

/// Where each column's training values stand, and what a value there adds to a row's score: the model of
/// ECOD and COPOD.
final class TailModel: ColumnwiseModel {
  struct Column {
    /// The distinct values in ascending order, and behind them infinity.
    let values: Buffer<Double>
    /// The part of a value before the first, of the first, of one between it and the second, and so on.
    let parts: Buffer<Double>

    var count: Int { values.count - 1 }
  }

  let rows: Int
  let columns: [Column]

  init(rows: Int, columns: [Column]) {
    self.rows = rows
    self.columns = columns
  }

  var featureCount: Int { columns.count }

  var fitted: [(name: String, value: Double)] { [("n_samples", Double(rows))] }

  /// What the two tails of a value amount to: left and right are -log of the shares of training rows that
  /// lie no higher and no lower.
  typealias PartOfTails = (_ left: Double, _ right: Double) -> Double

  /// `rule` says for a sorted column how tails become parts.
  static func fit(
    _ X: Matrix, call: Call, rule: (SortedColumn) throws(DetectionError) -> PartOfTails
  ) throws(DetectionError) -> TailModel {
    try Memory.require(X.columns, of: MemoryLayout<Column?>.stride)
    var columns = [Column?](repeating: nil, count: X.columns)
    let tails = try tailTable(rows: X.rows, call: call.part(0...0.05))
    var failure: DetectionError?
    columns.withUnsafeMutableBufferPointer { columns in
      nonisolated(unsafe) let columns = columns
      do throws(DetectionError) {
        try forEachSortedColumn(X, call: call.part(0.05...1)) { (index, sorted) throws(DetectionError) in
          columns[index] = try column(sorted, tails, try rule(sorted))
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return TailModel(rows: X.rows, columns: columns.compactMap { $0 })
  }

  /// -log(k / rows) for k of 1 ... rows; for none, the value itself is counted with the rows.
  @_optimize(speed)
  private static func tailTable(rows: Int, call: Call) throws(DetectionError) -> Buffer<Double> {
    let tails = try Buffer<Double>(count: rows + 1, zeroed: false)
    tails[0] = log(Double(rows) + 1)
    let piece = SortedColumn.piece
    try forEachChunk(
      (rows + piece - 1) / piece, threads: call.threads, teller: ProgressTeller(call, "fit")
    ) { (chunk, _) throws(DetectionError) in
      for count in (chunk * piece + 1)...min((chunk + 1) * piece, rows) {
        tails[count] = 0 - log(Double(count) / Double(rows))
      }
    }
    return tails
  }

  @_optimize(speed)
  private static func column(
    _ sorted: SortedColumn, _ tails: Buffer<Double>, _ part: PartOfTails
  ) throws(DetectionError) -> Column {
    let count = sorted.count
    let values = try Buffer<Double>(count: count + 1, zeroed: false)
    values.base.update(from: sorted.values, count: count)
    values[count] = .infinity
    let parts = try Buffer<Double>(count: 2 * count + 1, zeroed: false)
    var before = 0
    try SortedColumn.forEachPiece(of: count, sorted.check) { (piece) throws(DetectionError) in
      for index in piece {
        let upTo = Int(sorted.ends[index])
        let right = tails[sorted.rows - before]
        parts[2 * index] = part(tails[before], right)
        parts[2 * index + 1] = part(tails[upTo], right)
        before = upTo
      }
    }
    parts[2 * count] = part(tails[sorted.rows], tails[0])
    return Column(values: values, parts: parts)
  }

  func writeParts(
    of column: Int, _ values: UnsafePointer<Double>, rows: Int,
    into parts: UnsafeMutablePointer<Double>
  ) {
    let own = columns[column]
    ColumnKernels.chosen.lookUpParts(
      values, rows, own.values.base, own.count, own.parts.base, parts)
  }

  func write(to writer: inout ModelWriter) {
    writer.write(UInt64(rows))
    for column in columns {
      writer.write(all: column.values, count: column.count)
      writer.write(all: column.parts, count: column.parts.count)
    }
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> TailModel {
    let rows = try reader.readCount("number of rows", atLeast: 1, atMost: 1 << 32)
    var columns: [Column] = []
    for feature in 0..<featureCount {
      let values = try reader.readBuffer(
        Double.self, "values of feature \(feature)", followedBy: .infinity)
      let count = values.count - 1
      var last = -Double.infinity
      for index in 0..<count {
        guard values[index] > last, values[index] < .infinity else {
          throw reader.damaged("the values of feature \(feature) are not finite and ascending")
        }
        last = values[index]
      }
      let parts = try reader.readBuffer(Double.self, "parts of feature \(feature)")
      // -log of a share of less than 2^32 rows.
      guard count > 0, parts.count == 2 * count + 1,
        (0..<parts.count).allSatisfy({ parts[$0] >= 0 && parts[$0] < 50 })
      else { throw reader.damaged("the parts of feature \(feature) do not fit its values") }
      try columns.makeRoom(for: columns.count + 1)
      columns.append(Column(values: values, parts: parts))
    }
    return TailModel(rows: rows, columns: columns)
  }
}
