/// The values to try, option by option, and the configurations that they make.
public struct TuningGrid {
  public struct Axis {
    public let option: String
    public internal(set) var values: [OptionValue]
    fileprivate var known: Set<OptionValue>
  }

  public private(set) var axes: [Axis] = []
  private let base: Options

  /// More configurations than this are not tried in one run.
  static let mostConfigurations = 100_000

  init(_ base: Options) { self.base = base }

  /// Try this value, too. The values of the option come in the order in which they are added.
  mutating func add(_ option: String, _ value: OptionValue) throws(DetectionError) {
    var options = base
    try options.set(option, value)
    try append(option, options.value(option))
  }

  mutating func add(_ option: String, text: String) throws(DetectionError) {
    var options = base
    try options.set(option, text: text)
    try append(option, options.value(option))
  }

  private mutating func append(_ option: String, _ value: OptionValue) throws(DetectionError) {
    guard let place = axes.firstIndex(where: { $0.option == option }) else {
      axes.append(Axis(option: option, values: [value], known: [value]))
      return
    }
    guard axes[place].known.insert(value).inserted else {
      throw DetectionError(
        .invalidOption, "option \(option): \(value.text) is in the grid already")
    }
    axes[place].values.append(value)
  }

  /// The options of a configuration: the values' places in their axes.
  func options(_ places: [Int]) -> Options {
    var options = base
    for (axis, place) in zip(axes, places) { try? options.set(axis.option, axis.values[place]) }
    return options
  }

  /// All configurations, the last option's values changing fastest; with a budget that is less, so many
  /// different ones drawn at random, in the same order.
  func configurations(budget: Int?, seed: UInt64) throws(DetectionError) -> [[Int]] {
    guard !axes.isEmpty else {
      throw DetectionError(
        .invalidArgument, "the grid is empty: add values of options, or take the default grid")
    }
    var total = 1
    for axis in axes {
      let (product, overflow) = total.multipliedReportingOverflow(by: axis.values.count)
      total = overflow ? Int.max : product
    }
    let wanted = min(total, budget ?? total)
    guard wanted <= TuningGrid.mostConfigurations else {
      throw DetectionError(
        .invalidArgument,
        "the grid has \(total == Int.max ? "more than 2^63" : "\(total)") configurations; allowed are"
          + " \(TuningGrid.mostConfigurations), or a budget of so many drawn at random")
    }
    guard wanted < total else { return (0..<total).map(places) }
    var random = Random(seed: seed, stream: 0x7475_6e65)
    var drawn: Set<[Int]> = []
    while drawn.count < wanted {
      drawn.insert(axes.map { random.below($0.values.count) })
    }
    return drawn.sorted { $0.lexicographicallyPrecedes($1) }
  }

  private func places(_ index: Int) -> [Int] {
    var rest = index
    var places = [Int](repeating: 0, count: axes.count)
    for axis in axes.indices.reversed() {
      places[axis] = rest % axes[axis].values.count
      rest /= axes[axis].values.count
    }
    return places
  }
}

extension TuningGrid {
  /// Values that are worth trying, by the name of the option: those that a detector's option allows are
  /// its default grid. For IsolationForest it is the grid of the performance guide.
  private static let usual: [(option: String, values: [OptionValue])] = [
    ("n_estimators", [.int(50), .int(100), .int(200)]),
    ("max_features", [.double(0.5), .double(0.8), .double(1)]),
    ("n_neighbors", [.int(5), .int(10), .int(20), .int(40)]),
    ("n_clusters", [.int(4), .int(8), .int(16)]),
    ("method", [.string("largest"), .string("mean")]),
    ("n_bins", [.int(5), .int(10), .int(20), .int(50), .string("auto")]),
    ("n_random_cuts", [.int(50), .int(100), .int(200)]),
    ("n_components", [.double(0.5), .double(0.8), .double(0.95), .string("all")]),
    ("weighted", [.bool(true), .bool(false)]),
    ("support_fraction", [.string("auto"), .double(0.6), .double(0.75), .double(0.9)]),
    ("nu", [.double(0.05), .double(0.1), .double(0.3), .double(0.5)]),
    ("gamma", [.string("scale"), .double(0.01), .double(0.1)]),
    ("max_depth", [.int(10), .int(15), .int(20)]),
    ("window", [.int(16), .int(32), .int(64)]),
  ]
  /// In place of the usual ones: where a name means something else, or more options are worth trying.
  private static let own: [String: [(option: String, values: [OptionValue])]] = [
    "CBLOF": [
      ("n_clusters", [.int(4), .int(8), .int(16)]), ("use_weights", [.bool(false), .bool(true)]),
    ],
    "Ensemble": [
      (
        "detectors",
        [.string("[IsolationForest, KNN, PCA]"), .string("[IsolationForest, EllipticEnvelope, MAD]")]
      ),
      (
        "combination",
        [.string("average"), .string("maximum"), .string("median"), .string("rank_average")]
      ),
    ],
    "HalfSpaceTrees": [
      ("n_trees", [.int(25), .int(50), .int(100)]), ("height", [.int(6), .int(8), .int(10)]),
      ("window_size", [.int(100), .int(250), .int(1000)]),
    ],
    "RobustRandomCutForest": [
      ("n_estimators", [.int(50), .int(100), .int(200)]),
      ("max_samples", [.int(128), .int(256), .int(512)]),
    ],
    "SGDOneClassSVM": [
      ("gamma", [.string("scale"), .double(0.01), .double(0.1)]),
      ("n_components", [.int(100), .int(300)]),
      ("nu", [.double(0.05), .double(0.1), .double(0.3), .double(0.5)]),
    ],
  ]

  /// Add the detector's default grid to an empty one.
  mutating func addDefaults(for name: String) throws(DetectionError) {
    for (option, values) in TuningGrid.own[name] ?? TuningGrid.usual {
      guard let spec = base.specs.first(where: { $0.name == option }) else { continue }
      let allowed = values.filter { spec.allows($0) }
      guard allowed.count > 1 else { continue }
      for value in allowed { try add(option, value) }
    }
    guard !axes.isEmpty else {
      throw DetectionError(
        .notSupported,
        "\(name) has no default grid: none of its options is known to change its scores; add values of"
          + " its options to compare them")
    }
    guard name == "IsolationForest" else { return }
    for share in [0.1, 0.15, 0.2] { try add("contamination", .double(share)) }
  }
}
