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
  func place(of X: Matrix) -> Int? {
    guard X.rows <= rows else { return nil }
    for first in 0...(rows - X.rows) where equals(X, first, row: 0) {
      var row = 1
      while row < X.rows, equals(X, first, row: row) { row += 1 }
      if row == X.rows { return first }
    }
    return nil
  }

  private func equals(_ X: Matrix, _ first: Int, row: Int) -> Bool {
    let own = values.base + (first + row) * channels
    for column in 0..<channels where X.value(row, column) != own[column] { return false }
    return true
  }
}
