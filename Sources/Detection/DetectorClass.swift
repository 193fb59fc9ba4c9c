/// What a detector is called, can do and can be told.
public struct DetectorInfo: Sendable {
  public struct Capabilities: OptionSet, Sendable {
    public let rawValue: Int64
    public init(rawValue: Int64) { self.rawValue = rawValue }
    public static let explain = Capabilities(rawValue: 1)
    public static let sampleWeight = Capabilities(rawValue: 2)
    public static let missingValues = Capabilities(rawValue: 4)
    public static let warmStart = Capabilities(rawValue: 8)
    public static let partialFit = Capabilities(rawValue: 16)
    public static let needsLabels = Capabilities(rawValue: 32)
    public static let series = Capabilities(rawValue: 64)
  }

  /// Where a detector that is not built in comes from.
  public struct Origin: Sendable {
    public let plugin: String
    public let pluginVersion: Version
    /// Of the detector's model bytes.
    public let version: Version

    public init(plugin: String, pluginVersion: Version, version: Version) {
      self.plugin = plugin
      self.pluginVersion = pluginVersion
      self.version = version
    }
  }

  public let name: String
  public let description: String
  public let reference: String
  public let capabilities: Capabilities
  public let options: [OptionSpec]
  public let origin: Origin?

  public init(
    name: String, description: String, reference: String, capabilities: Capabilities,
    options: [OptionSpec], origin: Origin? = nil
  ) {
    self.name = name
    self.description = description
    self.reference = reference
    self.capabilities = capabilities
    self.options = options
    self.origin = origin
  }
}

/// What a detector learns from: rows, and what is known of each.
public struct Training {
  public let X: Matrix
  public let weights: UnsafeBufferPointer<Double>?
  /// 0 inlier, 1 outlier.
  public let labels: UnsafeBufferPointer<Int32>?

  public init(
    _ X: Matrix, weights: UnsafeBufferPointer<Double>? = nil,
    labels: UnsafeBufferPointer<Int32>? = nil
  ) {
    self.X = X
    self.weights = weights
    self.labels = labels
  }
}

/// A kind of detector: how its models are learnt and read. Built-in detectors and those of plugins
/// stand behind this protocol alike.
public protocol DetectorClass: Sendable {
  var info: DetectorInfo { get }

  /// Whether models have ``Model/trainingScores``.
  var keepsTrainingScores: Bool { get }

  /// Whether fitting knows the scores of its rows (``Model/takeTrainingScores()``), so that nobody needs to
  /// score them once more.
  var knowsTrainingScores: Bool { get }

  /// Whether rows are the steps of a series in order, whose scores depend on the rows before and behind.
  func readsSeries(_ options: Options) -> Bool

  /// Whether ``partialFit(_:options:previous:call:)`` works with these options: detectors that hold others have
  /// the capability, but learn in parts only where those do.
  func learnsInParts(_ options: Options) -> Bool

  /// The share of outliers that contamination "auto" stands for where the method has no threshold of its
  /// own; nil where it has one.
  var usualContamination: Double? { get }

  /// How many training rows a contamination looks at to set the threshold; more are drawn from.
  var mostThresholdRows: Int { get }

  /// Whether fitting is the same as learning in parts from nothing.
  var fitsInParts: Bool { get }

  /// Learn a model. `previous` is the model to grow, when the option warm_start asks for that.
  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model

  /// Go on learning from more rows, or begin when `previous` is nil. `previous` stays as it is.
  func partialFit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model

  /// Read a model as ``Model/write(to:)`` wrote it; bytes may come from a stranger.
  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model
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

  /// The scores of the rows that were fitted, where the method gives them others than new rows (it leaves
  /// a row out of what it is compared with). A contamination then sets the threshold by these.
  var trainingScores: Buffer<Double>? { get }

  /// The scores of the rows that were fitted, if fitting knows them; those that it does not keep are forgotten
  /// with this call. For whoever has just fitted the model, before others see it.
  func takeTrainingScores() -> Buffer<Double>?

  func write(to writer: inout ModelWriter) throws(DetectionError)
}

extension Model {
  public var trainingScores: Buffer<Double>? { nil }
  public func takeTrainingScores() -> Buffer<Double>? { trainingScores }
}

extension DetectorClass {
  public var keepsTrainingScores: Bool { false }
  public var knowsTrainingScores: Bool { keepsTrainingScores }
  public func readsSeries(_ options: Options) -> Bool { info.capabilities.contains(.series) }
  public func learnsInParts(_ options: Options) -> Bool { info.capabilities.contains(.partialFit) }
  public var usualContamination: Double? { nil }
  public var mostThresholdRows: Int { Int.max }
  public var fitsInParts: Bool { false }

  public func partialFit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    throw DetectionError(
      .notSupported, "\(info.name) cannot learn in parts (partial_fit); it only fits all rows at once")
  }
}
