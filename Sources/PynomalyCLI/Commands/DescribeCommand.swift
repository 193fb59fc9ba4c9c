import ArgumentParser
import Tables

struct Describe: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Count, mean, spread and quartiles of each column of a table.",
    discussion: """
      std divides by count - 1. Quartiles are interpolated linearly between the two nearest values, as \
      NumPy and pandas do, and exact as long as the numbers take at most 512 MiB (67 million of them); \
      of larger tables they are those of a uniform random sample of rows that fits, and the output \
      says so. All else is exact at any size. Cells that are no numbers are counted as text.
      """)

  @OptionGroup(title: "Table options") var table: TableOptions
  @OptionGroup(title: "Run options") var run_: RunOptions

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    let session = run_.session
    let opened = try table.open(session)
    let description = try TableDescription(
      ColumnChooser(opened, table, labelName: nil).forDescribing(), session)
    try standardOutput(json ? description.json.text() + "\n" : description.text)
  }
}
