import CProcesses
import CPynomaly
import Glibc

/// What a child of `plugin check` tells its parent: lines on a pipe, written at once, so that the parent
/// knows what was under way when the child dies.
///
///     step TEXT           what comes next
///     fact NAME TEXT      something that the parent needs
///     result VERDICT TEXT the end of a phase
///     done                the child leaves by itself
///     crash, frame, end   see CProcesses.h
struct Reporter {
  func step(_ text: String) { line("step", text) }
  func fact(_ name: String, _ text: String) { line("fact \(name)", text) }
  func result(_ verdict: Verdict, _ text: String) { line("result \(verdict.rawValue)", text) }
  func done() { line("done", "") }

  private func line(_ word: String, _ text: String) {
    let clean = String(text.map { $0.isNewline ? " " : $0 })
    var line = "\(word) \(clean)\n"
    line.withUTF8 { bytes in
      var rest = bytes[...]
      while let base = UnsafeBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
        let written = write(CPROCESSES_REPORT, base, rest.count)
        if written < 0 && errno == EINTR { continue }
        // Nobody listens any more.
        if written <= 0 { _exit(1) }
        rest = rest.dropFirst(written)
      }
    }
  }
}

/// How a check ends.
enum Verdict: String {
  case passed, failed
  /// The detector does not claim to do this, or an earlier check failed.
  case skipped
}

/// A check failed: what is wrong, and what the header asks.
struct CheckFailure: Error {
  var text: String
  init(_ text: String) { self.text = text }
}

/// A check is not for this detector.
struct NotApplicable: Error {
  var text: String
  init(_ text: String) { self.text = text }
}

extension LibraryError {
  /// The name of the status without its prefix, and the message.
  var words: String {
    let name = libraryString(pyn_status_name(status))
    return "\(name): \(message)"
  }

  func has(_ code: Int) -> Bool { Int(status) == code }
}
