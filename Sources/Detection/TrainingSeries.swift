/// A series that is kept, row by row.
final class TrainingSeries: Sendable {
  let rows: Int
  let channels: Int
  let values: Buffer<Double>

  init(_ X: Matrix) throws(DetectionError) {
    rows = X.rows
    channels = X.columns
    values = try Buffer(count: X.rows * X.columns, zeroed: false)
    for row in 0..<rows {
      // Adding zero makes negative zeros positive: equal values have equal bits.
      for column in 0..<channels { values[row * channels + column] = X.value(row, column) + 0 }
    }
  }

  init(rows: Int, channels: Int, values: Buffer<Double>) {
    self.rows = rows
    self.channels = channels
    self.values = values
  }

  var matrix: Matrix {
    get throws(DetectionError) {
      try Matrix(
        base: values.base, element: .float64, rows: rows, columns: channels,
        rowStride: channels * 8, columnStride: 8)
    }
  }

  /// The first row from which on the rows of X stand here, one after another. X has at least one.
  /// O(rows) by Knuth, Morris, Pratt 1977.
  @_optimize(speed)
  func place(of X: Matrix) throws(DetectionError) -> Int? {
    guard X.rows <= rows else { return nil }
    // Of the first rows of X, how many of its last are its first ones, too, and fewer than all.
    let borders = try Buffer<Int>(count: X.rows)
    var same = 0
    for row in 1..<max(X.rows, 1) {
      while same > 0, !equals(X, row, same) { same = borders[same - 1] }
      if equals(X, row, same) { same += 1 }
      borders[row] = same
    }
    same = 0
    for row in 0..<rows {
      while same > 0, !isRow(row, X, same) { same = borders[same - 1] }
      if isRow(row, X, same) { same += 1 }
      if same == X.rows { return row + 1 - same }
    }
    return nil
  }

  private func equals(_ X: Matrix, _ a: Int, _ b: Int) -> Bool {
    for column in 0..<channels where X.value(a, column) != X.value(b, column) { return false }
    return true
  }

  private func isRow(_ row: Int, _ X: Matrix, _ other: Int) -> Bool {
    let own = values.base + row * channels
    for column in 0..<channels where X.value(other, column) != own[column] { return false }
    return true
  }
}
