import ArgumentParser

/// Where anomalies begin, and how probable they are.
struct ThresholdOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The score above which a row is an anomaly: a number, or a method that finds it from the scores of the \
      table's rows: percentile:99, iqr (upper fence of a box plot, iqr:1.5), mad (modified z-score, mad:3.5), \
      or pot:1e-3 (what one in 1,000 further rows will exceed, by extreme value theory).
      """, valueName: "number|method"))
  var threshold: String?

  @Option(
    help: ArgumentHelp(
      """
      Write a column "probability", learnt from the scores of the table's rows and kept in the model: how far a \
      score stands out (linear, gaussian, gamma, tail), or, with --label-column, how probable the label is \
      (logistic, isotonic; best of rows that the model was not fitted on).
      """, valueName: "method"))
  var probability: CalibrationMethod?

  func rule() throws -> ThresholdRule? {
    guard let threshold else { return nil }
    do {
      return try ThresholdRule(threshold)
    } catch let error as LibraryError {
      throw Failure("--threshold: \(error.message)", code: .usage)
    }
  }

  func check(_ detector: DetectorOptions?, labelColumn: String?) throws {
    if let probability, probability.needsLabels, labelColumn == nil {
      throw ValidationError("--probability \(probability.rawValue) learns from labels; give --label-column")
    }
    guard let detector else { return }
    if threshold != nil && detector.contamination != nil {
      throw ValidationError("--threshold and --contamination both set the threshold; give one")
    }
  }
}
