import ArgumentParser
import CPynomaly
import Tables

struct Drift: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say whether a table still looks like another: whether to fit anew.",
    discussion: """
      The first file is the reference, the second is compared with it: column by column with the two-sample \
      Kolmogorov-Smirnov test, its p-values corrected for the number of columns, and with the population \
      stability index (PSI), which by rule of thumb is below 0.1 where nothing changed and above 0.25 where \
      much did. With --model the model's features are compared, and its scores, too; give as the reference \
      rows that the model was not fitted on, for many detectors score their own rows lower, and all others \
      then seem to drift. Columns are found by name. Of more than 20,000 rows of a file a uniform random sample of that many is compared.

      With --window the second file is a stream in time: the last so many rows are compared again and again, \
      and the chance that any of these looks gives a false alarm is at most alpha, if rows are independent of \
      each other. The table then shows the last look.
      """)

  @OptionGroup(title: "Table options") var table: TableOptions
  @Argument(
    help: ArgumentHelp("The CSV file to compare with the reference.", valueName: "new-file"),
    completion: .file(extensions: ["csv", "tsv", "txt"]))
  var newFile: String

  @Option(
    help: ArgumentHelp("Compare the features and the scores of this model.", valueName: "file"),
    completion: .file())
  var model: String?

  @Option(help: ArgumentHelp("The level of false alarms.", valueName: "probability"))
  var alpha: Double = 0.05

  @Option(
    help: ArgumentHelp(
      "For the number of columns: holm (chance of any false alarm) or bh (their share, Benjamini-Hochberg).",
      valueName: "holm|bh"))
  var correction: DriftCorrection = .holm

  @Option(help: ArgumentHelp("Go through the second file, so many rows at a time.", valueName: "rows"))
  var window: Int?

  @Option(help: ArgumentHelp("Rows from a look to the next; without it the window.", valueName: "rows"))
  var step: Int?

  @Flag(help: "As JSON.")
  var json = false

  @Flag(help: "Exit with code 3 when there is drift.")
  var failOnDrift = false

  @OptionGroup(title: "Plugin options") var plugins: PluginOptions
  @OptionGroup(title: "Run options") var run_: RunOptions

  func validate() throws {
    guard alpha > 0, alpha < 1 else {
      throw ValidationError("--alpha must be more than 0 and less than 1, not \(alpha)")
    }
    if let window, !(2...65_536).contains(window) {
      throw ValidationError("--window must be 2 to 65536, not \(window)")
    }
    if let step, step < 1 { throw ValidationError("--step must be 1 or more, not \(step)") }
    if step != nil && window == nil { throw ValidationError("--step needs --window") }
    if table.file == "-" && newFile == "-" {
      throw ValidationError("only one of the two files can be the standard input")
    }
  }

  func run() throws {
    let session = run_.session
    try plugins.load(quiet: run_.quiet)
    let detector = try model.map { try PluginSearch.model(at: $0) }
    var other = table
    other.file = newFile
    let (first, second, extra) = try tables(other, detector, session)
    let reference = try RowSample(first, detector, session)
    guard reference.rows > 1 else {
      throw Failure("\(first.words.path): has 1 row; a reference needs at least 2")
    }
    var options = DriftMonitor.Options(alpha: alpha, isHolm: correction == .holm)
    let monitor: DriftMonitor
    let rows: Int
    if let window {
      options.window = window
      options.step = step ?? 0
      monitor = try DriftMonitor(reference, options)
      try second.forEachChunk(detector, session) {
        try monitor.update($0, hasScores: detector != nil, session)
      }
      rows = Int(try monitor.report.rows)
      guard rows >= window else {
        throw Failure("\(second.words.path): has \(rows) rows, fewer than the window of \(window)")
      }
    } else {
      let sample = try RowSample(second, detector, session)
      guard sample.rows > 1 else {
        throw Failure("\(second.words.path): has 1 row; at least 2 are needed to compare")
      }
      options.window = sample.rows
      options.eachLook = true
      monitor = try DriftMonitor(reference, options)
      try monitor.update(sample, session)
      rows = sample.seen
    }
    let summary = DriftSummary(
      reference: first.words.path, source: second.words.path, names: first.featureNames, extra: extra,
      referenceRows: reference.seen, rows: rows, options: options, isStream: window != nil,
      report: try monitor.report, features: try monitor.features)
    if json || !run_.quiet {
      try standardOutput(json ? summary.json.text() + "\n" : summary.text)
    }
    if failOnDrift && summary.isDrifted { throw Failure("", code: .anomaliesFound) }
  }

  private func tables(
    _ other: TableOptions, _ detector: Detector?, _ session: Session
  ) throws -> (FeatureTable, FeatureTable, extra: [String]) {
    let first = ColumnChooser(try table.open(session), table, labelName: nil)
    // What is chosen among the columns of the reference is looked for by name.
    var all = other
    if detector == nil && first.table.hasHeader {
      all.columns = []
      all.drop = []
    }
    let second = ColumnChooser(try other.open(session), all, labelName: nil)
    if let detector {
      return (try first.forScoring(detector), try second.forScoring(detector), [])
    }
    let reference = try first.forReference()
    let (compared, extra) = try second.forComparing(with: reference)
    return (reference, compared, extra)
  }
}

enum DriftCorrection: String, CaseIterable, ExpressibleByArgument {
  case holm, bh
}
