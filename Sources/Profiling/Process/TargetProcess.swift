import CProfiling
import Glibc

/// What /proc says of a process and its threads.
struct TargetProcess {
  let pid: Int32

  /// Checks that there is such a process and that it runs.
  init(pid: Int32) throws(ProfilingError) {
    self.pid = pid
    guard pid > 0 else {
      throw ProfilingError(.invalidArgument, "the pid is \(pid); process ids are 1 and more")
    }
    guard let status = ProcFile.text("/proc/\(pid)/status") else {
      throw ProfilingError(.noProcess, "there is no process \(pid)")
    }
    if ProcFile.field("State", of: status)?.first == "Z" {
      throw ProfilingError(
        .noProcess, "process \(pid) has ended (a zombie that its parent has not collected)")
    }
    if let leader = ProcFile.field("Tgid", of: status)?.first.flatMap({ Int32($0) }), leader != pid {
      throw ProfilingError(
        .noProcess, "\(pid) is a thread of process \(leader); give the process's id")
    }
    if ProcFile.field("Kthread", of: status)?.first == "1" {
      throw ProfilingError(.notSupported, "process \(pid) is a thread of the kernel")
    }
  }

  var threadIDs: [Int32] { TargetProcess.threadIDs(of: pid) }

  static func threadIDs(of pid: Int32) -> [Int32] {
    (ProcFile.entries("/proc/\(pid)/task") ?? []).compactMap { Int32($0) }.sorted()
  }

  /// The command line, its words separated by blanks.
  var command: String {
    guard var bytes = ProcFile.read("/proc/\(pid)/cmdline"), !bytes.isEmpty else {
      return ProcFile.text("/proc/\(pid)/comm").map { String($0.prefix { $0 != "\n" }) } ?? ""
    }
    while bytes.last == 0 { bytes.removeLast() }
    return String(decoding: bytes.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
  }

  struct Thread {
    var name: String
    /// As in /proc: R runs, S sleeps, D waits in the kernel, T is stopped.
    var state: UInt8

    /// The processor it ran on last.
    var processor: Int32 = -1

    var isActive: Bool { state == UInt8(ascii: "R") || state == UInt8(ascii: "D") }

    /// From the text of /proc/PID/task/TID/stat.
    init?(stat bytes: Slice<UnsafeRawBufferPointer>) {
      guard let open = bytes.firstIndex(of: UInt8(ascii: "(")),
        let close = bytes.lastIndex(of: UInt8(ascii: ")")), open < close,
        close + 2 < bytes.endIndex
      else { return nil }
      name = String(decoding: bytes[(open + 1)..<close], as: UTF8.self)
      state = bytes[close + 2]
      // The 39th field; the state is the third.
      var field = 3
      var value: Int32 = 0
      for byte in bytes[(close + 2)...] {
        if byte == 32 {
          field += 1
        } else if field == 39, (48...57).contains(byte) {
          value = value &* 10 &+ Int32(byte - 48)
        } else if field > 39 {
          break
        }
      }
      if field >= 39 { processor = value }
    }
  }

  func thread(_ tid: Int32) -> Thread? {
    ProcFile.read("/proc/\(pid)/task/\(tid)/stat").flatMap { bytes in
      bytes.withUnsafeBytes { Thread(stat: $0[...]) }
    }
  }

  /// The thread's number as the process itself sees it: another one in a container.
  func innerThreadID(_ tid: Int32) -> Int32 {
    guard let status = ProcFile.text("/proc/\(pid)/task/\(tid)/status"),
      let inner = ProcFile.field("NSpid", of: status)?.last.flatMap({ Int32($0) })
    else { return tid }
    return inner
  }

  /// Why the kernel would not let us look into it (or at its memory only), and how to be allowed.
  func refusal(_ code: Int32, memory: Bool = false) -> ProfilingError {
    guard let status = ProcFile.text("/proc/\(pid)/status") else {
      return ProfilingError(.noProcess, "process \(pid) has ended")
    }
    guard code == EPERM || code == EACCES else {
      return ProfilingError(
        code == ESRCH ? .noProcess : .io,
        "cannot look into process \(pid): \(String(cString: strerror(code)))")
    }
    let reason: String
    let owner = ProcFile.field("Uid", of: status)?.first.flatMap { UInt32($0) }
    if let tracer = ProcFile.field("TracerPid", of: status)?.first, tracer != "0" {
      reason =
        "process \(tracer) (a debugger, strace or another profiler) is tracing it already;"
        + " end that first"
    } else if pid == getpid() && memory {
      reason =
        "this process may not call process_vm_readv, with which it reads its own memory: a filter of system"
        + " calls (seccomp) denies it, as in some containers"
    } else if pid == getpid() {
      reason = "a process cannot stop itself; profile it from inside instead"
    } else if let owner, owner != geteuid(), geteuid() != 0 {
      reason =
        "it belongs to user \(owner), and this is user \(geteuid()): run as that user, or as root"
        + " (sudo)"
    } else if let scope = ProcFile.text("/proc/sys/kernel/yama/ptrace_scope")?.first, scope != "0",
      geteuid() != 0
    {
      reason =
        "kernel.yama.ptrace_scope is \(scope), which allows only a parent to trace: start the program"
        + " through the profiler, run as root (sudo), give CAP_SYS_PTRACE, or"
        + " `sysctl kernel.yama.ptrace_scope=0`"
    } else if geteuid() == 0 {
      reason =
        "this is root, but without CAP_SYS_PTRACE, as in most containers: start the container with"
        + " --cap-add SYS_PTRACE"
    } else {
      reason =
        "it is privileged (setuid, or with capabilities of its own): run as root (sudo), or give"
        + " CAP_SYS_PTRACE"
    }
    return ProfilingError(.notPermitted, "not permitted to look into process \(pid): \(reason)")
  }
}
