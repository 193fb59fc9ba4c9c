import ArgumentParser

/// Where anomalies begin.
struct ThresholdOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The score above which a row is an anomaly: a number, or a method that finds it from the scores of the \
      table's rows: percentile:99, iqr (upper fence of a box plot, iqr:1.5), mad (modified z-score, mad:3.5), \
      or pot:1e-3 (what one in 1,000 further rows will exceed, by extreme value theory).
      """, valueName: "number|method"))
  var threshold: String?

  func rule() throws -> ThresholdRule? {
    guard let threshold else { return nil }
    do {
      return try ThresholdRule(threshold)
    } catch let error as LibraryError {
      throw Failure("--threshold: \(error.message)", code: .usage)
    }
  }

  func check(_ detector: DetectorOptions) throws {
    if threshold != nil && detector.contamination != nil {
      throw ValidationError("--threshold and --contamination both set the threshold; give one")
    }
  }
}
