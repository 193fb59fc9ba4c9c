import ArgumentParser

struct Fit: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fit a detector on a table and save the model.",
    discussion: """
      The file is read once, in chunks of up to 10,000 rows, in bounded memory; a --threshold that is \
      found from the scores, and --probability, read it once more each, with up to 20 bytes a row. Detectors with \
      partial_fit ("pynomaly detectors NAME" says) learn from all rows, in their order. Others see \
      a random sample of 131,072 rows when there are more, drawn by the seed; detectors of series \
      hold the whole file in memory. See "pynomaly help detect" for what files may look like.
      """)

  @OptionGroup(title: "Table options") var table: TableOptions
  @OptionGroup(title: "Table options") var encoding: EncodingOptions
  @OptionGroup(title: "Detector options") var detector: DetectorOptions
  @OptionGroup(title: "Detector options") var threshold: ThresholdOptions
  @OptionGroup(title: "Plugin options") var plugins: PluginOptions
  @OptionGroup(title: "Run options") var run_: RunOptions

  @Option(
    help: ArgumentHelp(
      "A column that is no feature, as in detect; --probability can learn from it.", valueName: "name"))
  var labelColumn: String?

  @Option(help: ArgumentHelp("Where the model goes.", valueName: "file"), completion: .file())
  var saveModel: String

  func validate() throws { try threshold.check(detector, labelColumn: labelColumn) }

  func run() throws {
    let rule = try threshold.rule()
    let session = run_.session
    try plugins.load(quiet: run_.quiet)
    let detector = try detector.make()
    let features = try ColumnChooser(try table.open(session), table, labelName: labelColumn)
      .forFitting(detector, oneHot: encoding.oneHot, session: session)
    let fitted = try FitPass(detector, features, session, keeping: false)
    let found = try rule.map { try detector.setThreshold(by: $0, features, session) }
    let method = threshold.probability
    if let method { try detector.calibrate(by: method, features, session) }
    try detector.save(to: saveModel)
    guard !run_.quiet else { return }
    let threshold = try detector.threshold
    try standardOutput(
      "\(features.words.path): \(detector.name) fitted on \(Number.grouped(fitted.rows)) rows,"
        + " \(features.featureNames.count) features"
        + (fitted.sampled ? " (a random sample of \(Number.grouped(FitPass.sampleRows)))" : "")
        + "\n" + (found?.words ?? "") + (method.map { "probabilities by \($0.rawValue)\n" } ?? "")
        + "threshold \(Number.rounded(threshold)), saved as \(saveModel)\n")
  }
}
