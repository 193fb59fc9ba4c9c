import ArgumentParser

struct Detect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fit a detector on a table and score its rows.",
    discussion: """
      The file is read twice, in chunks of up to 10,000 rows: once to fit, once to score; standard \
      input that cannot be read again goes to a temporary file in $TMPDIR or /tmp. Memory does not \
      grow with the file beyond 12 bytes a row with --label-column or --report, and nothing without: \
      about 300 MB do for tables of some tens of columns; a --threshold that is found from the scores, and \
      --probability, read the file once more each, with up to 20 bytes a row. Detectors with partial_fit learn from all rows, in \
      their order. Others see a random sample of 131,072 rows when there are more, drawn by \
      the seed. With --contamination the threshold is the quantile of the scores of such a sample.

      Files are as RFC 4180 has them: fields may stand in double quotes, which are doubled inside; \
      quoted fields may hold line ends; lines end in LF or CRLF; a byte order mark, a missing last \
      line end and empty lines do no harm. Features are decimal numbers, or true and false. Empty \
      cells, NA, N/A, NaN, null and None are missing values: an error, unless the detector takes them \
      (--set missing_values=native).
      """)

  @OptionGroup(title: "Table options") var table: TableOptions
  @OptionGroup(title: "Table options") var encoding: EncodingOptions
  @OptionGroup(title: "Detector options") var detector: DetectorOptions
  @OptionGroup(title: "Detector options") var threshold: ThresholdOptions
  @OptionGroup(title: "Result options") var results: ResultOptions
  @OptionGroup(title: "Plugin options") var plugins: PluginOptions
  @OptionGroup(title: "Run options") var run_: RunOptions

  @Option(
    help: ArgumentHelp("Score by this model instead of fitting one.", valueName: "file"),
    completion: .file())
  var model: String?

  @Option(help: ArgumentHelp("Save the fitted model.", valueName: "file"), completion: .file())
  var saveModel: String?

  func validate() throws {
    if model != nil && (detector.isUsed || saveModel != nil || !encoding.oneHot.isEmpty) {
      throw ValidationError(
        "--model scores by a fitted model; --detector, --set, --contamination, --seed, --one-hot and"
          + " --save-model belong to fitting")
    }
    try threshold.check(detector, labelColumn: results.labelColumn)
  }

  func run() throws {
    let session = run_.session
    try plugins.load(quiet: run_.quiet)
    var presentation = Presentation(options: results, run: run_, session: session)
    let rule = try threshold.rule()
    if let model {
      return try scoreTable(table, model: model, rule, threshold.probability, presentation)
    }
    let detector = try detector.make()
    let features = try ColumnChooser(
      try table.open(session), table, labelName: results.labelColumn
    ).forFitting(detector, oneHot: encoding.oneHot, session: session)
    let fitted = try FitPass(detector, features, session, keeping: true)
    presentation.threshold = try rule.map { try detector.setThreshold(by: $0, features, session) }
    if let method = threshold.probability { try detector.calibrate(by: method, features, session) }
    try presentation.score(detector, features, fitted: fitted) {
      if let saveModel { try detector.save(to: saveModel) }
    }
  }
}

/// What score does, and detect with a model.
func scoreTable(
  _ table: TableOptions, model: String, _ rule: ThresholdRule?, _ method: CalibrationMethod?,
  _ presentation: Presentation
) throws {
  var presentation = presentation
  let detector = try PluginSearch.model(at: model)
  let features = try ColumnChooser(
    try table.open(presentation.session), table, labelName: presentation.options.labelColumn
  ).forScoring(detector)
  presentation.threshold = try rule.map {
    try detector.setThreshold(by: $0, features, presentation.session)
  }
  if let method { try detector.calibrate(by: method, features, presentation.session) }
  try presentation.score(detector, features, fitted: nil)
}
