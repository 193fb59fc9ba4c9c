import Glibc

/// How far apart two rows are.
enum DistanceMetric: Equatable, Sendable {
  case euclidean, manhattan, chebyshev, cosine
  case minkowski(p: Double)

  /// The options metric and p that the neighbour detectors have.
  static let options = [
    OptionSpec(
      "metric",
      "Distance of two rows: \"minkowski\" with the power p, \"euclidean\", \"manhattan\", \"chebyshev\""
        + " or \"cosine\" (1 - cosine of the angle; a row of zeros is at distance 1 from the others).",
      default: .string("minkowski"),
      choices: ["minkowski", "euclidean", "manhattan", "chebyshev", "cosine"]),
    OptionSpec(
      "p", "Power of the metric \"minkowski\": 1 is manhattan, 2 euclidean.", default: .double(2),
      doubles: .init(minimum: 1, minimumExclusive: false, maximum: 1e6)),
  ]

  init(_ options: Options) {
    let p = options.double("p") ?? 2
    switch options.string("metric") {
    case "euclidean": self = .euclidean
    case "manhattan": self = .manhattan
    case "chebyshev": self = .chebyshev
    case "cosine": self = .cosine
    default: self = p == 1 ? .manhattan : p == 2 ? .euclidean : .minkowski(p: p)
    }
  }

  /// As the kernels number them; rows of length 1 are as near by angle as they are straight.
  var kernelNumber: Int32 {
    switch self {
    case .euclidean, .cosine: return 0
    case .manhattan: return 1
    case .chebyshev: return 2
    case .minkowski: return 3
    }
  }

  var power: Double {
    if case .minkowski(let p) = self { return p }
    return 2
  }

  /// p where multiplying p times is what raises to it.
  var wholePower: Int32 {
    guard case .minkowski(let p) = self, p <= 16, let whole = Int32(exactly: p) else { return 0 }
    return whole
  }

  /// Values up to this keep every distance finite.
  func valueLimit(columns: Int) -> Double {
    switch self {
    case .euclidean, .cosine: return 0x1p480
    case .manhattan, .chebyshev: return 0x1p480
    case .minkowski(let p): return min(0x1p480, exp2((1000 - log2(Double(max(columns, 1)))) / p - 1))
    }
  }

  /// The distance that a reduced one stands for.
  func distance(reduced: Double) -> Double {
    switch self {
    case .euclidean: return reduced.squareRoot()
    case .manhattan, .chebyshev: return reduced
    case .cosine: return reduced / 2
    case .minkowski(let p): return reduced == 0 ? 0 : pow(reduced, 1 / p)
    }
  }

  /// Columns of a row in the index: by angle one more, which tells rows of zeros from all others.
  func width(columns: Int) -> Int { self == .cosine ? columns + 1 : columns }

  /// Make of a row what the index compares.
  func prepare(_ row: UnsafeMutablePointer<Double>, columns: Int) {
    guard self == .cosine else { return }
    var largest = 0.0
    for column in 0..<columns { largest = max(largest, row[column].magnitude) }
    row[columns] = largest == 0 ? 1 : 0
    guard largest > 0 else { return }
    // First into the range where squares neither overflow nor vanish.
    // In two steps: the factor for subnormal numbers is none itself.
    let exponent = -Int(ilogb(largest))
    let first = scalbn(1.0, exponent / 2)
    let second = scalbn(1.0, exponent - exponent / 2)
    var sum = 0.0
    for column in 0..<columns {
      row[column] = row[column] * first * second
      sum += row[column] * row[column]
    }
    let length = sum.squareRoot()
    for column in 0..<columns { row[column] /= length }
  }

  /// Add to `shares` how much each column adds to the distance of two rows, `weight` in all.
  func addShares(
    _ a: UnsafePointer<Double>, _ b: (Int) -> Double, columns: Int, weight: Double,
    to shares: UnsafeMutablePointer<Double>
  ) {
    var largest = 0.0
    for column in 0..<columns { largest = max(largest, (a[column] - b(column)).magnitude) }
    guard largest > 0 else {
      for column in 0..<columns { shares[column] += weight / Double(columns) }
      return
    }
    func part(_ column: Int) -> Double {
      let gap = (a[column] - b(column)).magnitude / largest
      switch self {
      case .euclidean, .cosine: return gap * gap
      case .manhattan: return gap
      case .chebyshev: return gap == 1 ? 1 : 0
      case .minkowski(let p): return pow(gap, p)
      }
    }
    var total = 0.0
    for column in 0..<columns { total += part(column) }
    for column in 0..<columns { shares[column] += weight * (part(column) / total) }
  }
}
