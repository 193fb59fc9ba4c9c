import Glibc

/// Turns scores into probabilities, never falling as the score rises (logistic: unless the labels say so).
public struct Calibration: Sendable {
  /// Raw values are those of the C ABI and of model files.
  public enum Method: Int32, Sendable, CaseIterable {
    case linear = 1
    case gaussian = 2
    case gamma = 3
    case tail = 4
    case logistic = 5
    case isotonic = 6

    var name: StaticString {
      switch self {
      case .linear: "linear"
      case .gaussian: "gaussian"
      case .gamma: "gamma"
      case .tail: "tail"
      case .logistic: "logistic"
      case .isotonic: "isotonic"
      }
    }

    var needsLabels: Bool { self == .logistic || self == .isotonic }
  }

  /// What a method found; members that it has no use for are 0.
  public struct Parameters: Sendable, Equatable {
    /// The least score (linear), the mean, or where the tail begins.
    public var location = 0.0
    /// The range (linear), the standard deviation, or the scale of the gamma or the tail.
    public var scale = 0.0
    /// Of the gamma distribution or the tail.
    public var shape = 0.0
    /// Logistic: of (score - location) / scale.
    public var slope = 0.0
    public var intercept = 0.0
    /// Tail: of the scores. Gamma: below the mean.
    public var share = 0.0

    init() {}

    init(_ values: Buffer<Double>) {
      (location, scale, shape) = (values[0], values[1], values[2])
      (slope, intercept, share) = (values[3], values[4], values[5])
    }

    var values: [Double] { [location, scale, shape, slope, intercept, share] }
  }

  public let method: Method
  public let parameters: Parameters
  /// Scores, ascending, and the probability at each; between them a straight line. Tail and isotonic.
  public let knots: Buffer<Double>
  let levels: Buffer<Double>

  init(
    _ method: Method, _ parameters: Parameters, knots: Buffer<Double>, levels: Buffer<Double>
  ) {
    self.method = method
    self.parameters = parameters
    self.knots = knots
    self.levels = levels
  }

  init(_ method: Method, _ parameters: Parameters) throws(DetectionError) {
    let none = try Buffer<Double>(count: 0)
    self.init(method, parameters, knots: none, levels: none)
  }

  /// The probability of one score; scores and probabilities may be the same memory.
  public func apply(
    _ scores: UnsafeBufferPointer<Double>, into probabilities: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    for (row, score) in scores.enumerated() where score.isNaN {
      throw DetectionError(.invalidData, "the score of row \(row) is NaN", row: row)
    }
    for (row, score) in scores.enumerated() {
      let probability = probability(score)
      probabilities[row] = probability > 0 ? min(probability, 1) : 0
    }
  }

  private func probability(_ score: Double) -> Double {
    let p = parameters
    if method == .isotonic { return interpolated(score) }
    if method == .tail {
      return score <= p.location
        ? interpolated(score)
        : 1 - p.share * GeneralisedPareto(shape: p.shape, scale: p.scale).tail(score - p.location)
    }
    if method == .logistic {
      let logit = (p.scale > 0 ? p.slope * ((score - p.location) / p.scale) : 0) + p.intercept
      return logit >= 0 ? 1 / (1 + exp(-logit)) : exp(logit) / (1 + exp(logit))
    }
    // Where all scores were equal: a step.
    guard p.scale > 0 else { return score > p.location ? 1 : 0 }
    if method == .linear { return (score - p.location) / p.scale }
    if method == .gaussian { return erf((score - p.location) / p.scale / 2.0.squareRoot()) }
    let below = ChiSquared.probability(2 * (score / p.scale), freedom: 2 * p.shape)
    return (below - p.share) / (1 - p.share)
  }

  private func interpolated(_ score: Double) -> Double {
    let count = knots.count
    guard count > 0, score > knots[0] else { return count > 0 ? levels[0] : 0 }
    guard score < knots[count - 1] else { return levels[count - 1] }
    var (low, high) = (0, count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if knots[middle] <= score { low = middle } else { high = middle }
    }
    let rise = levels[high] - levels[low]
    // Halves, since the distance of two doubles may not be one.
    return levels[low] + rise * ((score / 2 - knots[low] / 2) / (knots[high] / 2 - knots[low] / 2))
  }
}

extension Calibration {
  /// The section of a model file: method, six parameters, knots and levels.
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(UInt32(bitPattern: method.rawValue))
    for value in parameters.values { writer.write(value) }
    try writer.write(all: knots)
    try writer.write(all: levels)
  }

  static func read(_ reader: inout ModelReader) throws(DetectionError) -> Calibration {
    let number = try reader.read(UInt32.self, "calibration method")
    guard let method = Method(rawValue: Int32(truncatingIfNeeded: number)) else {
      throw reader.damaged("there is no calibration method \(number)")
    }
    let values = try reader.readValues(6, "calibration parameters")
    for index in 0..<6 where !values[index].isFinite {
      throw reader.damaged("calibration parameter \(index) is not finite")
    }
    let p = Parameters(values)
    guard p.scale >= 0, (0...1).contains(p.share),
      method != .gamma || p.scale == 0
        || (p.shape > 0 && p.shape <= greatestGammaShape)
    else { throw reader.damaged("calibration parameters are out of range") }
    let count = try reader.readCount("number of calibration knots", atMost: 1 << 40)
    let knots = try reader.readValues(count, "calibration knots")
    let levels = try reader.readAll(count, in: 0...1, "calibration level")
    for index in 0..<count {
      guard knots[index].isFinite,
        index == 0 || (knots[index - 1] < knots[index] && levels[index - 1] <= levels[index])
      else { throw reader.damaged("calibration knot \(index) is out of order") }
    }
    return Calibration(method, p, knots: knots, levels: levels)
  }
}
