import Glibc

/// The population stability index: sum over bins of (p - q) ln(p / q), the bins being tenths of the
/// reference. Of each share the counts are taken half a row larger, so that empty bins stay finite.
struct StabilityBins {
  /// Upper ends of the bins but the last, ascending; bins that ties make empty are left out.
  private var ends: [Double] = []
  private var shares: [Double] = []

  /// Of a sorted sample.
  init(_ sorted: Buffer<Double>) {
    for tenth in 1..<10 {
      let end = sorted[(sorted.count - 1) * tenth / 10]
      if end > ends.last ?? -.infinity, end < sorted[sorted.count - 1] { ends.append(end) }
    }
    shares = StabilityBins.shares(of: sorted.base, sorted.count, ends)
  }

  /// Of another sorted sample.
  func index(of sorted: UnsafePointer<Double>, _ count: Int) -> Double {
    var sum = 0.0
    for (ours, theirs) in zip(StabilityBins.shares(of: sorted, count, ends), shares) {
      sum += (ours - theirs) * log(ours / theirs)
    }
    return sum
  }

  private static func shares(
    of sorted: UnsafePointer<Double>, _ count: Int, _ ends: [Double]
  ) -> [Double] {
    var shares: [Double] = []
    var row = 0
    for bin in 0...ends.count {
      let first = row
      while row < count, bin == ends.count || sorted[row] <= ends[bin] { row += 1 }
      shares.append((Double(row - first) + 0.5) / (Double(count) + 0.5 * Double(ends.count + 1)))
    }
    return shares
  }
}
