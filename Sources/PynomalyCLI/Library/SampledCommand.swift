import Glibc

/// A command that we have started.
final class SampledCommand {
  let pid: pid_t
  private(set) var isEnded = false

  init(_ command: [String]) throws {
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
    let code = posix_spawnp(&pid, command[0], nil, &attributes, arguments, environ)
    guard code == 0 else {
      throw Failure("cannot run \(command[0]): \(systemMessage(code))")
    }
    self.pid = pid
  }

  /// Take note of its end, when it has come.
  func collect() {
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
