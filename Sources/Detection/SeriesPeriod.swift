/// The period of a series, for a window that holds one of it.
enum SeriesPeriod {
  private static let mostRows = 8192
  private static let longest = 1024

  /// The lag at which the autocorrelation, the mean of that of the channels, has its highest peak; where it has
  /// none, a tenth of the rows, 50 at most. Never more than the series has room for.
  static func window(for X: Matrix, exclusion: Int?) -> Int {
    var most = max(3, 2 * (X.rows - 2) / 3)
    if let exclusion { most = max(3, min(X.rows, X.rows - 1 - 2 * min(exclusion, X.rows))) }
    while exclusion == nil, most > 3,
      MatrixProfile.Plan.leastRows(
        window: most, exclusion: MatrixProfile.Plan.exclusion(most)) > X.rows
    { most -= 1 }
    let usual = max(3, min(50, X.rows / 10))
    return min(most, period(X) ?? usual)
  }

  private static func period(_ X: Matrix) -> Int? {
    let rows = min(X.rows, mostRows)
    let last = min(longest, rows / 3) + 1
    guard last > 4 else { return nil }
    var sums = [Double](repeating: 0, count: last + 1)
    var values = [Double](repeating: 0, count: rows)
    for column in 0..<min(X.columns, 64) {
      let frame = ProfiledSeries.Frame(X, column: column)
      var mean = 0.0
      for row in 0..<rows {
        values[row] = frame.apply(X.value(row, column))
        mean += values[row] / Double(rows)
      }
      var squares = 0.0
      for row in 0..<rows {
        values[row] -= mean
        squares += values[row] * values[row]
      }
      guard squares > 0 else { continue }
      values.withUnsafeBufferPointer { values in
        for lag in 2...last {
          var product = 0.0
          for row in lag..<rows { product += values[row] * values[row - lag] }
          sums[lag] += product / squares
        }
      }
    }
    var best: Int?
    for lag in 3..<last
    where sums[lag] > 0 && sums[lag] > sums[lag - 1] && sums[lag] >= sums[lag + 1] {
      if best.map({ sums[lag] > sums[$0] }) ?? true { best = lag }
    }
    return best
  }
}
