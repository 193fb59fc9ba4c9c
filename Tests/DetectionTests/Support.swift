@testable import Detection

/// Rows of a matrix that a test owns.
final class Table {
  let rows: Int
  let columns: Int
  let values: UnsafeMutablePointer<Double>

  init(_ rows: Int, _ columns: Int, _ value: (Int, Int) -> Double) {
    self.rows = rows
    self.columns = columns
    values = .allocate(capacity: max(rows * columns, 1))
    for row in 0..<rows {
      for column in 0..<columns { values[row * columns + column] = value(row, column) }
    }
  }

  deinit { values.deallocate() }

  var matrix: Matrix {
    get throws {
      try Matrix(
        base: values, element: .float64, rows: rows, columns: columns, rowStride: columns * 8,
        columnStride: 8)
    }
  }

  func row(_ row: Int) -> [Double] { (0..<columns).map { values[row * columns + $0] } }

  /// A cloud of normal rows with a few far ones at the end.
  static func cloud(_ rows: Int, _ columns: Int, seed: UInt64 = 1) -> Table {
    var random = Random(seed: seed, stream: 0)
    return Table(rows, columns) { row, _ in random.normal() + (row >= rows - 5 ? 8 : 0) }
  }
}

func fitted(_ X: Table, _ options: [String: OptionValue] = [:], threads: Int = 1) throws -> Detector {
  let detector = Detector(try Registry.find("IsolationForest"))
  for (name, value) in options { try detector.set(name, value) }
  try detector.fit(Training(try X.matrix), call: Call(threads: threads))
  return detector
}

func fitted(
  _ name: String, _ X: Table, _ options: [String: OptionValue] = [:], threads: Int = 1
) throws -> Detector {
  let detector = Detector(try Registry.find(name))
  for (name, value) in options { try detector.set(name, value) }
  try detector.fit(Training(try X.matrix), call: Call(threads: threads))
  return detector
}

func scores(_ detector: Detector, _ X: Table, threads: Int = 1) throws -> [Double] {
  let scores = try Buffer<Double>(count: X.rows)
  try detector.score(try X.matrix, call: Call(threads: threads), into: scores.base)
  return (0..<X.rows).map { scores[$0] }
}

/// A row of shares for each row.
func shares(_ detector: Detector, _ X: Table, threads: Int = 1) throws -> [[Double]] {
  let shares = try Buffer<Double>(count: X.rows * X.columns)
  try detector.explain(try X.matrix, call: Call(threads: threads), into: shares.base)
  return (0..<X.rows).map { row in (0..<X.columns).map { shares[row * X.columns + $0] } }
}
