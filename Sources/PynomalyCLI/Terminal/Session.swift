import CNumbers
import CPynomaly
import Glibc
import Synchronization

/// The signal that asked the program to end, or 0. Written by the signal handler.
private let receivedSignal = Atomic<Int32>(0)

/// What all steps of one run share: how many threads, whether the user wants an end, where to show
/// progress.
final class Session: @unchecked Sendable {
  let threads: Int
  let progress: Progress

  init(threads: Int, quiet: Bool) {
    self.threads = threads > 0 ? threads : Int(cnumbers_processors())
    progress = Progress(enabled: !quiet && isatty(2) == 1)
    pyn_set_thread_limit(Int32(clamping: threads))
    Session.catchSignals()
  }

  var isInterrupted: Bool { receivedSignal.load(ordering: .relaxed) != 0 }
  static var signal: Int32 { receivedSignal.load(ordering: .relaxed) }

  /// Ctrl-C, a polite kill and a terminal that hangs up end the run by the way of an error, so that temporary files
  /// go. A reader that closed its end of a pipe shows as an error of writing.
  static func catchSignals() {
    catchSignal(SIGINT)
    catchSignal(SIGTERM)
    // Under nohup it is not asked to end.
    catchSignal(SIGHUP, unlessIgnored: true)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = SIG_IGN
    sigaction(SIGPIPE, &action, nil)
  }

  /// Let it end the run in the same way.
  static func catchSignal(_ number: Int32, unlessIgnored: Bool = false) {
    _ = signal  // The handler must find it made.
    var action = sigaction()
    if unlessIgnored {
      sigaction(number, nil, &action)
      let isIgnored = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
      if isIgnored { return }
      action = sigaction()
    }
    action.__sigaction_handler.sa_handler = { receivedSignal.store($0, ordering: .relaxed) }
    sigaction(number, &action, nil)
  }
}
