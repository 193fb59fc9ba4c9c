/// Several detectors whose scores are made comparable and combined (Aggarwal, Sathe 2015).
struct Ensemble: DetectorClass {
  enum Combination: String, CaseIterable {
    case average, maximum, median, weighted
    case rankAverage = "rank_average"
  }

  let info = DetectorInfo(
    name: "Ensemble",
    description: "Several detectors, whose standardised scores are averaged or otherwise combined.",
    reference:
      "Aggarwal, Sathe: Theoretical Foundations and Algorithms for Outlier Ensembles, SIGKDD Explorations"
      + " 17, 2015",
    capabilities: [.explain, .sampleWeight, .partialFit],
    options: [
      OptionSpec(
        "detectors",
        "The members. Their contamination is not used. A member without a random_state of its own gets"
          + " one that is drawn by the ensemble's.",
        default: .string("[IsolationForest, KNN, PCA]"), form: .detectors),
      OptionSpec(
        "combination",
        "What of the members' scores, as standard deviations from the mean of their training scores, is"
          + " the score; \"rank_average\" takes the share of training scores below, \"weighted\" the average"
          + " by the option weights.",
        default: .string("average"), choices: Combination.allCases.map(\.rawValue)),
      OptionSpec(
        "weights", "A weight for each member, with the combination \"weighted\".",
        default: .string("equal"), choices: ["equal"], form: .numbers),
      .randomState,
      .usualContamination,
    ])

  let usualContamination: Double? = 0.1
  var knowsTrainingScores: Bool { true }

  func readsSeries(_ options: Options) -> Bool {
    ((try? options.detectors("detectors")) ?? []).contains {
      $0.detectorClass.readsSeries($0.options)
    }
  }

  func learnsInParts(_ options: Options) -> Bool {
    ((try? options.detectors("detectors")) ?? []).allSatisfy {
      $0.detectorClass.learnsInParts($0.options)
    }
  }

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let seed = options.seed
    let detectors = try members(options, seed: seed)
    return try learn(training, options, seed, detectors.map(\.detectorClass.info.name), call) {
      (index, call) throws(DetectionError) in
      try Member(fitting: detectors[index], training, call: call)
    }
  }

  func partialFit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let earlier = previous as? EnsembleModel
    let seed = earlier?.seed ?? options.seed
    let detectors = try members(options, seed: seed)
    let names = earlier?.members.map(\.name) ?? detectors.map(\.detectorClass.info.name)
    return try learn(training, options, seed, names, earlier: earlier, inPart: true, call) {
      (index, call) throws(DetectionError) in
      try Member(
        going: detectors[min(index, detectors.count - 1)], training, from: earlier?.members[index],
        call: call)
    }
  }

  private func members(_ options: Options, seed: UInt64) throws(DetectionError) -> [NestedDetector] {
    let named = try options.detectors("detectors")
    guard !named.isEmpty else {
      throw DetectionError(.invalidOption, "option detectors: at least one detector is needed")
    }
    var seeded: [NestedDetector] = []
    for (index, detector) in named.enumerated() {
      seeded.append(try detector.seeded(seed, stream: index))
    }
    return seeded
  }

  /// Fit member after member, each with all threads, and score the training rows with each.
  private func learn(
    _ training: Training, _ options: Options, _ seed: UInt64, _ names: [String],
    earlier: EnsembleModel? = nil, inPart: Bool = false, _ call: Call,
    _ fit: (_ index: Int, _ call: Call) throws(DetectionError) -> Member
  ) throws(DetectionError) -> any Model {
    let X = training.X
    let count = names.count
    let combination =
      earlier?.combination
      ?? Combination(rawValue: options.string("combination") ?? "") ?? .average
    let shares: [Double]
    if let earlier {
      shares = earlier.weights
    } else {
      shares = try weights(options, combination, count: count)
    }
    let combiner = inPart ? nil : try Combiner(combination, shares, rows: X.rows)
    var members: [Member] = []
    var scales: [MemberScale] = []
    for index in 0..<count {
      let from = Double(index) / Double(count)
      let to = Double(index + 1) / Double(count)
      let part = call.part(from...to)
      do throws(DetectionError) {
        let member = try fit(index, part.part(0...0.6))
        let scores = try member.trainingScores(X, call: part.part(0.6...0.9))
        var scale = try MemberScale(
          scores, ranked: combination == .rankAverage, call: part.part(0.9...1))
        if let before = earlier?.scales[index] {
          // Another stream of numbers for each member and each part; the members' seeds are drawn by `seed`.
          let stream = UInt64(before.count) &* UInt64(NestedDetector.mostInList) &+ UInt64(index)
          scale = try before.joined(scale, scores, Random(seed: ~seed, stream: stream))
        }
        try combiner?.add(scores, scale, index, threads: call.threads)
        members.append(member)
        scales.append(scale)
      } catch {
        throw error.of("member \(index + 1) (\(names[index]))")
      }
    }
    return try EnsembleModel(
      members, scales, combination, shares, seed: seed, featureCount: X.columns,
      trainingScores: combiner?.finish(threads: call.threads))
  }

  /// The members' shares of the score; they sum to 1.
  private func weights(
    _ options: Options, _ combination: Combination, count: Int
  ) throws(DetectionError) -> [Double] {
    guard let given = try options.numbers("weights") else {
      return [Double](repeating: 1 / Double(count), count: count)
    }
    guard combination == .weighted else {
      throw DetectionError(
        .invalidOption,
        "option weights: the combination \"\(combination.rawValue)\" takes none; they are for \"weighted\"")
    }
    guard given.count == count else {
      throw DetectionError(
        .invalidOption, "option weights: there are \(given.count) for \(count) detectors")
    }
    let most = given.reduce(0, max)
    guard most > 0 else {
      throw DetectionError(.invalidOption, "option weights: all are 0; at least one above 0 is needed")
    }
    let sum = given.reduce(0) { $0 + $1 / most }
    return given.map { $0 / most / sum }
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try EnsembleModel.read(&reader, featureCount: featureCount)
  }
}
