/// A one-class support vector machine in time linear in the rows: kernel features, and stochastic gradient
/// descent over them; scikit-learn's SGDOneClassSVM behind its Nystroem or RBFSampler.
struct SGDOneClassSVM: DetectorClass {
  let info = DetectorInfo(
    name: "SGDOneClassSVM",
    description:
      "OneClassSVM in time linear in the rows: kernel values with some rows stand for those with all, and"
      + " stochastic gradient descent finds the surface.",
    reference:
      "Williams, Seeger: Using the Nyström Method to Speed Up Kernel Machines, NIPS 2000; Rahimi, Recht:"
      + " Random Features for Large-Scale Kernel Machines, NIPS 2007; Bottou: Large-Scale Machine Learning"
      + " with Stochastic Gradient Descent, COMPSTAT 2010",
    capabilities: [.explain, .sampleWeight, .warmStart, .partialFit],
    options: [
      OptionSpec(
        "kernel",
        "The kernel: \"rbf\" by way of an approximation, or \"linear\", which is scikit-learn's"
          + " SGDOneClassSVM as it stands.", default: .string("rbf"), choices: ["rbf", "linear"]),
      OptionSpec(
        "gamma",
        "Coefficient of the kernel \"rbf\": a number, \"scale\" for 1 / (columns * variance of all values),"
          + " or \"auto\" for 1 / columns.", default: .string("scale"),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1e300), choices: ["scale", "auto"]),
      OptionSpec(
        "approximation",
        "\"nystroem\" for kernel values with rows drawn from the first data, \"fourier\" for random waves.",
        default: .string("nystroem"), choices: ["nystroem", "fourier"]),
      OptionSpec(
        "n_components", "Features of the approximation; \"nystroem\" takes at most one a row.",
        default: .int(100), ints: 1...(1 << 14)),
      OptionSpec(
        "nu",
        "Upper bound on the share of training rows outside, lower bound on that of rows that hold the"
          + " surface.", default: .double(0.5),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1)),
      OptionSpec(
        "fit_intercept", "Whether the offset is learnt; false: it stays 0.", default: .bool(true),
        bools: true),
      OptionSpec(
        "max_iter", "Most epochs, that is passes over the rows.", default: .int(1000),
        ints: 1...1_000_000_000),
      OptionSpec(
        "tol",
        "Stop when the objective of five epochs is not below the best by this much; \"none\": make all"
          + " epochs.", default: .double(1e-3),
        doubles: .init(minimum: 0, minimumExclusive: false, maximum: 1e300), choices: ["none"]),
      OptionSpec(
        "shuffle", "Go through the rows in a new random order in each epoch.", default: .bool(true),
        bools: true),
      .randomState,
      OptionSpec(
        "learning_rate",
        "\"optimal\": 1 / (nu (t0 + t)); \"constant\": eta0; \"invscaling\": eta0 / t^power_t; \"adaptive\":"
          + " eta0, a fifth of it whenever the objective stops falling.", default: .string("optimal"),
        choices: ["optimal", "constant", "invscaling", "adaptive"]),
      OptionSpec(
        "eta0", "The rate that learning begins with; not used by \"optimal\".", default: .double(0.01),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1e300)),
      OptionSpec(
        "power_t", "The exponent of \"invscaling\".", default: .double(0.5),
        doubles: .init(minimum: -100, minimumExclusive: false, maximum: 100)),
      OptionSpec(
        "warm_start", "Fitting again begins where the fitted model ended, with its features.",
        default: .bool(false), bools: true),
      OptionSpec(
        "average", "Average the steps: true for all, a number for those from that row on (0: none).",
        default: .bool(false), ints: 0...Int.max, bools: true),
    ])

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    try learn(training, options, previous, epochs: options.int("max_iter") ?? 1000, afresh: true, call)
  }

  func partialFit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    try learn(training, options, previous, epochs: 1, afresh: false, call)
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try SGDModel.read(&reader, featureCount: featureCount)
  }

  /// afresh: the learning rate begins anew.
  private func learn(
    _ training: Training, _ options: Options, _ previous: (any Model)?, epochs: Int, afresh: Bool,
    _ call: Call
  ) throws(DetectionError) -> SGDModel {
    let X = training.X
    try Frame.check(columns: X.columns)
    let earlier = previous as? SGDModel
    if let earlier, earlier.map.kind != FeatureMap.Kind(options) {
      throw DetectionError(
        .invalidOption,
        "options kernel and approximation must stay as they were when a fitted model goes on learning")
    }
    let seed = earlier?.seed ?? options.seed
    let map: FeatureMap
    var state: HingeDescent.State
    if let earlier {
      map = earlier.map
      state = try earlier.state.copy()
    } else {
      map = try FeatureMap.make(
        X, weights: training.weights, options: options, seed: seed, call: call.part(0...0.1))
      state = try HingeDescent.State(width: map.width)
    }
    if afresh { state.time = 1 }
    let metric =
      map.kind == .nystroem ? try LandmarkMetric(map.rows, call: call, range: 0.1...0.2) : nil
    let descent = try HingeDescent(
      map, .init(options, epochs: epochs, seed: seed), from: state, metric: metric)
    try descent.run(training, call.part(0.2...1))
    return try SGDModel(map, descent.state, averages: descent.averages, seed: seed)
  }
}

extension HingeDescent.Plan {
  init(_ options: Options, epochs: Int, seed: UInt64) {
    self.init(
      nu: options.double("nu") ?? 0.5,
      rate: options.string("learning_rate").flatMap { Rate(rawValue: $0) } ?? .optimal,
      eta0: options.double("eta0") ?? 0.01, power: options.double("power_t") ?? 0.5,
      average: options.int("average") ?? (options.bool("average") ? 1 : 0),
      fitsIntercept: options.bool("fit_intercept"), tolerance: options.double("tol"), epochs: epochs,
      shuffles: options.bool("shuffle"), seed: seed)
  }
}

extension HingeDescent {
  /// Whether averaging has begun.
  var averages: Bool { plan.average > 0 && plan.average <= state.time - 1 }
}
