import Glibc

/// A command that we have started.
final class SampledCommand {
  enum Output {
    /// It reads and writes where we do.
    case shared
    /// It reads nothing, and of what it writes only the last errors are kept: the terminal is ours.
    case errorsKept
  }

  let pid: pid_t
  private(set) var isEnded = false
  private var errorPipe: Int32 = -1
  private var lastErrors: [UInt8] = []

  init(_ command: [String], output: Output = .shared) throws {
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    // The child gets the signals that we handle or ignore as it would have without us.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGPIPE] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    var ends: [Int32] = [-1, -1]
    if output == .errorsKept {
      guard pipe(&ends) == 0 else { throw Failure("cannot make a pipe: \(systemMessage(errno))") }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
      posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
      posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0)
      posix_spawn_file_actions_adddup2(&files, ends[1], 2)
    }
    let code = posix_spawnp(&pid, command[0], &files, &attributes, arguments, environ)
    if ends[1] >= 0 { close(ends[1]) }
    guard code == 0 else {
      if ends[0] >= 0 { close(ends[0]) }
      throw Failure("cannot run \(command[0]): \(systemMessage(code))")
    }
    self.pid = pid
    errorPipe = ends[0]
  }

  deinit { if errorPipe >= 0 { close(errorPipe) } }

  /// What it wrote to its standard error, the last 4096 bytes, where they are kept.
  var errors: String {
    readErrors()
    return String(decoding: lastErrors, as: UTF8.self)
  }

  private func readErrors() {
    guard errorPipe >= 0 else { return }
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    // Not for ever, should it write faster than we read.
    for _ in 0..<16 {
      let got = read(errorPipe, &chunk, chunk.count)
      guard got > 0 else { break }
      lastErrors = Array((lastErrors + chunk[..<got]).suffix(4096))
    }
  }

  /// Take note of its end, when it has come.
  func collect() {
    readErrors()
    guard !isEnded else { return }
    var status: Int32 = 0
    // News of a stop, which is the sampler's, may come here too: that is not the end.
    if waitpid(pid, &status, WNOHANG) == pid && status & 0xff != 0x7f { isEnded = true }
  }

  /// Ask it to end, when it has not, and wait for that a while.
  func end() {
    collect()
    if isEnded { return }
    kill(pid, SIGTERM)
    for _ in 0..<200 where !isEnded {
      SampledCommand.pause(milliseconds: 10)
      collect()
    }
  }

  static func pause(milliseconds: Int) {
    var time = timespec(tv_sec: 0, tv_nsec: milliseconds * 1_000_000)
    nanosleep(&time, nil)
  }
}
