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
      or Ctrl-C. CPython 3.8 to 3.15, or with --native any program.

      EXAMPLES
        pynomaly record -o flame.svg -- python app.py
        pynomaly record --pid 1234 --native --duration 10 -o flame.svg
        pynomaly record --pid 1234 --format speedscope -o app.speedscope.json
        pynomaly record --function --diff old.txt -o diff.svg -- python app.py
        pynomaly record --diff old.txt --input new.txt -o diff.svg
      """)

  @OptionGroup var sampling: SamplingOptions

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

  @Flag(name: .shortAndLong, help: "A frame for each thread.")
  var threads = false

  @Flag(name: [.customShort("F"), .long], help: "Count functions, not their lines.")
  var function = false

  @Flag(help: "Leave out lines.")
  var nolineno = false

  @Option(
    help: ArgumentHelp(
      "Compare with an earlier recording (--format raw): a flame graph in colours of the difference.",
      valueName: "base"),
    completion: .file())
  var diff: String?

  @Option(
    help: ArgumentHelp(
      "With --diff: the newer recording (--format raw), instead of a process.", valueName: "file"),
    completion: .file())
  var input: String?

  @Flag(help: .hidden)
  var memory = false

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  func validate() throws {
    if memory { throw ValidationError("--memory is not there yet: record samples time only.") }
    if diff != nil && format != .flamegraph {
      throw ValidationError("--diff draws a flame graph: it does not go with --format \(format.rawValue).")
    }
    if input == nil { return try sampling.requireTarget() }
    guard diff != nil else { throw ValidationError("--input goes with --diff only.") }
    guard !sampling.hasTarget else {
      throw ValidationError("--input is instead of a process (--pid) or a command: give one of them.")
    }
  }

  func run() throws {
    let session = Session(threads: 0, quiet: quiet)
    let path = output ?? "profile.\(format.suffix)"
    let file = try OutputFile(path)
    // What is wrong with the base should be known before an hour of recording.
    let comparison = try diff.map { try Comparison(base: $0) }
    if let input, let comparison {
      try file.write(try comparison.picture(of: try Comparison.content(of: input), input))
      try file.commit()
      if !quiet && path != "-" { standardError("pynomaly: written to \(path)\n") }
      return
    }
    var options = sampling.library
    options.threads = threads ? 1 : 0
    options.function = function ? 1 : 0
    options.nolineno = nolineno ? 1 : 0

    let child = sampling.command.isEmpty ? nil : try SampledCommand(sampling.command)
    defer { child?.end() }
    let recording = try ProcessRecording(sampling.pid ?? child?.pid ?? 0, options, child)
    while try recording.wait(seconds: 0.05), !session.isInterrupted { child?.collect() }
    try recording.stop()
    if let comparison {
      let name =
        sampling.command.isEmpty ? "process \(sampling.pid ?? 0)" : sampling.command.joined(separator: " ")
      try file.write(try comparison.picture(of: try recording.content(PYN_PROFILE_RAW), name))
    } else {
      try file.write(try recording.content(Int(format.number)))
    }
    try file.commit()
    guard !quiet else { return }
    standardError("pynomaly: \(try recording.summary())\n")
    if path != "-" { standardError("pynomaly: written to \(path)\n") }
  }
}
