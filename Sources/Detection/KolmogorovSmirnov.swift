import Glibc

/// The two-sample Kolmogorov-Smirnov test.
public enum KolmogorovSmirnov {
  /// Samples at most: what is counted exactly then fits 64 bits, and a test takes a second at worst.
  public static let mostRows = 65_536

  /// The largest distance between the two empirical distributions, times n and m: a whole number. Both
  /// samples ascending. O(n + m).
  static func distance(
    _ a: UnsafePointer<Double>, _ n: Int, _ b: UnsafePointer<Double>, _ m: Int
  ) -> Int {
    var (i, j, largest) = (0, 0, 0)
    while i < n, j < m {
      let value = min(a[i], b[j])
      while i < n, a[i] <= value { i += 1 }
      while j < m, b[j] <= value { j += 1 }
      largest = max(largest, abs(i * m - j * n))
    }
    return largest
  }

  /// The chance that two samples of one continuous distribution lie `distance` (in units of 1 / (n m)) or
  /// more apart: the share of lattice paths that leave the band, counted without cancellation (Hodges 1958).
  /// O(n m D), `row` being room for min(n, m) + 1 numbers. Below 1e-14 the limit's first term stands for it.
  static func pValue(
    _ distance: Int, _ first: Int, _ second: Int, row: UnsafeMutablePointer<Double>
  ) -> Double {
    guard distance > 0 else { return 1 }
    let (n, m) = (max(first, second), min(first, second))
    let d = Double(distance) / Double(n) / Double(m)
    let limit = 2 * exp(-2 * d * d * (Double(n) * Double(m) / Double(n + m)))
    if limit < 1e-14 { return limit }
    // row[j]: the share of the paths to (i, j) that have touched |i m - j n| >= distance.
    for j in 0...m { row[j] = j * n >= distance ? 1 : 0 }
    for i in 1...n {
      // The band of j that lies inside; outside of it the share is 1.
      let from = max(0, (i * m - distance) / n + (i * m >= distance ? 1 : 0))
      let to = min(m, (i * m + distance - 1) / n)
      if from > 0 { row[from - 1] = 1 }
      var left = from > 0 ? 1.0 : 0
      var j = from
      if j == 0 {
        left = row[0]
        j = 1
      }
      while j <= to {
        let sum = Double(i + j)
        left = (Double(i) * row[j] + Double(j) * left) / sum
        row[j] = left
        j += 1
      }
      if to < m { row[to + 1] = 1 }
    }
    return min(1, row[m])
  }

  /// The statistic and p-value of two samples of finite values, in any order.
  public static func test(
    _ first: UnsafeBufferPointer<Double>, _ second: UnsafeBufferPointer<Double>
  ) throws(DetectionError) -> (statistic: Double, pValue: Double) {
    for count in [first.count, second.count] where count < 1 || count > mostRows {
      throw DetectionError(
        .invalidData, "a sample has \(count) values; allowed are 1 to \(mostRows)")
    }
    let (a, b) = (try checkedCopy(of: first), try checkedCopy(of: second))
    sort(a)
    sort(b)
    let row = try Buffer<Double>(count: min(a.count, b.count) + 1)
    let distance = distance(a.base, a.count, b.base, b.count)
    return (
      Double(distance) / (Double(a.count) * Double(b.count)),
      pValue(distance, a.count, b.count, row: row.base)
    )
  }
}
