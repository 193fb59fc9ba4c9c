import ArgumentParser
import CPynomaly

enum ProfileFormat: String, CaseIterable, ExpressibleByArgument {
  case flamegraph, speedscope, raw, pprof, chrometrace

  var number: Int32 {
    switch self {
    case .flamegraph: Int32(PYN_PROFILE_FLAMEGRAPH)
    case .speedscope: Int32(PYN_PROFILE_SPEEDSCOPE)
    case .raw: Int32(PYN_PROFILE_RAW)
    case .pprof: Int32(PYN_PROFILE_PPROF)
    case .chrometrace: Int32(PYN_PROFILE_CHROMETRACE)
    }
  }

  var suffix: String {
    switch self {
    case .flamegraph: "svg"
    case .speedscope, .chrometrace: "json"
    case .raw: "txt"
    case .pprof: "pb"
    }
  }
}

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Sample the stacks of a program and draw where its time goes.",
    discussion: """
      A running process (--pid), or a command behind --, is sampled until it ends, the duration is over, \
      or Ctrl-C. CPython 3.8 to 3.13, or with --native any program.

      EXAMPLES
        pynomaly record -o flame.svg -- python app.py
        pynomaly record --pid 1234 --native --duration 10 -o flame.svg
        pynomaly record --pid 1234 --format speedscope -o app.speedscope.json
      """)

  @Option(name: [.customShort("p"), .long], help: "The process to sample.")
  var pid: Int32?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where the recording goes; - is the standard output.", valueName: "file"),
    completion: .file())
  var output: String?

  @Option(
    name: .shortAndLong,
    help:
      """
      flamegraph (SVG), speedscope (JSON), raw (a line a stack, for flamegraph.pl), pprof (profile.proto), \
      or chrometrace (JSON for chrome://tracing).
      """
  )
  var format = ProfileFormat.flamegraph

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

  @Flag(name: .shortAndLong, help: "A frame for each thread.")
  var threads = false

  @Flag(name: [.customShort("F"), .long], help: "Count functions, not their lines.")
  var function = false

  @Flag(help: "Leave out lines.")
  var nolineno = false

  @Flag(help: "Never stop the process; a stack that changed while it was read is dropped, and counted.")
  var nonblocking = false

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  @Argument(parsing: .postTerminator, help: "The command to run and sample, behind --.")
  var command: [String] = []

  func validate() throws {
    if (pid == nil) == command.isEmpty {
      throw ValidationError("Give a process (--pid) or a command (behind --), one of the two.")
    }
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

  func run() throws {
    let session = Session(threads: 0, quiet: quiet)
    let path = output ?? "profile.\(format.suffix)"
    let file = try OutputFile(path)
    var options = pyn_profiler_options()
    options.struct_size = MemoryLayout<pyn_profiler_options>.size
    options.rate = rate
    options.duration = duration
    options.native = native ? 1 : 0
    options.idle = idle ? 1 : 0
    options.gil = gil ? 1 : 0
    options.threads = threads ? 1 : 0
    options.function = function ? 1 : 0
    options.nolineno = nolineno ? 1 : 0
    options.subprocesses = subprocesses ? 1 : 0
    options.nonblocking = nonblocking ? 1 : 0

    let child = command.isEmpty ? nil : try SampledCommand(command)
    defer { child?.end() }
    let profiler = try start(pid ?? child?.pid ?? 0, options, child)
    defer { pyn_profiler_free(profiler) }
    var running: Int32 = 1
    while running != 0 && !session.isInterrupted {
      try callLibrary { pyn_profiler_wait(profiler, 0.05, &running, $0) }
      child?.collect()
    }
    try callLibrary { pyn_profiler_stop(profiler, $0) }
    let content = TextSink()
    try callLibrary { pyn_profiler_write(profiler, format.number, TextSink.write, content.context, $0) }
    try file.write(content.bytes)
    try file.commit()
    guard !quiet else { return }
    let summary = TextSink()
    try callLibrary {
      pyn_profiler_write(profiler, Int32(PYN_PROFILE_SUMMARY), TextSink.write, summary.context, $0)
    }
    standardError("pynomaly: \(summary.text)\n")
    if path != "-" { standardError("pynomaly: written to \(path)\n") }
  }

  /// A command that has just begun may not have become an interpreter yet.
  private func start(
    _ pid: Int32, _ options: pyn_profiler_options, _ child: SampledCommand?
  ) throws -> OpaquePointer? {
    var options = options
    var profiler: OpaquePointer?
    for attempt in 1... {
      do {
        try callLibrary { pyn_profiler_start(pid, &options, &profiler, $0) }
        break
      } catch let error as LibraryError where Int(error.status) == PYN_ERROR_NOT_SUPPORTED {
        guard let child, attempt < 400 else { throw error }
        child.collect()
        if child.isEnded { throw Failure("the command ended before it could be sampled") }
        SampledCommand.pause(milliseconds: 5)
      }
    }
    return profiler
  }
}
