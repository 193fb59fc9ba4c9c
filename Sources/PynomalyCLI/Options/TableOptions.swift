import ArgumentParser
import Tables

/// Which table to read, and how it is written.
struct TableOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The CSV file; - is the standard input.", valueName: "file"),
    completion: .file(extensions: ["csv", "tsv", "txt"]))
  var file: String

  @Option(
    help: ArgumentHelp(
      "The character between fields; also \"tab\", \"space\" or \"semicolon\".",
      valueName: "character"),
    transform: TableOptions.delimiter)
  var delimiter: UInt8 = UInt8(ascii: ",")

  @Flag(
    inversion: .prefixedNo, exclusivity: .exclusive,
    help: """
      The first line has names, or has not. Not said: it has when it has text above a number, or no \
      number at all.
      """)
  var header: Bool?

  @Option(
    name: [.customLong("columns")], parsing: .singleValue,
    help: ArgumentHelp(
      "The columns that are features; others are left out. Names with commas go in double quotes.",
      valueName: "a,b,c"))
  var columns: [String] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Columns that are no features. Their texts still tell rows apart in the list and the report.",
      valueName: "a,b,c"))
  var drop: [String] = []

  /// Opens the table. Errors that come later need the same words: see `TableWords`.
  func open(_ session: Session) throws -> Table {
    let words = TableWords(path: displayName, options: self)
    do {
      let folder = environment("TMPDIR") ?? "/tmp"
      let source = try ByteSource(
        path: file, temporaryFolder: folder, interrupted: { session.isInterrupted })
      let header: Table.Header = self.header.map { $0 ? .present : .absent } ?? .automatic
      return try Table(source: source, dialect: Dialect(delimiter: delimiter), header: header)
    } catch let error as TableError {
      throw words.failure(error)
    }
  }

  /// How messages call the table.
  var displayName: String { file == "-" ? "standard input" : printable(file.utf8, limit: 200) }

  /// Every name that an option gave, its lists taken apart. Names of the table may hold commas: what
  /// is a name as a whole is one.
  static func names(_ lists: [String], known: [String]) -> [String] {
    lists.flatMap { list -> [String] in
      if known.contains(list) { return [list] }
      return (splitRecord(list) ?? [list]).map { trim($0) }.filter { !$0.isEmpty }
    }
  }

  private static func trim(_ text: String) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  private static func delimiter(_ text: String) throws -> UInt8 {
    let words = ["tab": "\t", "\\t": "\t", "space": " ", "semicolon": ";", "comma": ","]
    let bytes = Array((words[text.lowercased()] ?? text).utf8)
    guard bytes.count == 1, Dialect.allowsDelimiter(bytes[0]) else {
      throw ValidationError(
        "the delimiter must be one ASCII character that is no letter, digit, quote, point or sign")
    }
    return bytes[0]
  }
}
