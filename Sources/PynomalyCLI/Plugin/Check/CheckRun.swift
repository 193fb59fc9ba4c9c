import CProcesses

/// A line of the table.
struct CheckResult {
  /// nil for what is no phase.
  var phase: CheckPhase?
  var check: String
  var verdict: Verdict
  var detail: String
  var stack: [String] = []
  var seconds = 0.0
  /// Figures that the check measured.
  var figures: [(String, String)] = []
}

/// The parent's side of `plugin check`: starts the children, and makes results of what they tell.
final class CheckRun {
  let file: String
  let seconds: Double
  /// What the plugin said about itself.
  private(set) var facts: [(String, String)] = []
  private(set) var detectors: [String] = []
  /// What it printed and changed, each once.
  private var disturbances: [String] = []

  init(file: String, seconds: Double) {
    (self.file, self.seconds) = (file, seconds)
  }

  /// Loads it, and learns its detectors.
  func load() throws -> CheckResult {
    let (result, facts) = try run(.load, detector: nil, [])
    detectors = facts.filter { $0.0 == "detector" }.map(\.1)
    self.facts = facts.filter { $0.0 != "detector" }
    return result
  }

  /// Everything about one detector; each result is handed on as it comes.
  func check(
    _ detector: String, only: [CheckPhase], _ take: (CheckResult) throws -> Void
  ) throws {
    var shape: [String] = []
    var failedGate: String?
    for phase in CheckPhase.allCases
    where only.isEmpty || only.contains(phase) || (phase.isGate && only != [.load]) {
      if phase == .load { continue }
      if let failedGate {
        try take(
          CheckResult(
            phase: phase, check: phase.title, verdict: .skipped,
            detail: "\"\(failedGate)\" must pass first"))
        continue
      }
      var (result, facts) = try run(phase, detector: detector, shape)
      for number in 1..<max(phase.runs, 1) where result.verdict == .passed {
        let (other, otherFacts) = try run(phase, detector: detector, shape + ["--run", "\(number)"])
        if other.verdict != .passed { result = other }
        for (name, text) in facts where result.verdict == .passed {
          if let second = otherFacts.first(where: { $0.0 == name })?.1, second != text {
            result.verdict = .failed
            result.detail =
              name == "model"
              ? "the same fit in two processes saves other bytes (memory that was never set, or addresses)"
              : "the same fit in two processes gives other scores (memory that was never set, addresses,"
                + " or the time); same options, seed and data: the same bits"
          }
        }
      }
      if phase == .fit {
        for (name, text) in facts where ["rows", "columns"].contains(name) { shape += ["--\(name)", text] }
      }
      if phase == .speed { result.figures = facts }
      if phase.isGate && result.verdict != .passed { failedGate = phase.title }
      try take(result)
    }
  }

  /// What the plugin did to the process in all of this.
  var process: CheckResult {
    let title = "the process"
    guard !disturbances.isEmpty else {
      return CheckResult(
        check: title, verdict: .passed, detail: "nothing printed, nothing changed")
    }
    return CheckResult(
      check: title, verdict: .failed, detail: disturbances.joined(separator: "; "))
  }

  private func run(
    _ phase: CheckPhase, detector: String?, _ more: [String]
  ) throws -> (CheckResult, [(String, String)]) {
    let begun = cprocesses_now()
    var environment = ["LIBC_FATAL_STDERR_=1"]
    // Every run gets other garbage in fresh memory.
    if phase.disturbsMemory { environment.append("MALLOC_PERTURB_=\(more.contains("--run") ? 90 : 165)") }
    let child = try ChildProcess(
      ["plugin", "check-phase", phase.rawValue, file] + (detector.map { ["--detector", $0] } ?? []) + more,
      environment: environment, seconds: seconds)
    var result = CheckResult(phase: phase, check: phase.title, verdict: .failed, detail: "")
    var step = "the start of the process"
    var facts: [(String, String)] = []
    var isDone = false
    var hasResult = false
    for line in child.report {
      let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      switch words[0] {
      case "step": step = String(line.dropFirst(5))
      case "fact" where words.count == 3: facts.append((words[1], words[2]))
      case "result" where words.count == 3:
        result.verdict = Verdict(rawValue: words[1]) ?? .failed
        result.detail = words[2]
        hasResult = true
      case "done": isDone = true
      default: break
      }
    }
    explain(&result, child, step: step, isWhole: hasResult && isDone)
    note(child, facts, step: phase.title)
    result.seconds = Double(cprocesses_now() - begun) / 1e9
    return (result, facts.filter { $0.0 != "changes" })
  }

  /// Says how the child ended when it did not end well.
  private func explain(
    _ result: inout CheckResult, _ child: ChildProcess, step: String, isWhole: Bool
  ) {
    let crash = Crash(child.report)
    switch child.ending {
    case .exited(let code):
      if isWhole && code == 0 { return }
      result.detail = "the plugin ends the process (exit status \(code)) in \(step); it must not exit"
    case .signalled(let signal):
      let meaning = Crash.meaning(signal)
      result.detail = "crashes with \(Crash.name(signal))"
      if !meaning.isEmpty { result.detail += " (\(meaning)" }
      if let crash, crash.address != "0x0" || signal == 11, signal != 6 {
        result.detail += (meaning.isEmpty ? " (" : ", ") + "address \(crash.address)"
        result.detail += ")"
      } else if !meaning.isEmpty {
        result.detail += ")"
      }
      result.detail += " in \(step)"
      let words = child.output.split(separator: "\n").last.map(String.init) ?? ""
      if !words.isEmpty { result.detail += ": \(clean(words))" }
    case .timedOut:
      result.detail =
        "does not come back within \(Number.shortest(seconds)) s in \(step); it was ended"
    }
    result.verdict = .failed
    result.stack = crash?.stack ?? []
  }

  private func note(_ child: ChildProcess, _ facts: [(String, String)], step: String) {
    // The last words of a process that dies are told with its death.
    if case .signalled = child.ending { return }
    if let words = child.output.split(separator: "\n").first {
      add("it prints (\"\(clean(String(words)))\"); host->log is for messages", in: step)
    }
    for (name, text) in facts where name == "changes" { add("it changes \(text)", in: step) }
  }

  private func add(_ words: String, in step: String) {
    if !disturbances.contains(where: { $0.hasPrefix(words) }) {
      disturbances.append("\(words) (in \(step))")
    }
  }

  private func clean(_ text: String) -> String {
    let safe = String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "\u{FFFD}" : Character($0) })
    return safe.count > 160 ? safe.prefix(160) + "..." : safe
  }
}
