import ArgumentParser

struct PluginInfo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Describe a plugin.",
    discussion: """
      Of an installed plugin it tells what the manifest says, and loads it only with --load; a file is \
      loaded. A loaded plugin tells its detectors with their options.
      """)

  @Argument(
    help: ArgumentHelp("The name of an installed plugin, a shared object or a manifest.", valueName: "plugin"),
    completion: .custom { _, _, _ in InstalledPlugin.names })
  var plugin: String

  @Flag(help: "Load the plugin, and ask it.")
  var load = false

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    var manifest: InstalledPlugin?
    if !PluginPath.isFile(plugin) {
      manifest = try InstalledPlugin.all.first { (try? $0.plugin.get().name) == plugin }
    }
    let isLoaded = load || manifest == nil
    let found: PluginDescription
    if !isLoaded, let manifest {
      found = try manifest.plugin.get()
    } else {
      found = try PluginDescription(loading: PluginPath.isFile(plugin) ? PluginPath.absolute(plugin) : plugin)
    }
    let detectors = isLoaded ? try found.detectors.map { try DetectorDescription(name: $0) } : []
    if json {
      try standardOutput(
        JSON.object([
          ("manifest", manifest.map { .string($0.manifest) } ?? .null),
          ("loaded", .bool(isLoaded)), ("plugin", found.json),
          ("detectors", isLoaded ? .array(detectors.map(\.json)) : .null),
        ]).text() + "\n")
      return
    }
    var rows = [["plugin", "\(found.name) \(found.version)"]]
    if !found.description.isEmpty { rows.append(["description", wrap(found.description, width: 100, indent: 13)]) }
    if let author = found.author { rows.append(["author", author]) }
    if let licence = found.licence { rows.append(["licence", licence]) }
    rows.append(["plugin ABI", "\(found.abiVersion)"])
    rows.append(["library", found.path])
    if let manifest { rows.append(["manifest", manifest.manifest]) }
    if !isLoaded {
      rows.append(["detectors", found.detectors.joined(separator: ", ")])
    }
    var text = TextTable(alignments: [.left, .left], rows: rows).text
    if !isLoaded { text += "\nas its manifest says; --load asks the plugin\n" }
    for detector in detectors { text += "\n" + detector.text }
    try standardOutput(text)
  }
}
