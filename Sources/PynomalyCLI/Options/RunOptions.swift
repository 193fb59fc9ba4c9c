import ArgumentParser

/// How to work.
struct RunOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Threads to work with; 0 for one a processor. The results are the same.", valueName: "number")
  )
  var threads: Int = 0

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  func validate() throws {
    guard (0...1024).contains(threads) else {
      throw ValidationError("--threads must be 0 to 1024, not \(threads)")
    }
  }

  var session: Session { Session(threads: threads, quiet: quiet) }
}

/// What to do with the scores.
struct ResultOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A column of 0 and 1 (or true and false) that is no feature: prints ROC-AUC and average precision.",
      valueName: "name"))
  var labelColumn: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      """
      Write row (from 1), score and label (1: above the threshold) of every row. A name ending in \
      .ndjson or .jsonl gives JSON lines, others CSV; - is the standard output.
      """, valueName: "file"),
    completion: .file())
  var output: String?

  @Option(help: ArgumentHelp("csv or ndjson, whatever the name of --output.", valueName: "format"))
  var outputFormat: ScoreFormat?

  @Option(
    help: ArgumentHelp(
      "Write a report: one HTML page that needs no network.", valueName: "file.html"),
    completion: .file(extensions: ["html"]))
  var report: String?

  @Option(
    help: ArgumentHelp(
      "Show so many of the most anomalous rows with the features responsible.", valueName: "number")
  )
  var top: Int = 10

  @Flag(help: "Print the summary as JSON.")
  var json = false

  @Flag(help: "Exit with code 3 when a row is above the threshold.")
  var failOnAnomaly = false

  func validate() throws {
    guard (0...10_000).contains(top) else {
      throw ValidationError("--top must be 0 to 10000, not \(top)")
    }
    if outputFormat != nil && output == nil {
      throw ValidationError("--output-format needs --output")
    }
    if let output, output == report {
      throw ValidationError("--output and --report cannot be the same file")
    }
  }
}

extension ScoreFormat: ExpressibleByArgument {}
