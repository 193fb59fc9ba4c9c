import ArgumentParser

struct Score: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Score the rows of a table by a saved model.",
    discussion: """
      The columns are found by the names of the model's features, in whatever order the file has them; \
      columns that the model does not know must be left out with --drop. Where the model or the file \
      has no names, the order counts. See "pynomaly help detect" for what files may look like.
      """)

  @OptionGroup(title: "Table options") var table: TableOptions
  @OptionGroup(title: "Detector options") var threshold: ThresholdOptions
  @OptionGroup(title: "Result options") var results: ResultOptions
  @OptionGroup(title: "Plugin options") var plugins: PluginOptions
  @OptionGroup(title: "Run options") var run_: RunOptions

  @Option(help: ArgumentHelp("The model.", valueName: "file"), completion: .file())
  var model: String

  func validate() throws { try threshold.check(nil, labelColumn: results.labelColumn) }

  func run() throws {
    let session = run_.session
    try plugins.load(quiet: run_.quiet)
    try scoreTable(
      table, model: model, threshold.rule(), threshold.probability,
      Presentation(options: results, run: run_, session: session))
  }
}
