/// The one-class support vector machine (Schölkopf and others 2001), with libsvm's formulation and
/// scikit-learn's options.
struct OneClassSVM: DetectorClass {
  let info = DetectorInfo(
    name: "OneClassSVM",
    description:
      "A surface in the space of a kernel that holds most rows; those outside are anomalous.",
    reference:
      "Schölkopf, Platt, Shawe-Taylor, Smola, Williamson: Estimating the Support of a High-Dimensional"
      + " Distribution, Neural Computation 2001",
    capabilities: [.explain, .sampleWeight],
    options: [
      OptionSpec(
        "kernel", "The kernel.", default: .string("rbf"),
        choices: ["rbf", "linear", "poly", "sigmoid"]),
      OptionSpec(
        "degree", "Degree of the kernel \"poly\".", default: .int(3), ints: 0...1000),
      OptionSpec(
        "gamma",
        "Coefficient of the kernels but \"linear\": a number, \"scale\" for 1 / (columns * variance of"
          + " all values), or \"auto\" for 1 / columns.",
        default: .string("scale"),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1e300),
        choices: ["scale", "auto"]),
      OptionSpec(
        "coef0", "Constant in the kernels \"poly\" and \"sigmoid\".", default: .double(0),
        doubles: .init(minimum: -1e300, minimumExclusive: false, maximum: 1e300)),
      OptionSpec(
        "tol", "The solution may violate optimality by less than this, as in libsvm.",
        default: .double(1e-3),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1e300)),
      OptionSpec(
        "nu",
        "Upper bound on the share of training rows outside, lower bound on that of support vectors.",
        default: .double(0.5),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1)),
      OptionSpec(
        "shrinking",
        "Work on the rows that violate optimality most; false: on all rows all the time (slower, the"
          + " same within tol).",
        default: .bool(true), bools: true),
      OptionSpec(
        "cache_size", "Memory for kernel values, in MB.", default: .double(200),
        doubles: .init(minimum: 0, minimumExclusive: true, maximum: 1e6)),
      OptionSpec(
        "max_iter", "Most steps of the solver; -1 for libsvm's limit, 10,000,000 or 100 a row.",
        default: .int(-1),
        ints: -1...Int.max),
    ])

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    try SVMFit(training, options, call.part(0...0.05)).model(options, call.part(0.05...1))
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try SVMModel.read(&reader, featureCount: featureCount)
  }
}

/// One fit.
struct SVMFit {
  private let X: Matrix
  private let weights: UnsafeBufferPointer<Double>?
  private let frame: Frame
  private let kernel: KernelFunction
  /// The mean of each column.
  private let means: Buffer<Double>

  init(_ training: Training, _ options: Options, _ call: Call) throws(DetectionError) {
    let X = training.X
    try Frame.check(columns: X.columns)
    // The lists of rows that the solver makes.
    try Memory.require(X.rows, of: 64)
    self.X = X
    weights = training.weights
    frame = try Frame(features: Array(0..<X.columns), of: X.columns)
    let moments = try ColumnMoments(X, frame, call)
    means = moments.means
    let kinds: [String: KernelFunction.Kind] = [
      "rbf": .radial, "linear": .linear, "poly": .polynomial, "sigmoid": .sigmoid,
    ]
    let kind = options.string("kernel").flatMap { kinds[$0] } ?? .radial
    let gamma = try KernelFunction.gamma(options, columns: X.columns, variance: moments.variance)
    kernel = KernelFunction(
      kind: kind, gamma: gamma, coef0: options.double("coef0") ?? 0,
      degree: options.int("degree") ?? 3)
    if kind == .radial {
      for feature in 0..<frame.count {
        frame.centres[feature] = means[feature]
        frame.scales[feature] = kernel.radialScale
      }
    }
  }

  func model(_ options: Options, _ call: Call) throws(DetectionError) -> SVMModel {
    let watch = try Watch(call, "fit")
    // Rows without weight do not take part.
    let taking = weights.map { weights in (0..<X.rows).filter { weights[$0] > 0 } }
    let rows = try KernelRows(kernel, features: X.columns, count: taking?.count ?? X.rows)
    let bounds = try Buffer<Double>(count: rows.padded)
    let tile = try frame.makeTile()
    for place in 0..<rows.count {
      let row = taking.map { $0[place] } ?? place
      try frame.load(X, from: row, rows: 1, into: tile.base)
      rows.set(place, tile.base)
      bounds[place] = weights.map { $0[row] } ?? 1
      guard abs(rows.diagonal(place)) < 1e30 else {
        throw DetectionError(
          .invalidData,
          "the kernel of row \(X.firstRow + row) with itself is \(rows.diagonal(place)): the values are"
            + " too large for this kernel; scale the columns, or lower gamma or degree", row: row)
      }
    }
    let most = options.int("max_iter") ?? -1
    let bytes = (options.double("cache_size") ?? 200) * 1e6
    let solver = try OneClassSolver(
      rows, bounds: bounds,
      plan: .init(
        nu: options.double("nu") ?? 0.5, tolerance: options.double("tol") ?? 1e-3,
        shrinking: options.bool("shrinking"), cacheBytes: Int(min(bytes, 1e12)),
        mostSteps: most < 0 ? Int.max : most),
      call: call, watch: watch)
    try solver.solve()
    return try SVMModel(solver, frame: frame, means: means)
  }
}
