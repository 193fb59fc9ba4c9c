import Glibc

/// A kernel of support vector machines, as libsvm defines them.
struct KernelFunction: Equatable, Sendable {
  enum Kind: UInt32, Sendable {
    /// exp(-gamma |x - y|^2)
    case radial = 0
    /// x y
    case linear = 1
    /// (gamma x y + coef0)^degree
    case polynomial = 2
    /// tanh(gamma x y + coef0)
    case sigmoid = 3
  }

  var kind: Kind
  var gamma: Double
  var coef0: Double
  var degree: Int

  /// The option gamma, settled for data of that variance.
  static func gamma(
    _ options: Options, columns: Int, variance: Double
  ) throws(DetectionError) -> Double {
    let gamma: Double
    if let given = options.double("gamma") {
      gamma = given
    } else if options.string("gamma") == "auto" {
      gamma = 1 / Double(columns)
    } else {
      gamma = variance > 0 ? 1 / (Double(columns) * variance) : 1
    }
    guard gamma > 0, gamma.isFinite else {
      throw DetectionError(
        .invalidData,
        "the variance of all values is \(variance): too large or too small for a gamma by \"scale\"")
    }
    return gamma
  }

  /// What coordinates are multiplied by, so that the radial kernel is 2 to the minus squared distance.
  var radialScale: Double { (gamma * 1.4426950408889634).squareRoot() }

  /// The value of a kernel other than the radial one, from the product of two rows.
  func value(_ product: Double) -> Double {
    switch kind {
    case .radial, .linear: return product
    case .polynomial: return power(gamma * product + coef0, degree)
    case .sigmoid: return tanh(gamma * product + coef0)
    }
  }

  /// Its derivative by the product.
  func slope(_ product: Double) -> Double {
    switch kind {
    case .radial, .linear: return 1
    case .polynomial:
      return degree == 0
        ? 0 : gamma * Double(degree) * power(gamma * product + coef0, degree - 1)
    case .sigmoid:
      let value = tanh(gamma * product + coef0)
      return gamma * (1 - value * value)
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, left) = (1.0, base, exponent)
    while left > 0 {
      if left & 1 != 0 { result *= square }
      square *= square
      left >>= 1
    }
    return result
  }
}
