/// What a detector is called, can do and can be told.
public struct DetectorInfo: Sendable {
  public struct Capabilities: OptionSet, Sendable {
    public let rawValue: Int64
    public init(rawValue: Int64) { self.rawValue = rawValue }
    public static let explain = Capabilities(rawValue: 1)
    public static let sampleWeight = Capabilities(rawValue: 2)
    public static let missingValues = Capabilities(rawValue: 4)
    public static let warmStart = Capabilities(rawValue: 8)
  }

  public let name: String
  public let description: String
  public let reference: String
  public let capabilities: Capabilities
  public let options: [OptionSpec]
}

/// A kind of detector: how its models are learnt and read. Built-in detectors and those of plugins
/// stand behind this protocol alike.
public protocol DetectorClass: Sendable {
  var info: DetectorInfo { get }

  /// The share of outliers that contamination "auto" stands for where the method has no threshold of its
  /// own; nil where it has one.
  var usualContamination: Double? { get }

  /// Learn a model. `previous` is the model to grow, when the option warm_start asks for that.
  func fit(
    _ X: Matrix, weights: UnsafeBufferPointer<Double>?, options: Options, previous: (any Model)?,
    call: Call
  ) throws(DetectionError) -> any Model

  /// Read a model as ``Model/write(to:)`` wrote it; bytes may come from a stranger.
  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model
}

extension DetectorClass {
  public var usualContamination: Double? { nil }
}

/// What fitting found. Never changes, so any number of threads may use one.
public protocol Model: AnyObject, Sendable {
  var featureCount: Int { get }

  /// The threshold of the method itself, without a contamination; not asked where the class has a
  /// ``DetectorClass/usualContamination``.
  var naturalThreshold: Double { get }

  /// The options that fitting settled (the seed that was drawn, for one), by name.
  var fitted: [(name: String, value: Double)] { get }

  /// One score a row; higher is more anomalous. X has featureCount columns.
  func score(_ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>)
    throws(DetectionError)

  /// featureCount shares a row that sum to its score.
  func explain(_ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>)
    throws(DetectionError)

  func write(to writer: inout ModelWriter)
}

/// A detector in a program's hands: options, and once fitted a model with its threshold.
public final class Detector {
  public let detectorClass: any DetectorClass
  public private(set) var options: Options
  public private(set) var model: (any Model)?
  public private(set) var threshold = 0.0
  public private(set) var featureNames: [String] = []

  public init(_ detectorClass: any DetectorClass) {
    self.detectorClass = detectorClass
    options = Options(detectorClass.info.options)
  }

  /// As a model file gives it.
  init(
    _ detectorClass: any DetectorClass, options: Options, model: any Model, threshold: Double,
    featureNames: [String]
  ) {
    self.detectorClass = detectorClass
    self.options = options
    self.model = model
    self.threshold = threshold
    self.featureNames = featureNames
  }

  public func set(_ name: String, _ value: OptionValue) throws(DetectionError) {
    try options.set(name, value)
  }

  public func set(_ name: String, text: String) throws(DetectionError) {
    try options.set(name, text: text)
  }

  /// What a sample of a stream's rows is drawn by.
  public var samplingSeed: UInt64 {
    options.seed
  }

  /// Learn from X. On failure everything stays as it was.
  public func fit(
    _ X: Matrix, weights: UnsafeBufferPointer<Double>? = nil, call: Call
  ) throws(DetectionError) {
    guard X.rows > 0, X.columns > 0 else {
      throw DetectionError(
        .invalidData,
        "cannot fit on \(X.rows) rows and \(X.columns) columns; at least 1 of each is needed")
    }
    if let weights { try check(weights, rows: X.rows) }
    let previous = options.bool("warm_start") ? model : nil
    if let previous, previous.featureCount != X.columns {
      throw columnMismatch(X, previous)
    }
    let contamination = options.double("contamination") ?? detectorClass.usualContamination
    let model = try detectorClass.fit(
      X, weights: weights, options: options, previous: previous,
      call: contamination == nil ? call : call.part(0...0.5))
    var threshold = model.naturalThreshold
    if let contamination {
      let scores = try Buffer<Double>(count: X.rows)
      try model.score(X, call: call.part(0.5...1), into: scores.base)
      threshold = quantile(scores, 1 - contamination)
    }
    try ProgressTeller.finish(call, "fit")
    self.model = model
    self.threshold = threshold
    featureNames = []
  }

