import Glibc

/// The generalised Pareto distribution of excesses over a high level (Pickands 1975):
/// P(Y > y) = (1 + shape * y / scale)^(-1 / shape), exp(-y / scale) where the shape is 0.
public struct GeneralisedPareto: Sendable, Equatable {
  /// Above 0: a tail heavier than the exponential one; below 0: one that ends at -scale / shape.
  public var shape: Double
  public var scale: Double

  public init(shape: Double, scale: Double) {
    self.shape = shape
    self.scale = scale
  }

  /// P(Y > y).
  public func tail(_ y: Double) -> Double {
    guard y > 0 else { return 1 }
    let x = y / scale
    if abs(shape * x) < 1e-12 { return exp(-x) }
    let inner = 1 + shape * x
    return inner > 0 ? exp(-log1p(shape * x) / shape) : 0
  }

  /// The excess that is exceeded with that probability, in (0, 1].
  public func excess(exceededWith probability: Double) -> Double {
    let logarithm = -log(probability)
    if abs(shape * logarithm) < 1e-12 { return scale * logarithm }
    return scale * expm1(shape * logarithm) / shape
  }

  public func logLikelihood(_ excesses: Buffer<Double>) -> Double {
    var sum = 0.0
    for index in 0..<excesses.count {
      let x = excesses[index] / scale
      if abs(shape) < 1e-12 {
        sum += x
      } else if shape == -1 {
        guard x <= 1 else { return -.infinity }
      } else {
        guard 1 + shape * x > 0 else { return -.infinity }
        sum += (1 + 1 / shape) * log1p(shape * x)
      }
    }
    return -Double(excesses.count) * log(scale) - sum
  }
}

extension GeneralisedPareto {
  /// Excesses fewer than this say too little of the shape: it is held at 0.
  public static let fewestForShape = 10

  /// The maximum likelihood fit to positive, finite excesses, at least one of them, by Grimshaw's trick
  /// (1993): with x = shape / scale, the best shape for an x is the mean of log(1 + x y), which leaves a
  /// search in one unknown. Shapes below -1, where the likelihood has no bound, are left out, as he does.
  /// O(n) for each of some hundreds of steps.
  static func fitted(to excesses: Buffer<Double>) -> GeneralisedPareto {
    var largest = 0.0
    var smallest = Double.infinity
    for index in 0..<excesses.count {
      largest = max(largest, excesses[index])
      smallest = min(smallest, excesses[index])
    }
    // By parts of the largest, so that no sum overflows.
    let profile = Profile(excesses, unit: largest)
    let mean = profile.mean
    var best = Candidate(shape: 0, scale: mean, height: -log(mean) - 1)
    if excesses.count >= fewestForShape {
      best = best.better(Candidate(shape: -1, scale: 1, height: 0))
      // Below 0: from near 0 to where the largest excess would be the end of the tail.
      best = best.better(profile.highest((-48...0).map { -(1 - exp(Double($0) * 0.5)) }.reversed()))
      best = best.better(profile.highest((0...48).map { -1e-7 * exp(Double($0) * 0.335) }))
      // Above 0: until even the smallest excess has x y >> 1, from where the likelihood only falls.
      let last = 1e3 / max(smallest / largest, 1e-303)
      var grid = [1e-7 / mean]
      while let x = grid.last, x < last { grid.append(x * 2) }
      best = best.better(profile.highest(grid))
    }
    return GeneralisedPareto(
      shape: best.shape, scale: max(best.scale * largest, .leastNonzeroMagnitude))
  }

  private struct Candidate {
    var shape: Double
    var scale: Double
    /// The mean log-likelihood.
    var height: Double

    func better(_ other: Candidate?) -> Candidate {
      guard let other, other.height > height else { return self }
      return other
    }
  }

  /// The likelihood along x, each x with its best shape.
  private struct Profile {
    let excesses: Buffer<Double>
    let unit: Double
    let mean: Double

    init(_ excesses: Buffer<Double>, unit: Double) {
      self.excesses = excesses
      self.unit = unit
      var sum = 0.0
      for index in 0..<excesses.count { sum += excesses[index] / unit }
      mean = max(sum / Double(excesses.count), 1e-300)
    }

    /// The best shape at x, and whether the likelihood rises there, in the direction of greater x.
    func look(_ x: Double) -> (shape: Double, rise: Double) {
      var logarithms = 0.0
      var shares = 0.0
      for index in 0..<excesses.count {
        let product = x * (excesses[index] / unit)
        logarithms += log1p(product)
        shares += 1 / (1 + product)
      }
      let count = Double(excesses.count)
      let shape = logarithms / count
      return (shape, shares / count * (1 + shape) - 1)
    }

    /// The highest top between neighbours of a grid of ascending or descending x, if there is one.
    func highest(_ grid: [Double]) -> Candidate? {
      let grid = grid.sorted().filter { $0 > -1 && $0 != 0 }
      var best: Candidate?
      var last: (x: Double, rise: Double)?
      for x in grid {
        let here = look(x)
        guard here.shape > -1, here.rise.isFinite else {
          last = nil
          continue
        }
        if let last, last.rise > 0, here.rise <= 0 {
          let top = climb(last.x, x)
          best = best?.better(top) ?? top
        }
        last = (x, here.rise)
      }
      return best
    }

    private func climb(_ from: Double, _ to: Double) -> Candidate? {
      var (low, high) = (from, to)
      for _ in 0..<100 {
        let middle = low + (high - low) / 2
        guard middle > low, middle < high else { break }
        if look(middle).rise > 0 { low = middle } else { high = middle }
      }
      let x = low + (high - low) / 2
      let shape = look(x).shape
      let scale = shape / x
      guard scale > 0, scale.isFinite, shape > -1 else { return nil }
      return Candidate(shape: shape, scale: scale, height: -log(scale) - shape - 1)
    }
  }
}
