import ArgumentParser
import CPynomaly

struct Select: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Rank the detectors for data of some size, by measured quality, time and memory.",
    discussion: """
      Times are those expected on this machine with one thread, for the detectors' default options. Quality \
      is the mean over labelled sets; yours may differ. Detectors that do not fit come last, with the reason.
      """)

  @Option(help: ArgumentHelp("Rows of the data.", valueName: "number"))
  var rows: Int64

  @Option(name: .customLong("columns"), help: ArgumentHelp("Features of a row.", valueName: "number"))
  var columnCount: Int64

  @Flag(help: "Rows come one at a time and wait for their scores.")
  var realTime = false

  @Option(help: "measured, or guide for the one detector that the rule of the performance guide names.")
  var policy: SelectionPolicy = .measured

  @Option(
    help: ArgumentHelp(
      "The longest fit (30 s up to 1,000 rows, 300 up to 100,000, else 1800).", valueName: "seconds"))
  var maxFitSeconds: Double?

  @Option(help: ArgumentHelp("The longest wait for the score of one row (10).", valueName: "milliseconds"))
  var maxScoreMs: Double?

  @Option(help: ArgumentHelp("The most memory beyond the data (8000).", valueName: "megabytes"))
  var maxMemoryMb: Double?

  @Flag(help: "It must be able to learn in parts.") var partialFit = false
  @Flag(help: "It must be able to explain scores.") var explain = false
  @Flag(help: "It must take missing values.") var missingValues = false

  @OptionGroup(title: "Plugin options") var plugins: PluginOptions

  @Flag(help: "As JSON.") var json = false

  func validate() throws {
    for (name, value) in [
      ("--max-fit-seconds", maxFitSeconds), ("--max-score-ms", maxScoreMs),
      ("--max-memory-mb", maxMemoryMb),
    ] {
      if let value, !(value > 0) { throw ValidationError("\(name) must be above 0, not \(value)") }
    }
  }

  func run() throws {
    try plugins.load()
    var request = pyn_selection_request()
    request.rows = rows
    request.columns = columnCount
    request.policy = Int32(policy == .guide ? PYN_POLICY_GUIDE : PYN_POLICY_MEASURED)
    request.real_time = realTime ? 1 : 0
    request.capabilities =
      (partialFit ? Int64(PYN_CAPABILITY_PARTIAL_FIT) : 0)
      + (explain ? Int64(PYN_CAPABILITY_EXPLAIN) : 0)
      + (missingValues ? Int64(PYN_CAPABILITY_MISSING_VALUES) : 0)
    request.max_fit_seconds = maxFitSeconds ?? 0
    request.max_score_milliseconds = maxScoreMs ?? 0
    request.max_memory_bytes = (maxMemoryMb ?? 0) * 1e6
    let found: [Selection]
    do {
      found = try Selection.ranked(request)
    } catch let error as LibraryError {
      throw Failure(error.message, code: .usage)
    }
    if json { return try standardOutput(JSON.array(found.map(\.json)).text() + "\n") }
    let width = (found.map(\.detector.count).max() ?? 0) + 6
    try standardOutput(
      found.enumerated().map { index, one in
        pad(one.fits ? pad("\(index + 1)", -2) : " -", 4) + pad(one.detector, width - 4)
          + wrap(one.reason, width: 100, indent: width) + "\n"
      }.joined())
  }
}

enum SelectionPolicy: String, ExpressibleByArgument, CaseIterable { case measured, guide }
