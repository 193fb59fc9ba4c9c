/// How a threshold is found from scores.
public struct ThresholdRule: Sendable, Equatable {
  /// Raw values are those of the C ABI.
  public enum Method: Int32, Sendable, CaseIterable {
    case value = 0
    case percentile = 1
    case iqr = 2
    case mad = 3
    case pot = 4

    public var name: String {
      switch self {
      case .value: "value"
      case .percentile: "percentile"
      case .iqr: "iqr"
      case .mad: "mad"
      case .pot: "pot"
      }
    }

    /// What the parameter is where none was given.
    var usual: Double {
      switch self {
      case .value: 0
      case .percentile: 99
      case .iqr: 1.5
      case .mad: 3.5
      case .pot: 1e-3
      }
    }

    /// What the parameter may be, in words.
    var allowed: String {
      switch self {
      case .value: "a finite number"
      case .percentile: "a percentile above 0 and below 100"
      case .iqr: "a finite number of interquartile ranges above 0"
      case .mad: "a finite modified z-score above 0"
      case .pot: "a risk above 0 and below 1"
      }
    }

    func allows(_ parameter: Double) -> Bool {
      switch self {
      case .value: parameter.isFinite
      case .percentile: parameter > 0 && parameter < 100
      case .iqr, .mad: parameter > 0 && parameter.isFinite
      case .pot: parameter > 0 && parameter < 1
      }
    }
  }

  public let method: Method
  public let parameter: Double
  /// Peaks over threshold: the quantile where the tail begins; 0 to choose it by the number of scores.
  public let initialQuantile: Double

  /// A parameter of 0 is the method's usual one (of `.value` it is the value 0).
  public init(
    _ method: Method, parameter: Double = 0, initialQuantile: Double = 0
  ) throws(DetectionError) {
    self.method = method
    self.parameter = parameter == 0 ? method.usual : parameter
    self.initialQuantile = initialQuantile
    guard method.allows(self.parameter) else {
      throw DetectionError(
        .invalidArgument,
        "the threshold method \(method.name) takes \(method.allowed); got \(parameter)")
    }
    guard initialQuantile >= 0, initialQuantile < 1 else {
      throw DetectionError(
        .invalidArgument,
        "the initial quantile is \(initialQuantile); allowed are 0 (chosen) and numbers below 1")
    }
  }

  /// From a number, or "METHOD", "METHOD:PARAMETER", and "pot:RISK:INITIAL_QUANTILE".
  public init(text: String) throws(DetectionError) {
    if let value = Double(text) {
      try self.init(.value, parameter: value)
      return
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let method = Method.allCases.first { $0 != .value && parts.first == $0.name[...] }
    var numbers: [Double] = []
    for part in parts.dropFirst() {
      // 0 stands for "not given" in numbers only.
      guard let number = Double(part), number != 0 else { throw ThresholdRule.notUnderstood(text) }
      numbers.append(number)
    }
    guard let method, numbers.count <= (method == .pot ? 2 : 1) else {
      throw ThresholdRule.notUnderstood(text)
    }
    try self.init(
      method, parameter: numbers.first ?? 0, initialQuantile: numbers.count > 1 ? numbers[1] : 0)
  }

  private static func notUnderstood(_ text: String) -> DetectionError {
    DetectionError(
      .invalidArgument,
      "\"\(text)\" is no threshold; allowed are a number, percentile, percentile:99, iqr, iqr:1.5, mad,"
        + " mad:3.5, pot, pot:RISK and pot:RISK:INITIAL_QUANTILE such as pot:1e-3:0.98")
  }
}

/// A threshold, and what was found on the way to it.
public struct FoundThreshold: Sendable {
  public var value: Double
  /// Scores looked at, and those of them above the threshold.
  public var count = 0
  public var exceeding = 0
  /// Peaks over threshold: the level where the tail begins, how many scores are above it, and the
  /// distribution of what they are above it by.
  public var initialThreshold = 0.0
  public var peaks = 0
  public var tail = GeneralisedPareto(shape: 0, scale: 0)
  public var logLikelihood = 0.0
}

extension ThresholdRule {
  /// The threshold for these scores. O(n); a copy of the scores while it works.
  public func threshold(
    of scores: UnsafeBufferPointer<Double>
  ) throws(DetectionError) -> FoundThreshold {
    let copy = try checkedCopy(of: scores)
    var found: FoundThreshold
    switch method {
    case .value: found = FoundThreshold(value: parameter)
    case .percentile: found = FoundThreshold(value: quantile(copy, parameter / 100))
    case .iqr:
      let (first, third) = (quantile(copy, 0.25), quantile(copy, 0.75))
      found = FoundThreshold(value: third + parameter * (third - first))
    case .mad: found = FoundThreshold(value: robustFence(copy))
    case .pot: found = try peaksOverThreshold(copy)
    }
    guard found.value.isFinite else {
      throw DetectionError(
        .invalidData, "the scores lie too far apart for the threshold method \(method.name)")
    }
    found.count = scores.count
    for score in scores where score > found.value { found.exceeding += 1 }
    return found
  }

