/// What a run found, for the summary and the report alike.
struct Outcome {
  struct Quality {
    var column: String
    var positives: Int
    /// Stretches of consecutive rows with label 1, and those with a row above the threshold: of an
    /// incident that lasts, one alarm is enough.
    var runs: Int
    var runsFound: Int
    /// Or why there is none.
    var rocAUC: Result<Double, LibraryError>
    var averagePrecision: Result<Double, LibraryError>
  }

  let source: String
  let detectorName: String
  let featureNames: [String]
  var pass: ScorePass
  /// Rows of which the fit saw a sample; nil where it saw them all or the model was loaded.
  let sampledFrom: Int?
  /// Whether the fit saw all of more rows than others see a sample of.
  let learntAll: Bool
  let quality: Quality?
  /// What --threshold found.
  var threshold: FoundThreshold?
  /// How the scores became probabilities.
  var probability: CalibrationMethod?

  init(_ detector: Detector, _ features: FeatureTable, _ pass: ScorePass, fitted: FitPass?) {
    source = features.words.path
    detectorName = detector.name
    featureNames = features.featureNames
    self.pass = pass
    sampledFrom = fitted.flatMap { $0.sampled ? $0.rows : nil }
    learntAll = fitted.map { !$0.sampled && $0.rows > FitPass.sampleRows } ?? false
    quality = features.labelName.map { column in
      let runs = Outcome.runs(pass)
      return Quality(
        column: column, positives: pass.labels.reduce(0) { $0 + Int($1) },
        runs: runs.count, runsFound: runs.count { $0 },
        rocAUC: Outcome.measure { try Measure.rocAUC(pass.scores, pass.labels) },
        averagePrecision: Outcome.measure {
          try Measure.averagePrecision(pass.scores, pass.labels)
        })
    }
  }

  /// For each stretch of label 1, whether it was found.
  private static func runs(_ pass: ScorePass) -> [Bool] {
    var runs: [Bool] = []
    for (row, label) in pass.labels.enumerated() where label == 1 {
      let isAbove = pass.scores[row] > pass.threshold
      if row > 0 && pass.labels[row - 1] == 1 {
        runs[runs.count - 1] = runs[runs.count - 1] || isAbove
      } else {
        runs.append(isAbove)
      }
    }
    return runs
  }

  private static func measure(_ body: () throws -> Double) -> Result<Double, LibraryError> {
    do {
      return .success(try body())
    } catch {
      return .failure(
        error as? LibraryError ?? LibraryError(status: 0, message: "\(error)", row: -1, column: -1))
    }
  }
}
