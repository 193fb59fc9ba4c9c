import Glibc
import Synchronization

private let sizeHasChanged = Atomic<Bool>(false)

/// The whole terminal, drawn anew again and again, with keys read one by one. What was on it before comes back
/// with `close`, and so do the terminal's modes.
///
/// Ctrl-Z is off meanwhile: a sampler that is suspended while it holds a thread would leave it standing. So is Ctrl-\,
/// which would end us without `close`.
final class Screen {
  private var before = termios()
  private let hasKeys: Bool
  private var isOpen = true
  private let oldAction: sigaction

  /// Whether the standard output can be drawn on. From the background it cannot: the system would stop us, perhaps
  /// while we hold a thread.
  static var isPossible: Bool {
    guard isatty(1) == 1, tcgetpgrp(1) == getpgrp(), let kind = getenv("TERM") else { return false }
    let name = String(cString: kind)
    return !name.isEmpty && name != "dumb"
  }

  init() throws {
    hasKeys = isatty(0) == 1 && tcgetattr(0, &before) == 0
    if hasKeys {
      var modes = before
      modes.c_lflag &= ~tcflag_t(ICANON | ECHO)
      withUnsafeMutableBytes(of: &modes.c_cc) { keys in
        keys[Int(VMIN)] = 0
        keys[Int(VTIME)] = 0
        keys[Int(VSUSP)] = 0
        keys[Int(VQUIT)] = 0
      }
      guard tcsetattr(0, TCSADRAIN, &modes) == 0 else {
        throw Failure("cannot set up the terminal: \(systemMessage(errno))")
      }
    }
    _ = sizeHasChanged.load(ordering: .relaxed)  // The handler must find it made.
    var action = sigaction()
    var old = sigaction()
    action.__sigaction_handler.sa_handler = { _ in sizeHasChanged.store(true, ordering: .relaxed) }
    sigaction(SIGWINCH, &action, &old)
    oldAction = old
    // The other screen, without a cursor; lines that are too long end at the edge.
    send("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J")
  }

  deinit { close() }

  func close() {
    guard isOpen else { return }
    isOpen = false
    send("\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
    if hasKeys { tcsetattr(0, TCSADRAIN, &before) }
    var old = oldAction
    sigaction(SIGWINCH, &old, nil)
  }

  static var size: (width: Int, height: Int) {
    var window = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(window.ws_col), Int(window.ws_row))
  }

  /// Whether the size has changed since it was asked last.
  var isResized: Bool { sizeHasChanged.exchange(false, ordering: .relaxed) }

  /// The keys that were pressed, waiting so long for one; nil when there will be none any more.
  func keys(milliseconds: Int32) -> [UInt8]? {
    guard hasKeys else {
      SampledCommand.pause(milliseconds: Int(milliseconds))
      return []
    }
    var wanted = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
    guard poll(&wanted, 1, milliseconds) > 0 else { return [] }
    if wanted.revents & Int16(POLLIN) == 0 { return nil }
    var keys = [UInt8](repeating: 0, count: 64)
    let got = read(0, &keys, keys.count)
    if got < 0 { return errno == EINTR || errno == EAGAIN ? [] : nil }
    // Something was said to be there: this is the end of a terminal that hung up.
    if got == 0 { return nil }
    return Array(keys.prefix(got))
  }

  /// Show these lines, from the top.
  func draw(_ lines: [String]) {
    send("\u{1B}[H" + lines.map { $0 + "\u{1B}[0m\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
  }

  /// A terminal that is gone shows in `keys`.
  private func send(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let put = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
      if put > 0 { rest = rest.dropFirst(put) } else if put == 0 || errno != EINTR { return }
    }
  }
}
