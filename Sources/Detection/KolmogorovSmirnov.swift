import Glibc

/// The two-sample Kolmogorov-Smirnov test.
public enum KolmogorovSmirnov {
  /// Samples at most: distances then fit 64 bits by far.
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
  /// O(n m D), `row` being room for min(n, m) + 3 numbers. Below 1e-14 the limit's first term stands for it, and
  /// where n m is more than `mostPairs` the limit, which is then too large, by up to 5 % at 0.01 and 17 % at 1e-8.
  static func pValue(
    _ distance: Int, _ first: Int, _ second: Int, row: UnsafeMutablePointer<Double>
  ) -> Double {
    guard distance > 0 else { return 1 }
    let (n, m) = (max(first, second), min(first, second))
    let d = Double(distance) / Double(n) / Double(m)
    let square = d * d * (Double(n) * Double(m) / Double(n + m))
    let limit = 2 * exp(-2 * square)
    if limit < 1e-14 { return limit }
    if n * m > mostPairs { return self.limit(square) }
    return ColumnKernels.chosen.leavingShare(distance, n, m, row)
  }

  /// The exact p-value of samples of so many pairs takes some hundredths of a second at worst.
  static let mostPairs = 1 << 25

  /// The limit (Kolmogorov 1933) where D^2 n m / (n + m) is `square`, above 0: whichever of its two series
  /// needs few terms.
  static func limit(_ square: Double) -> Double {
    var sum = 0.0
    if square < 1 {
      for k in stride(from: 1.0, through: 7, by: 2) {
        sum += exp(-k * k * Double.pi * Double.pi / (8 * square))
      }
      return min(1, max(0, 1 - (2 * Double.pi / square).squareRoot() * sum))
    }
    for k in 1...5 { sum += (k % 2 == 1 ? 2 : -2) * exp(-2 * Double(k * k) * square) }
    return min(1, sum)
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
