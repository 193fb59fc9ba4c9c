/// What a run found, for the summary and the report alike.
struct Outcome {
  struct Quality {
    var column: String
    var positives: Int
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
  let quality: Quality?

  init(_ detector: Detector, _ features: FeatureTable, _ pass: ScorePass, fitted: FitPass?) {
    source = features.words.path
    detectorName = detector.name
    featureNames = features.featureNames
    self.pass = pass
    sampledFrom = fitted.flatMap { $0.rows > FitPass.sampleRows ? $0.rows : nil }
    quality = features.labelName.map { column in
      Quality(
        column: column, positives: pass.labels.reduce(0) { $0 + Int($1) },
        rocAUC: Outcome.measure { try Measure.rocAUC(pass.scores, pass.labels) },
        averagePrecision: Outcome.measure {
          try Measure.averagePrecision(pass.scores, pass.labels)
        })
    }
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
