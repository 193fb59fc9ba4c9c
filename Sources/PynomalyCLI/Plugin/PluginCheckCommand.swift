import ArgumentParser
import Glibc

struct PluginCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say whether a plugin does what pynomaly_plugin.h asks.",
    discussion: """
      Each check runs in a process of its own, so that a plugin that crashes, hangs or exits harms \
      nothing and is told with its signal, what it was doing and where. Its detectors are fitted on made \
      data: the checks need none of yours. Exit status: 0 when all passed, 1 when one failed.
      """)

  @Argument(
    help: ArgumentHelp("A shared object, a manifest, or the name of an installed plugin.", valueName: "file"),
    completion: .file(extensions: ["so", "toml"]))
  var file: String

  @Option(help: ArgumentHelp("Check this detector alone. May be given several times.", valueName: "name"))
  var detector: [String] = []

  @Option(
    help: ArgumentHelp(
      "Run this check alone (and those it needs). May be given several times.", valueName: "check"))
  var only: [CheckPhase] = []

  @Option(help: ArgumentHelp("How long one check may take, in seconds.", valueName: "seconds"))
  var timeout: Double = 60

  @Flag(help: "As JSON.")
  var json = false

  func validate() throws {
    guard timeout.isFinite, timeout > 0, timeout <= 86_400 else {
      throw ValidationError("--timeout must be above 0 and at most 86400, not \(timeout)")
    }
  }

  func run() throws {
    Session.catchSignals()
    let check = CheckRun(file: PluginPath.absolute(file), seconds: timeout)
    var table = CheckTable(isShown: !json)
    let loaded = try check.load()
    if let unknown = detector.first(where: { !check.detectors.contains($0) }), loaded.verdict == .passed {
      throw Failure(
        "--detector \(unknown): the plugin has \(check.detectors.joined(separator: ", "))", code: .usage)
    }
    let plugin = PluginDescription(facts: check.facts, detectors: check.detectors)
    try table.begin(plugin.name.isEmpty ? file : "\(plugin.name) \(plugin.version) (\(plugin.path))")
    try table.add(loaded, detector: nil)
    if loaded.verdict == .passed {
      for name in detector.isEmpty ? check.detectors : detector {
        try table.begin(name)
        try check.check(name, only: only) { try table.add($0, detector: name) }
      }
      try table.begin(nil)
      try table.add(check.process, detector: nil)
    }
    if json {
      try standardOutput(
        table.json(file: file, plugin: loaded.verdict == .passed ? plugin.json : .null).text() + "\n")
    } else {
      try table.end()
    }
    if table.count(.failed) > 0 { throw Failure("") }
  }
}

/// The results: printed as they come, or as JSON at the end.
struct CheckTable {
  let isShown: Bool
  private var results: [(detector: String?, result: CheckResult)] = []

  init(isShown: Bool) { self.isShown = isShown }

  func count(_ verdict: Verdict) -> Int { results.count { $0.result.verdict == verdict } }

  func begin(_ title: String?) throws {
    guard isShown else { return }
    try standardOutput((results.isEmpty ? "" : "\n") + (title.map { "\($0)\n" } ?? ""))
  }

  mutating func add(_ result: CheckResult, detector: String?) throws {
    results.append((detector, result))
    guard isShown else { return }
    let verdict = result.verdict == .failed ? "FAILED" : result.verdict.rawValue
    var text = "  \(pad(result.check, 21))\(pad(verdict, 9))"
    text += wrap(result.detail, width: 110, indent: 32) + "\n"
    for (number, frame) in result.stack.enumerated() {
      text += String(repeating: " ", count: 32) + "#\(number) \(frame)\n"
    }
    try standardOutput(text)
  }

  func end() throws {
    let failed = count(.failed)
    let skipped = count(.skipped)
    try standardOutput(
      "\n\(count(.passed)) passed, \(failed) failed, \(skipped) skipped\n")
  }

  func json(file: String, plugin: JSON) -> JSON {
    .object([
      ("file", .string(file)), ("verdict", .string(count(.failed) > 0 ? "failed" : "passed")),
      ("passed", .int(count(.passed))), ("failed", .int(count(.failed))),
      ("skipped", .int(count(.skipped))), ("plugin", plugin),
      (
        "checks",
        .array(
          results.map { detector, result in
            .object([
              ("detector", detector.map { .string($0) } ?? .null),
              ("id", .string(result.phase?.rawValue ?? "process")), ("check", .string(result.check)),
              ("verdict", .string(result.verdict.rawValue)), ("detail", .string(result.detail)),
              ("seconds", .number((result.seconds * 1000).rounded() / 1000)),
              ("stack", .array(result.stack.map { .string($0) })),
              (
                "figures",
                .object(result.figures.map { ($0, Double($1).map { .number($0) } ?? .string($1)) })
              ),
            ])
          })
      ),
    ])
  }
}

/// Where a plugin that a command names is.
enum PluginPath {
  /// Whether it is meant as a file: then it has a slash or an ending; else it is a name.
  static func isFile(_ plugin: String) -> Bool {
    plugin.contains("/") || plugin.hasSuffix(".so") || plugin.hasSuffix(".toml")
  }

  /// From the root, so that it means the same to a child and to the loader.
  static func absolute(_ plugin: String) -> String {
    guard isFile(plugin), !plugin.hasPrefix("/") else { return plugin }
    guard let folder = getcwd(nil, 0) else { return plugin }
    defer { free(folder) }
    return "\(String(cString: folder))/\(plugin)"
  }
}
