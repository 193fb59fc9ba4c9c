import Glibc

/// What work grows with: a term of a cost, for n rows and d columns.
enum CostTerm: UInt8 {
  case one, d, d2, d3, n, nd, nLog, ndLog, nd2
  /// n d times the halvings by which n d values exceed the second cache (2^17 of them).
  case ndBeyond
  case nRoot, ndRoot, n2, n2d

  func value(_ n: Double, _ d: Double) -> Double {
    switch self {
    case .one: return 1
    case .d: return d
    case .d2: return d * d
    case .d3: return d * d * d
    case .n: return n
    case .nd: return n * d
    case .nLog: return n * log2(n + 1)
    case .ndLog: return n * d * log2(n + 1)
    case .nd2: return n * d * d
    case .ndBeyond: return n * d * max(0, log2(n * d) - 17)
    case .nRoot: return n * n.squareRoot()
    case .ndRoot: return n * n.squareRoot() * d
    case .n2: return n * n
    case .n2d: return n * n * d
    }
  }
}

/// A cost as the sum of terms, each with its coefficient: seconds of one thread of the machine on which they
/// were measured, or bytes.
typealias CostModel = [(CostTerm, Double)]

/// What is known of a detector with its default options: Benchmarks/detection/selection_table.py measured it.
struct DetectorProfile: Sendable {
  let name: String
  /// Means over the labelled sets of ADBench.
  let rocAUC: Double
  let averagePrecision: Double
  let fit: CostModel
  /// Of all n rows in one call.
  let score: CostModel
  /// Of a call for one row.
  let oneRow: CostModel
  /// Peak bytes beyond the input.
  let memory: CostModel

  init(
    _ name: String, rocAUC: Double, averagePrecision: Double, fit: CostModel, score: CostModel,
    oneRow: CostModel, memory: CostModel
  ) {
    self.name = name
    self.rocAUC = rocAUC
    self.averagePrecision = averagePrecision
    self.fit = fit
    self.score = score
    self.oneRow = oneRow
    self.memory = memory
  }

  static func cost(_ model: CostModel, _ n: Double, _ d: Double) -> Double {
    model.reduce(0) { $0 + $1.1 * $1.0.value(n, d) }
  }
}
