/// What plugins, detectors and options may be called.
enum PluginNames {
  static let pluginRule = "lower-case letters, digits and hyphens, a letter first, at most 64"
  static let detectorRule = "letters, digits and underscores, a letter first, at most 64"
  static let optionRule = "lower-case letters, digits and underscores, a letter first, at most 64"

  static func isPlugin(_ name: String) -> Bool {
    isName(name) { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
  }

  static func isDetector(_ name: String) -> Bool {
    isName(name) { isLower($0 | 0x20) || isDigit($0) || $0 == UInt8(ascii: "_") }
      && !pythonWords.contains(name)
  }

  static func isOption(_ name: String) -> Bool {
    isName(name) { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
  }

  /// Why an option may not be called this, or nil.
  static func whyReserved(_ option: String) -> String? {
    switch option {
    case "contamination", "missing_values": return "the host adds it where it belongs"
    case "n_jobs", "verbose", "warm_start", "threads", "progress", "x", "y", "self":
      return "it is a word of the host's own"
    default:
      return pythonWords.contains(option)
        ? "it is a word of Python's, whose signatures are made from options: write \(option)_" : nil
    }
  }

  private static func isName(_ name: String, _ allowed: (UInt8) -> Bool) -> Bool {
    guard let first = name.utf8.first, isLower(first | 0x20), name.utf8.count <= 64 else { return false }
    return name.utf8.allSatisfy(allowed)
  }

  private static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static let pythonWords: Set<String> = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in",
    "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
  ]
}
