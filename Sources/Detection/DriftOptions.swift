/// How drift is looked for.
public struct DriftOptions: Sendable {
  /// How p-values are corrected for the number of features; raw values are those of the C ABI.
  public enum Correction: Int32, Sendable {
    /// The chance of any false alarm of a look (Holm 1979).
    case holm = 1
    /// The expected share of false ones among the alarms of a look (Benjamini, Hochberg 1995).
    case benjaminiHochberg = 2
  }

  /// What the level holds for; raw values are those of the C ABI.
  public enum Spending: Int32, Sendable {
    /// All looks together, however many: look k has the level alpha / (k (k + 1)).
    case lifetime = 1
    case eachLook = 2
  }

  public var alpha = 0.05
  public var window = 1000
  public var step = 1000
  public var referenceRows = 10_000
  public var seed: UInt64 = 0
  public var correction = Correction.holm
  public var spending = Spending.lifetime

  public init() {}

  func check() throws(DetectionError) {
    guard alpha > 0, alpha < 1 else {
      throw DetectionError(.invalidArgument, "alpha is \(alpha); allowed is more than 0 and less than 1")
    }
    let most = KolmogorovSmirnov.mostRows
    guard (2...most).contains(window) else {
      throw DetectionError(.invalidArgument, "window is \(window) rows; allowed are 2 to \(most)")
    }
    guard (2...most).contains(referenceRows) else {
      throw DetectionError(
        .invalidArgument, "reference_rows is \(referenceRows); allowed are 2 to \(most)")
    }
    guard step >= 1 else {
      throw DetectionError(.invalidArgument, "step is \(step) rows; allowed are 1 and more")
    }
  }

  /// The level of look 1, 2, ...
  func level(ofLook look: Int) -> Double {
    spending == .eachLook ? alpha : alpha / (Double(look) * (Double(look) + 1))
  }

  /// p-values so corrected that each can be compared with the level itself.
  func adjusted(_ values: [Double]) -> [Double] {
    let count = values.count
    let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    var adjusted = values
    switch correction {
    case .holm:
      var highest = 0.0
      for (rank, index) in order.enumerated() {
        highest = max(highest, min(1, values[index] * Double(count - rank)))
        adjusted[index] = highest
      }
    case .benjaminiHochberg:
      var lowest = 1.0
      for (rank, index) in order.enumerated().reversed() {
        lowest = min(lowest, values[index] * Double(count) / Double(rank + 1))
        adjusted[index] = lowest
      }
    }
    return adjusted
  }
}
