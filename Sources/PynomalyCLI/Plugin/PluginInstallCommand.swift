import ArgumentParser
import Glibc

struct PluginInstall: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Install a plugin for this user, or for all.",
    discussion: """
      The plugin is first loaded in a process of its own; what does not load is not installed. Its library \
      is copied and a manifest written, in place of an earlier version. "pynomaly plugin check" says \
      whether it also works as it should.
      """)

  @Argument(
    help: ArgumentHelp(
      "A shared object, a manifest, or a folder with one of these.", valueName: "file"),
    completion: .file())
  var file: String

  @Flag(help: ArgumentHelp("Into /usr/local/lib/pynomaly/plugins, for all users."))
  var system = false

  @Option(help: ArgumentHelp("How long loading may take, in seconds.", valueName: "seconds"))
  var timeout: Double = 60

  func validate() throws {
    guard timeout.isFinite, timeout > 0, timeout <= 86_400 else {
      throw ValidationError("--timeout must be above 0 and at most 86400, not \(timeout)")
    }
  }

  func run() throws {
    Session.catchSignals()
    let source = try PluginInstall.source(PluginPath.absolute(file.contains("/") ? file : "./\(file)"))
    let check = CheckRun(file: source, seconds: timeout)
    let loaded = try check.load()
    guard loaded.verdict == .passed else {
      throw Failure("\(file) is not installed: \(loaded.detail)")
    }
    let plugin = PluginDescription(facts: check.facts, detectors: check.detectors)
    let folder = try PluginFolder(system: system)
    let before = try? InstalledPlugin.all.first { $0.manifest == folder.manifest(plugin.name) }?.plugin.get()
    let installed = try folder.install(plugin)
    var text = "installed \(plugin.name) \(plugin.version)"
    if let before { text += " in place of \(before.version)" }
    text += " (\(plugin.detectors.joined(separator: ", ")))\n  \(installed.manifest)\n  \(installed.library)\n"
    // An earlier folder may have a plugin of that name.
    let used = try? InstalledPlugin.all.first { (try? $0.plugin.get().name) == plugin.name }
    if let used, used.manifest != installed.manifest {
      text += "but \(used.manifest) comes first and hides it\n"
    }
    text += "try: pynomaly detect FILE --detector \(plugin.detectors.first ?? "NAME")\n"
    try standardOutput(text)
  }

  /// The shared object or the manifest: of a folder, its only one.
  private static func source(_ path: String) throws -> String {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw Failure("cannot read \(path): \(systemMessage(errno))")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      guard path.hasSuffix(".so") || path.hasSuffix(".toml") else {
        throw Failure("\(path) is neither a shared object (.so) nor a manifest (.toml)", code: .usage)
      }
      return path
    }
    let names = try folderNames(path)
    for ending in [".toml", ".so"] {
      let found = names.filter { $0.hasSuffix(ending) }
      if found.count == 1 { return "\(path)/\(found[0])" }
      if found.count > 1 {
        throw Failure("\(path) has several files that end in \(ending): \(found.joined(separator: ", "));"
          + " name one of them")
      }
    }
    throw Failure("\(path) has neither a manifest (.toml) nor a shared object (.so)")
  }
}

struct PluginRemove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove a plugin that was installed.")

  @Argument(
    help: ArgumentHelp("The name of the plugin.", valueName: "name"),
    completion: .custom { _, _, _ in InstalledPlugin.names })
  var name: String

  @Flag(help: ArgumentHelp("From /usr/local/lib/pynomaly/plugins."))
  var system = false

  func run() throws {
    guard PluginName.isWellFormed(name) else { throw PluginName.failure(name) }
    let folder = try PluginFolder(system: system)
    let removed = try folder.remove(name)
    guard !removed.isEmpty else {
      var words = "there is no plugin \(name) in \(folder.path)"
      if let other = try InstalledPlugin.all.first(where: { (try? $0.plugin.get().name) == name }) {
        words += "; it is installed as \(other.manifest)"
      }
      throw Failure(words)
    }
    try standardOutput("removed \(name)\n" + removed.map { "  \($0)\n" }.joined())
  }
}

/// Names of plugins, as the library has them.
enum PluginName {
  static func isWellFormed(_ name: String) -> Bool {
    func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte) }
    guard let first = name.utf8.first, isLetter(first), name.utf8.count <= 64 else { return false }
    return name.utf8.allSatisfy { isLetter($0) || (48...57).contains($0) || $0 == 45 }
  }

  static func failure(_ name: String) -> Failure {
    Failure(
      "\"\(name)\" is no name for a plugin: lower-case letters, digits and hyphens, a letter first, at most"
        + " 64", code: .usage)
  }
}

/// The names of what is in a folder, in alphabetical order.
func folderNames(_ path: String) throws -> [String] {
  guard let folder = opendir(path) else {
    throw Failure("cannot read \(path): \(systemMessage(errno))")
  }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}
