import Glibc

/// How a child died, from its report.
struct Crash {
  let signal: Int32
  /// What the signal is about, 0 when it is about none.
  let address: String
  let frames: [StackFrame]

  /// nil when the report tells of none.
  init?(_ report: [String]) {
    guard let start = report.firstIndex(where: { $0.hasPrefix("crash ") }) else { return nil }
    let words = report[start].split(separator: " ")
    signal = words.count > 1 ? Int32(words[1]) ?? 0 : 0
    address = words.count > 2 ? String(words[2]) : "0x0"
    frames = report[(start + 1)...].prefix { $0 != "end" }.map { StackFrame($0) }
  }

  /// The frames of the plugin and of what it called; those of this program below them say nothing to the
  /// plugin's author.
  var stack: [String] {
    var symbols: [String: SymbolTable] = [:]
    let shown = frames.prefix { !$0.isOurs }
    return (shown.isEmpty ? frames.prefix(12) : shown).map { frame in
      guard frame.symbol.isEmpty, let offset = frame.offset else { return frame.words }
      let table = symbols[frame.file] ?? SymbolTable(frame.file)
      symbols[frame.file] = table
      return StackFrame(frame, symbol: table.name(at: offset)).words
    }
  }

  static func name(_ signal: Int32) -> String {
    let names: [Int32: String] = [
      SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGILL: "SIGILL", SIGABRT: "SIGABRT",
      SIGTRAP: "SIGTRAP", SIGSYS: "SIGSYS", SIGKILL: "SIGKILL", SIGTERM: "SIGTERM", SIGINT: "SIGINT",
      SIGPIPE: "SIGPIPE", SIGQUIT: "SIGQUIT", SIGHUP: "SIGHUP", SIGALRM: "SIGALRM",
    ]
    return names[signal] ?? "signal \(signal)"
  }

  static func meaning(_ signal: Int32) -> String {
    switch signal {
    case SIGSEGV: "memory that is not there"
    case SIGBUS: "memory that cannot be had"
    case SIGFPE: "a division by zero of whole numbers, or the like"
    case SIGILL, SIGTRAP: "a trap, or code that is none"
    case SIGABRT: "abort was called"
    default: ""
    }
  }
}

/// A line of backtrace_symbols: FILE(SYMBOL+OFFSET) [ADDRESS].
struct StackFrame {
  let file: String
  let symbol: String
  /// From the symbol, or without one from where the file begins.
  let offset: UInt64?
  private let text: String

  init(_ line: String) {
    text = line
    guard let open = line.lastIndex(of: "("), let close = line.lastIndex(of: ")"), open < close else {
      (file, symbol, offset) = (String(line.prefix { $0 != " " }), "", nil)
      return
    }
    file = String(line[..<open])
    let place = line[line.index(after: open)..<close]
    let plus = place.lastIndex(of: "+") ?? place.endIndex
    symbol = String(place[..<plus])
    offset = UInt64(place[plus...].drop { "+0x".contains($0) && $0 != "0" }.dropFirst(2), radix: 16)
  }

  init(_ frame: StackFrame, symbol: String?) {
    (file, self.symbol, offset, text) = (frame.file, symbol ?? "", symbol == nil ? frame.offset : nil, frame.text)
  }

  /// Of this program, which calls itself so when it starts a child.
  var isOurs: Bool { file == "pynomaly" }

  var words: String {
    let name = file.split(separator: "/").last.map(String.init) ?? file
    guard !symbol.isEmpty else {
      return offset.map { "\(name)+0x\(String($0, radix: 16))" } ?? text
    }
    return "\(symbol) in \(name)"
  }
}
