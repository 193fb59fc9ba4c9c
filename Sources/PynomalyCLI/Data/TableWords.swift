import Tables

/// Says what is wrong with a table, where, and what to do about it.
struct TableWords {
  let path: String
  let options: TableOptions
  /// Known once the table is open.
  var names: [String] = []
  /// Whether the first line was taken for a header without being told.
  var guessedNoHeader = false
  /// What to do about missing values, where something can be done.
  var missingRemedy: String?
  /// --one-hot is an option of the command.
  var offersOneHot = false

  func failure(_ error: TableError) -> Failure {
    if error == .interrupted {
      return Failure("", code: Session.signal == 15 ? .terminated : .interrupted)
    }
    return Failure("\(path)\(words(error))")
  }

  private func words(_ error: TableError) -> String {
    switch error {
    case .system(let operation, let where_, let code):
      let place = where_ == "-" || where_ == options.file ? "" : " \(where_)"
      return ": cannot \(operation)\(place): \(systemMessage(code))"
    case .isDirectory: return ": is a directory, not a CSV file"
    case .empty: return ": is empty: there is no line with values"
    case .headerOnly:
      return ": has a header, but no row under it (--no-header takes the first line as a row)"
    case .utf16: return ": is UTF-16 text; make it UTF-8: iconv -f UTF-16 -t UTF-8"
    case .headerNotUTF8(let column):
      return ", line 1: the name of column \(column + 1) is not UTF-8 text; if the file is Latin-1,"
        + " make it UTF-8: iconv -f LATIN1 -t UTF-8"
    case .duplicateColumn(let name, let first, let second):
      return
        ": two columns are named \"\(printable(name.utf8))\": the \(ordinal(first + 1)) and the"
        + " \(ordinal(second + 1)); give one another name"
    case .carriageReturnLines:
      return ": lines end in carriage returns alone; make them newlines: tr '\\r' '\\n'"
    case .ragged(let line, let expected, let found):
      return ", line \(line): expected \(expected) field\(expected == 1 ? "" : "s") as in the first"
        + " line, found \(found)" + delimiterHint
    case .unterminatedQuote(let line):
      return ", line \(line): a quote is opened in the record that begins here and never closed"
    case .textAfterQuote(let line, let column):
      return at(line, column)
        + ": text follows the closing quote; inside quotes, a quote is doubled"
    case .nulByte(let line): return ", line \(line): has a NUL byte; this is no CSV text"
    case .recordTooLong(let line, let limit):
      return
        ", line \(line): the record that begins here has more than \(limit >> 20) MiB; is there"
        + " a quote that is never closed?"
    case .notANumber(let line, let column, let text):
      return at(line, column) + ": \"\(text)\" is not a number. Leave the column out with --drop"
        + " \(argument(column))\(oneHotRemedy(column))" + delimiterHint
    case .notFinite(let line, let column, let text):
      return at(line, column)
        + ": \"\(text)\" is not a finite number of double precision. Replace it,"
        + " or leave the column out with --drop \(argument(column))"
    case .missing(let line, let column, let text):
      return at(line, column)
        + ": \(text.isEmpty ? "the cell is empty" : "\"\(text)\" is a missing value")."
        + " Fill it, leave the column out with --drop \(argument(column))"
        + (missingRemedy.map { ", or \($0)" } ?? "")
        + (guessedNoHeader && line == 1
          ? ". The first line was taken for a row; --header says otherwise" : "")
    case .notALabel(let line, let column, let text):
      return at(line, column)
        + ": \"\(text)\" is not a label; a label column has 0 and 1, or true and false"
    case .tooManyCategories(let line, let column, let limit):
      return at(line, column) + ": has more than \(limit) different texts, too many for --one-hot;"
        + " leave the column out with --drop \(argument(column))"
    case .changed: return ": became shorter while it was read"
    case .interrupted: return ""
    }
  }

  private func at(_ line: Int, _ column: Int) -> String {
    guard names.indices.contains(column) else { return ", line \(line), column \(column + 1)" }
    return ", line \(line), column \"\(printable(names[column].utf8))\""
  }

  /// The column's name as an argument of --drop.
  private func argument(_ column: Int) -> String {
    guard names.indices.contains(column) else { return "its name" }
    let name = printable(names[column].utf8, limit: 60)
    let isPlain = name.utf8.allSatisfy {
      ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || ($0 >= 0x2D && $0 <= 0x3A) || $0 == 0x5F
        || $0 >= 0x80
    }
    return isPlain
      ? name
      : "'"
        + name.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
        + "'"
  }

  private func oneHotRemedy(_ column: Int) -> String {
    offersOneHot
      ? ", or make it one column for each of its texts with --one-hot \(argument(column))" : ""
  }

  /// A table of one column may be one whose delimiter is another.
  private var delimiterHint: String {
    guard names.count == 1, let name = names.first else { return "" }
    for (byte, word) in [(";", "';'"), ("\t", "tab"), ("|", "'|'"), (",", "','")]
    where name.contains(byte) {
      return ". The line holds \(word): is that the --delimiter?"
    }
    return ""
  }

  private func ordinal(_ number: Int) -> String {
    switch (number % 10, number % 100) {
    case (1, let rest) where rest != 11: "\(number)st"
    case (2, let rest) where rest != 12: "\(number)nd"
    case (3, let rest) where rest != 13: "\(number)rd"
    default: "\(number)th"
    }
  }
}
