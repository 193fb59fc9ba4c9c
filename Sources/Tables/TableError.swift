/// What can be wrong with a table. Lines count from 1 as an editor does; columns are 0-based positions
/// in the record. The words a person reads, with the remedies that a command offers, are the caller's.
public enum TableError: Error, Equatable {
  case system(operation: String, path: String, code: Int32)
  case isDirectory(path: String)
  case empty
  case headerOnly
  case utf16
  case headerNotUTF8(column: Int)
  case duplicateColumn(name: String, first: Int, second: Int)
  case carriageReturnLines
  case ragged(line: Int, expected: Int, found: Int)
  case unterminatedQuote(line: Int)
  case textAfterQuote(line: Int, column: Int)
  case nulByte(line: Int)
  case recordTooLong(line: Int, limit: Int)
  case notANumber(line: Int, column: Int, text: String)
  case notFinite(line: Int, column: Int, text: String)
  case missing(line: Int, column: Int, text: String)
  case notALabel(line: Int, column: Int, text: String)
  case tooManyCategories(line: Int, column: Int, limit: Int)
  case changed(path: String)
  case interrupted
}
