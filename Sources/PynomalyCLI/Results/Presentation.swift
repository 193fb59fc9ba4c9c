/// Scores a table and presents what was found: what detect and score have in common.
struct Presentation {
  let options: ResultOptions
  let run: RunOptions
  let session: Session
  /// What --threshold found.
  var threshold: FoundThreshold?

  func score(
    _ detector: Detector, _ features: FeatureTable, fitted: FitPass?,
    beforeCommit: () throws -> Void = {}
  ) throws {
    let output = try options.output.map { try OutputFile($0) }
    let reportFile = try options.report.map { try OutputFile($0) }
    let calibration = try Calibration(of: detector)
    let writer = try output.map { file in
      try ScoreWriter(
        file: file, format: options.outputFormat ?? ScoreFormat(path: file.path),
        threshold: try detector.threshold, calibration: calibration)
    }
    let pass = try ScorePass(
      detector, features, session, fitted: fitted,
      top: max(options.top, reportFile == nil ? 0 : Report.rows),
      expectedRows: fitted?.rows, keepScores: options.labelColumn != nil || reportFile != nil,
      forReport: reportFile != nil, writer: writer)
    var outcome = Outcome(detector, features, pass, fitted: fitted)
    outcome.threshold = threshold
    outcome.probability = calibration?.method
    if let reportFile {
      try reportFile.write(Report(outcome).html)
    }
    // Nothing took its place so far.
    try beforeCommit()
    try output?.commit()
    try reportFile?.commit()
    outcome.pass.top = Array(pass.top.prefix(options.top))
    try present(Summary(outcome: outcome))
    if options.failOnAnomaly && pass.anomalies > 0 { throw Failure("", code: .anomaliesFound) }
  }

  /// The summary goes to the standard output unless something else goes there.
  private func present(_ summary: Summary) throws {
    let text = options.json ? summary.json.text() + "\n" : summary.text
    if options.output == "-" || options.report == "-" {
      if !run.quiet { standardError(text) }
    } else if !run.quiet || options.json {
      try standardOutput(text)
    }
  }
}
