import ArgumentParser
import CPynomaly

/// Which process is sampled, and how: the options of record and top.
struct SamplingOptions: ParsableArguments {
  @Option(name: [.customShort("p"), .long], help: "The process to sample.")
  var pid: Int32?

  @Option(name: .shortAndLong, help: "Samples a second.")
  var rate = 100.0

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("How long, in seconds; without it to the end.", valueName: "seconds"))
  var duration = 0.0

  @Flag(name: .shortAndLong, help: "Native frames (C, C++, Rust, Swift) too, merged with the Python ones.")
  var native = false

  @Flag(name: .shortAndLong, help: "Children too.")
  var subprocesses = false

  @Flag(name: .shortAndLong, help: "Only threads that hold the interpreter's lock.")
  var gil = false

  @Flag(name: .shortAndLong, help: "Threads that wait, too.")
  var idle = false

  @Flag(help: "Never stop the process; a stack that changed while it was read is dropped, and counted.")
  var nonblocking = false

  @Argument(parsing: .postTerminator, help: "The command to run and sample, behind --.")
  var command: [String] = []

  /// Whether a process or a command is given.
  var hasTarget: Bool { pid != nil || !command.isEmpty }

  func validate() throws {
    // 0 would be this process.
    if let pid, pid <= 0 { throw ValidationError("--pid must be the number of a process, not \(pid)") }
    if native && nonblocking {
      throw ValidationError("--native needs the process stopped: it does not go with --nonblocking.")
    }
    if !(rate >= 0.1 && rate <= 10_000) {
      throw ValidationError("--rate must be 0.1 to 10000 samples a second, not \(rate)")
    }
    if !(duration >= 0 && duration <= 1e8) {
      throw ValidationError("--duration must be 0 to 100000000 seconds, not \(duration)")
    }
  }

  /// Exactly one of the two must be given.
  func requireTarget() throws {
    if (pid == nil) == command.isEmpty {
      throw ValidationError("Give a process (--pid) or a command (behind --), one of the two.")
    }
  }

  var library: pyn_profiler_options {
    var options = pyn_profiler_options()
    options.struct_size = MemoryLayout<pyn_profiler_options>.size
    options.rate = rate
    options.duration = duration
    options.native = native ? 1 : 0
    options.idle = idle ? 1 : 0
    options.gil = gil ? 1 : 0
    options.subprocesses = subprocesses ? 1 : 0
    options.nonblocking = nonblocking ? 1 : 0
    return options
  }
}