  /// The median and so many robust standard deviations (Iglewicz, Hoaglin 1993). Where more than half of
  /// the scores are equal the mean absolute deviation takes the place of the median one.
  private func robustFence(_ scores: Buffer<Double>) -> Double {
    let median = quantile(scores, 0.5)
    var mean = 0.0
    for index in 0..<scores.count {
      scores[index] = abs(scores[index] - median)
      mean += scores[index] / Double(scores.count)
    }
    let deviation = quantile(scores, 0.5)
    return median + parameter * (deviation > 0 ? deviation / 0.6745 : mean * 1.253314)
  }

  /// The level that a share `parameter` of further scores exceeds, by the generalised Pareto tail above
  /// the initial quantile (Siffer and others 2017, equation 1).
  private func peaksOverThreshold(_ scores: Buffer<Double>) throws(DetectionError) -> FoundThreshold {
    let count = Double(scores.count)
    // Without a choice, 2 % of the scores, or up to 10 % where that is fewer than 50.
    let share = initialQuantile > 0 ? 1 - initialQuantile : max(0.02, min(0.1, 50 / count))
    let plain = quantile(scores, 1 - parameter)
    let level = quantile(scores, 1 - share)
    var found = FoundThreshold(value: plain, initialThreshold: level)
    for index in 0..<scores.count where scores[index] > level {
      let excess = scores[index] - level
      guard excess.isFinite else {
        found.value = .infinity
        return found
      }
      scores[found.peaks] = excess
      found.peaks += 1
    }
    let tailShare = Double(found.peaks) / count
    guard found.peaks > 0 else { return found }
    let excesses = try Buffer<Double>(count: found.peaks, zeroed: false)
    excesses.base.update(from: scores.base, count: found.peaks)
    // One order of the same excesses: the same bits for scores in whatever order.
    sort(excesses)
    found.tail = GeneralisedPareto.fitted(to: excesses)
    found.logLikelihood = found.tail.logLikelihood(excesses)
    // A risk larger than the tail stays the plain quantile.
    if parameter < tailShare {
      found.value = level + found.tail.excess(exceededWith: parameter / tailShare)
    }
    return found
  }
}

/// A copy of scores that may be reordered. Scores that are not finite are refused.
func checkedCopy(of scores: UnsafeBufferPointer<Double>) throws(DetectionError) -> Buffer<Double> {
  guard let base = scores.baseAddress, !scores.isEmpty else {
    throw DetectionError(.invalidData, "there are no scores; at least 1 is needed")
  }
  try checkFinite(scores)
  let copy = try Buffer<Double>(count: scores.count, zeroed: false)
  copy.base.update(from: base, count: scores.count)
  return copy
}

func checkFinite(_ scores: UnsafeBufferPointer<Double>) throws(DetectionError) {
  for (row, score) in scores.enumerated() where !score.isFinite {
    throw DetectionError(
      .invalidData,
      "the score of row \(row) is \(score.isNaN ? "NaN" : "infinite"); only finite scores"
        + " are allowed", row: row)
  }
}

/// Sorts in place.
func sort(_ values: Buffer<Double>) {
  var all = UnsafeMutableBufferPointer(start: values.base, count: values.count)
  all.sort()
}
