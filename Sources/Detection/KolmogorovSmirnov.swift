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
  /// O(n m D), `row` being room for min(n, m) + 3 numbers. Below 1e-14 the limit's first term stands for it.
  static func pValue(
    _ distance: Int, _ first: Int, _ second: Int, row: UnsafeMutablePointer<Double>
  ) -> Double {
    guard distance > 0 else { return 1 }
    let (n, m) = (max(first, second), min(first, second))
    let d = Double(distance) / Double(n) / Double(m)
    let limit = 2 * exp(-2 * d * d * (Double(n) * Double(m) / Double(n + m)))
    if limit < 1e-14 { return limit }
    return ColumnKernels.chosen.leavingShare(distance, n, m, row)
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
    let row = try Buffer<Double>(count: min(a.count, b.count) + 3)
    let distance = distance(a.base, a.count, b.base, b.count)
    return (
      Double(distance) / (Double(a.count) * Double(b.count)),
      pValue(distance, a.count, b.count, row: row.base)
    )
  }
}