  public func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let model = try fittedModel(for: X)
    try model.score(X, call: call, into: scores)
    try ProgressTeller.finish(call, "score")
  }

  public func predict(
    _ X: Matrix, call: Call, into labels: UnsafeMutablePointer<Int32>
  ) throws(DetectionError) {
    let model = try fittedModel(for: X)
    let scores = try Buffer<Double>(count: X.rows)
    try model.score(X, call: call, into: scores.base)
    try ProgressTeller.finish(call, "score")
    for row in 0..<X.rows { labels[row] = scores[row] > threshold ? 1 : 0 }
  }

  public func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let model = try fittedModel(for: X)
    guard detectorClass.info.capabilities.contains(.explain) else {
      throw DetectionError(.notSupported, "\(detectorClass.info.name) cannot explain its scores")
    }
    try model.explain(X, call: call, into: shares)
    try ProgressTeller.finish(call, "explain")
  }

  public func setThreshold(_ value: Double) throws(DetectionError) {
    _ = try fittedModel()
    guard value.isFinite else {
      throw DetectionError(.invalidArgument, "the threshold \(value) is not finite")
    }
    threshold = value
  }

  public func setFeatureNames(_ names: [String]) throws(DetectionError) {
    let model = try fittedModel()
    guard names.count == model.featureCount else {
      throw DetectionError(
        .shapeMismatch,
        "\(names.count) feature names were given; the model has \(model.featureCount) features")
    }
    for (index, name) in names.enumerated() where name.isEmpty || name.utf8.count > 0xffff {
      throw DetectionError(
        .invalidArgument,
        "feature name \(index) has \(name.utf8.count) bytes; allowed are 1 to 65535",
        column: index)
    }
    featureNames = names
  }

  public func fittedModel() throws(DetectionError) -> any Model {
    if let model { return model }
    throw DetectionError(
      .notFitted, "this \(detectorClass.info.name) is not fitted yet; call fit first")
  }

  private func fittedModel(for X: Matrix) throws(DetectionError) -> any Model {
    let model = try fittedModel()
    guard X.columns == model.featureCount else { throw columnMismatch(X, model) }
    return model
  }

  private func columnMismatch(_ X: Matrix, _ model: any Model) -> DetectionError {
    DetectionError(
      .shapeMismatch,
      "X has \(X.columns) columns, but the model was fitted on \(model.featureCount)")
  }

  private func check(
    _ weights: UnsafeBufferPointer<Double>, rows: Int
  ) throws(DetectionError) {
    guard detectorClass.info.capabilities.contains(.sampleWeight) else {
      throw DetectionError(.notSupported, "\(detectorClass.info.name) takes no sample weights")
    }
    guard weights.count == rows else {
      throw DetectionError(
        .shapeMismatch, "there are \(weights.count) sample weights for \(rows) rows")
    }
    var sum = 0.0
    for (row, weight) in weights.enumerated() {
      guard weight.isFinite, weight >= 0 else {
        throw DetectionError(
          .invalidData,
          "the sample weight of row \(row) is \(weight); allowed are finite values >= 0", row: row)
      }
      sum += weight
    }
    guard sum > 0, sum.isFinite else {
      throw DetectionError(
        .invalidData, "the sample weights sum to \(sum); a finite sum above 0 is needed")
    }
  }
}

/// The quantile by linear interpolation (NumPy's default). Reorders the values.
func quantile(_ values: Buffer<Double>, _ share: Double) -> Double {
  let position = share * Double(values.count - 1)
  let lower = min(Int(position.rounded(.down)), values.count - 1)
  let low = select(values.base, values.count, lower)
  guard lower + 1 < values.count else { return low }
  var high = values[lower + 1]
  for index in (lower + 1)..<values.count { high = min(high, values[index]) }
  return low + (high - low) * (position - Double(lower))
}

/// The value that would stand at `rank` if the values were sorted (Hoare's quickselect): afterwards
/// nothing before it is greater and nothing behind it less.
func select<Value: Comparable>(
  _ values: UnsafeMutablePointer<Value>, _ count: Int, _ rank: Int
) -> Value {
  var low = 0
  var high = count - 1
  while low < high {
    let pivot = values[low + (high - low) / 2]
    var i = low
    var j = high
    while i <= j {
      while values[i] < pivot { i += 1 }
      while values[j] > pivot { j -= 1 }
      if i <= j {
        (values[i], values[j]) = (values[j], values[i])
        i += 1
        j -= 1
      }
    }
    if rank <= j { high = j } else if rank >= i { low = i } else { break }
  }
  return values[rank]
}
