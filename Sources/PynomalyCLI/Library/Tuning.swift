import CPynomaly

/// A search of the library for the best options.
final class Tuning {
  struct Result {
    /// Values of the options of the grid.
    var values: [OptionValue]
    var folds: [Double]
    var mean: Double
    var deviation: Double
    var fitSeconds: Double
    var scoreSeconds: Double
    var rank: Int
    var sameAs: Int?
    var message: String?
  }

  private let handle: OpaquePointer

  init(_ detector: Detector) throws {
    var made: OpaquePointer?
    try callLibrary { pyn_tuning_create(detector.pointer, &made, $0) }
    guard let made else { throw Failure("the library made no tuning") }
    handle = made
  }

  deinit { pyn_tuning_free(handle) }

  func add(_ option: String, text: String) throws {
    try callLibrary { pyn_tuning_add_text(handle, option, text, $0) }
  }

  func addDefaults() throws {
    try callLibrary { pyn_tuning_add_defaults(handle, $0) }
  }

  func run(_ table: WholeTable, plan: pyn_tuning_plan, _ session: Session) throws {
    var plan = plan
    plan.struct_size = MemoryLayout<pyn_tuning_plan>.stride
    var call = pyn_call()
    call.struct_size = MemoryLayout<pyn_call>.stride
    call.threads = Int32(clamping: session.threads)
    call.progress = { fraction, _, context in
      guard let context else { return 0 }
      let session = Unmanaged<Session>.fromOpaque(context).takeUnretainedValue()
      session.progress.update("tuning", fraction)
      return session.isInterrupted ? 1 : 0
    }
    call.progress_context = Unmanaged.passUnretained(session).toOpaque()
    try withExtendedLifetime(session) {
      try table.labels.withUnsafeBufferPointer { labels in
        call.labels = labels.isEmpty ? nil : labels.baseAddress
        call.label_count = Int64(labels.count)
        try table.withMatrix { X in
          try callLibrary { pyn_tuning_run(handle, X, &plan, &call, $0) }
        }
      }
    }
    session.progress.clear()
  }

  var options: [String] {
    var names: [String] = []
    while let name = pyn_tuning_option_at(handle, Int64(names.count)) {
      names.append(libraryString(name))
    }
    return names
  }

  /// Of each option of the grid, whether a criterion can tell its values apart.
  var judged: [Bool] {
    options.indices.map { pyn_tuning_option_is_judged(handle, Int64($0)) != 0 }
  }

  var best: Int { Int(pyn_tuning_get_best(handle)) }

  var criterion: String {
    switch Int(pyn_tuning_get_criterion(handle)) {
    case PYN_CRITERION_ROC_AUC: "roc-auc"
    case PYN_CRITERION_AVERAGE_PRECISION: "average-precision"
    default: "stability"
    }
  }

  var results: [Result] {
    get throws {
      let options = options
      return try (0..<pyn_tuning_get_count(handle)).map { index in
        var c = pyn_tuning_result()
        c.struct_size = MemoryLayout<pyn_tuning_result>.stride
        try callLibrary { pyn_tuning_get_result(handle, index, &c, nil, 0, $0) }
        var folds = [Double](repeating: 0, count: Int(c.fold_count))
        try callLibrary { pyn_tuning_get_result(handle, index, &c, &folds, c.fold_count, $0) }
        let detector = try detector(Int(index))
        return Result(
          values: options.compactMap { detector.option($0) }, folds: folds, mean: c.mean,
          deviation: c.deviation, fitSeconds: c.fit_seconds, scoreSeconds: c.score_seconds,
          rank: Int(c.rank), sameAs: c.same_as < 0 ? nil : Int(c.same_as),
          message: c.message.map { String(cString: $0) })
      }
    }
  }

  /// The best one's, not fitted; options that are not judged stay as they were given.
  func bestDetector() throws -> Detector { try detector(-1) }

  /// With the options of a configuration, not fitted.
  func detector(_ index: Int) throws -> Detector {
    try Detector { pyn_tuning_create_detector(handle, Int64(index), $0, $1) }
  }
}
