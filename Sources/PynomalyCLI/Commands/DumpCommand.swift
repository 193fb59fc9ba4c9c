import ArgumentParser
import CPynomaly

struct DumpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Show what every thread of a process is doing now.",
    discussion: """
      The process (CPython 3.8 to 3.15, or with --native any program) is stopped for about a \
      millisecond, so that all stacks are of one moment, and runs on. The innermost frame comes first.

      EXAMPLES
        pynomaly dump --pid 1234
        pynomaly dump --pid 1234 --native --json
        pynomaly dump --pid 1234 --locals
      """)

  @Option(name: [.customShort("p"), .long], help: "The process to look into.")
  var pid: Int32

  @Flag(
    name: [.customShort("n"), .long],
    help: "Native frames (C, C++, Rust, Swift) too, merged with the Python ones.")
  var native = false

  @Flag(name: [.customShort("l"), .long], help: "The local variables of Python frames, too.")
  var locals = false

  @Flag(help: "Do not stop the process. Stacks may then be of two moments.")
  var nonblocking = false

  @Flag(name: [.customShort("j"), .long], help: "As JSON.")
  var json = false

  func validate() throws {
    if native && nonblocking {
      throw ValidationError("--native needs the process stopped: it does not go with --nonblocking.")
    }
  }

  func run() throws {
    var options = pyn_dump_options()
    options.struct_size = MemoryLayout<pyn_dump_options>.size
    options.format = Int32(json ? PYN_DUMP_JSON : PYN_DUMP_TEXT)
    options.native = native ? 1 : 0
    options.nonblocking = nonblocking ? 1 : 0
    options.locals = locals ? 1 : 0
    let sink = TextSink()
    try callLibrary { pyn_profiler_dump(pid, &options, TextSink.write, sink.context, $0) }
    try standardOutput(sink.text)
  }
}
