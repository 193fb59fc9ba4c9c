import ArgumentParser

struct PluginList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the installed plugins, and what is wrong with those that are.",
    discussion: "Reads the manifests; loads nothing.")

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    let installed = try InstalledPlugin.all
    let folders = PluginDescription.folders
    try standardOutput(json ? Self.json(installed, folders).text() + "\n" : Self.text(installed, folders))
  }

  private static func text(_ installed: [InstalledPlugin], _ folders: [String]) -> String {
    var table = TextTable(alignments: [.left, .left, .left, .left])
    var broken = ""
    for plugin in installed {
      switch plugin.plugin {
      case .success(let found):
        table.rows.append([
          found.name, found.version, found.detectors.joined(separator: ", "), found.description,
        ])
      case .failure(let error):
        broken += "\(plugin.manifest)\n    cannot be used: \(wrap(error.message, width: 100, indent: 4))\n"
      }
    }
    var text =
      table.rows.isEmpty
      ? "No plugin is installed.\n"
      : TextTable(
        alignments: table.alignments,
        rows: [["plugin", "version", "detectors", "description"]] + table.rows
      ).text
    if !broken.isEmpty { text += "\n" + broken }
    text += "\nfolders searched:\n" + folders.map { "  \($0)\n" }.joined()
    return text
  }

  private static func json(_ installed: [InstalledPlugin], _ folders: [String]) -> JSON {
    .object([
      (
        "plugins",
        .array(
          installed.map { plugin in
            switch plugin.plugin {
            case .success(let found):
              .object([("manifest", .string(plugin.manifest)), ("plugin", found.json), ("error", .null)])
            case .failure(let error):
              .object([
                ("manifest", .string(plugin.manifest)), ("plugin", .null),
                ("error", .string(error.message)),
              ])
            }
          })
      ),
      ("folders", .array(folders.map { .string($0) })),
    ])
  }
}
