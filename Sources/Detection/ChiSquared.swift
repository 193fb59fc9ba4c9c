import Glibc

/// The chi-squared distribution.
enum ChiSquared {
  /// P(value <= x) with `freedom` degrees of freedom: the regularised lower incomplete gamma function.
  static func probability(_ x: Double, freedom: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x.isFinite else { return 1 }
    let (a, x) = (freedom / 2, x / 2)
    let front = exp(a * log(x) - x - logGamma(a))
    if x < a + 1 {
      // The series.
      var term = 1 / a
      var sum = term
      var n = a
      while term > sum * 1e-17 {
        n += 1
        term *= x / n
        sum += term
      }
      return min(1, front * sum)
    }
    // The continued fraction of the upper part (Lentz's method).
    let tiny = 1e-300
    var b = x + 1 - a
    var c = 1 / tiny
    var d = 1 / b
    var h = d
    var i = 1.0
    while i < 1e6 {
      let an = -i * (i - a)
      b += 2
      d = an * d + b
      if abs(d) < tiny { d = tiny }
      c = b + an / c
      if abs(c) < tiny { c = tiny }
      d = 1 / d
      let delta = d * c
      h *= delta
      if abs(delta - 1) < 1e-16 { break }
      i += 1
    }
    return max(0, 1 - front * h)
  }

  /// The value that is not exceeded with that probability, in (0, 1): by bisection.
  static func quantile(_ probability: Double, freedom: Double) -> Double {
    guard probability < 1 else { return .infinity }
    guard probability > 0 else { return 0 }
    var high = max(2 * freedom, 1)
    while self.probability(high, freedom: freedom) < probability { high *= 2 }
    var low = 0.0
    for _ in 0..<200 {
      let middle = low + (high - low) / 2
      guard middle > low, middle < high else { break }
      if self.probability(middle, freedom: freedom) < probability { low = middle } else { high = middle }
    }
    return low + (high - low) / 2
  }

  /// What makes the covariance of the share `alpha` of rows that lie nearest the centre consistent for
  /// normal data (Croux, Haesbroeck 1999).
  static func consistency(features: Int, alpha: Double) -> Double {
    guard alpha < 1 else { return 1 }
    let freedom = Double(features)
    return alpha / probability(quantile(alpha, freedom: freedom), freedom: freedom + 2)
  }

  private static func logGamma(_ x: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(x, &sign)
  }
}
