import ArgumentParser
import CPynomaly
import Glibc

struct TopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top",
    abstract: "Watch live where a program spends its time.",
    discussion: """
      A table of the functions that a running process (--pid), or a command behind --, spends its time in, \
      drawn anew every second. Keys: 1 to 4 sort, l counts by line or by function, r begins anew, ? helps, \
      q or Ctrl-C quits. At the end, and where there is no terminal, the table of the whole is printed. What \
      a command writes is not shown meanwhile; the end of its standard error is.

      EXAMPLES
        pynomaly top --pid 1234
        pynomaly top --native -- python app.py
        pynomaly top --once --pid 1234 | head
      """)

  @OptionGroup var sampling: SamplingOptions

  @Flag(name: [.customShort("F"), .long], help: "Count functions, not their lines (key l).")
  var function = false

  @Option(help: ArgumentHelp("From one table to the next.", valueName: "seconds"))
  var delay = 1.0

  @Flag(help: "Sample for one delay (or --duration), print the table, and end.")
  var once = false

  func validate() throws {
    try sampling.requireTarget()
    if !(delay >= 0.05 && delay <= 3600) {
      throw ValidationError("--delay must be 0.05 to 3600 seconds, not \(delay)")
    }
  }

  func run() throws {
    let session = Session(threads: 0, quiet: true)
    Session.catchSignal(SIGQUIT, unlessIgnored: true)  // The terminal must not stay as we have it.
    let isLive = !once && Screen.isPossible
    var options = sampling.library
    if once && options.duration == 0 { options.duration = delay }
    let child =
      sampling.command.isEmpty
      ? nil : try SampledCommand(sampling.command, output: isLive ? .errorsKept : .shared)
    defer { child?.end() }
    let pid = sampling.pid ?? child?.pid ?? 0
    let recording = try ProcessRecording(pid, options, child)
    var table = TopTable(title: TopCommand.title(pid), rate: sampling.rate, byFunction: function)

    let screen = isLive ? try Screen() : nil
    do {
      defer { screen?.close() }
      // The first table soon, so that there is something to see.
      var next = Progress.seconds + (isLive ? min(delay, 0.2) : delay)
      while !session.isInterrupted {
        let isRunning = try recording.wait(seconds: screen == nil ? 0.05 : 0)
        child?.collect()
        var answer = TopTable.Answer.none
        if let screen {
          guard let keys = screen.keys(milliseconds: 50) else { break }
          for key in keys {
            answer = max(answer, table.press(key))
            if answer == .quit { break }
          }
          if answer == .quit { break }
          if screen.isResized { answer = max(answer, .draw) }
        }
        let now = Progress.seconds
        if answer == .reset {
          _ = try recording.slice()
          table.totals = FrameTotals(after: try recording.statistics())
          next = now + delay
        } else if now >= next {
          next = max(next + delay, now)
          table.totals.add(try recording.slice(), try recording.statistics())
          answer = .draw
        }
        if answer != .none, let screen {
          let size = Screen.size
          screen.draw(table.screen(width: size.width, height: size.height))
        }
        if !isRunning { break }
      }
      try recording.stop()
      table.totals.add(try recording.slice(), try recording.statistics())
    }
    try standardOutput(table.text(limit: isLive ? max(5, Screen.size.height - 8) : .max))
    if let said = child?.errors, !said.isEmpty {
      standardError("pynomaly: the command's standard error ended with\n\(said)")
    }
    // How it went stands above the table; here why it ended.
    if let ending = try recording.summary().split(separator: ";").last {
      standardError("pynomaly:\(ending)\n")
    }
  }

  /// "process 1234: python app.py", with nothing in it that could steer a terminal.
  private static func title(_ pid: Int32) -> String {
    var words: [UInt8] = []
    let descriptor = open("/proc/\(pid)/cmdline", O_RDONLY | O_CLOEXEC)
    if descriptor >= 0 {
      words = [UInt8](repeating: 0, count: 4096)
      words.removeLast(words.count - max(0, read(descriptor, &words, words.count)))
      close(descriptor)
    }
    while words.last == 0 { words.removeLast() }
    let command = String(decoding: words.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
    return "process \(pid): \(plainText(command))"
  }
}
