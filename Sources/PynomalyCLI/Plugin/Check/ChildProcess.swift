import CProcesses
import Glibc

/// A run of this program as a child, in a process group of its own, with what it reports and prints.
struct ChildProcess {
  enum Ending: Equatable {
    case exited(Int32)
    case signalled(Int32)
    /// It was ended when its time was over.
    case timedOut
  }

  /// Lines of its report (see Reporter).
  let report: [String]
  /// What it wrote to standard output and error, cut after 64 KiB.
  let output: String
  let ending: Ending

  private static let outputLimit = 64 << 10
  private static let reportLimit = 8 << 20

  /// Runs `pynomaly ARGUMENTS`, with more variables in its environment, for so many seconds at most.
  init(_ arguments: [String], environment: [String], seconds: Double) throws {
    let report = try Pipe()
    let output = try Pipe()
    var child: pid_t = 0
    let status = ChildProcess.spawn(
      ["pynomaly"] + arguments, environment, report.end, output.end, &child)
    report.closeEnd()
    output.closeEnd()
    guard status == 0 else {
      throw Failure("cannot start a child process: \(systemMessage(status))")
    }
    ending = ChildProcess.wait(
      child, report, output, until: cprocesses_now() + Int64(seconds * 1e9))
    if Session.signal != 0 { throw Failure("", code: Session.signal == SIGINT ? .interrupted : .terminated) }
    self.report = String(decoding: report.bytes, as: UTF8.self)
      .split(separator: "\n").map(String.init)
    self.output = String(decoding: output.bytes, as: UTF8.self)
  }

  private static func spawn(
    _ arguments: [String], _ more: [String], _ report: Int32, _ output: Int32, _ child: inout pid_t
  ) -> Int32 {
    var variables: [String] = more
    var next = environ
    while let variable = next.pointee {
      variables.append(String(cString: variable))
      next += 1
    }
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    return cprocesses_spawn("/proc/self/exe", &argv, &envp, report, output, &child)
  }

  private static func wait(_ child: pid_t, _ report: Pipe, _ output: Pipe, until end: Int64) -> Ending {
    var deadline = end
    var status: Int32 = 0
    var wasAsked = false
    var isKilled = false
    var isGone = false
    while !isGone || !report.isAtEnd || !output.isAtEnd {
      var polled = [report, output].filter { !$0.isAtEnd }.map {
        pollfd(fd: $0.start, events: Int16(POLLIN), revents: 0)
      }
      poll(&polled, nfds_t(polled.count), isGone ? 0 : polled.isEmpty ? 2 : 50)
      let readSomething = report.read(limit: reportLimit) || output.read(limit: outputLimit)
      // What a grandchild keeps open is not waited for.
      if isGone && !readSomething { break }
      if !isGone { isGone = waitpid(child, &status, WNOHANG) == child }
      if !isGone, Session.signal != 0 || cprocesses_now() > deadline {
        if wasAsked || Session.signal != 0 {
          isKilled = true
          kill(-child, SIGKILL)
        } else {
          // Where is it?
          wasAsked = true
          kill(child, CPROCESSES_WHERE)
        }
        deadline = cprocesses_now() + 1_500_000_000
      }
    }
    kill(-child, SIGKILL)
    if wasAsked || isKilled { return .timedOut }
    return status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signalled(status & 0x7f)
  }

  /// The reading end of a pipe, and its writing end until that is given away.
  private final class Pipe {
    let start: Int32
    private(set) var end: Int32
    private(set) var bytes: [UInt8] = []
    private(set) var isAtEnd = false

    init() throws {
      var ends: (start: Int32, end: Int32) = (-1, -1)
      let code = cprocesses_pipe(&ends.start, &ends.end)
      guard code == 0 else { throw Failure("cannot make a pipe: \(systemMessage(code))") }
      (start, end) = ends
    }

    deinit {
      close(start)
      closeEnd()
    }

    func closeEnd() {
      if end >= 0 { close(end) }
      end = -1
    }

    /// Takes what is there; true when there was something.
    func read(limit: Int) -> Bool {
      guard !isAtEnd else { return false }
      var room = [UInt8](repeating: 0, count: 1 << 16)
      let count = Glibc.read(start, &room, room.count)
      if count > 0 { bytes += room[..<min(count, max(limit - bytes.count, 0))] }
      if count == 0 { isAtEnd = true }
      return count > 0
    }
  }
}
