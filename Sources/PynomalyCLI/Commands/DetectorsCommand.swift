import ArgumentParser

struct Detectors: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the detectors, or the options of one.")

  @Argument(
    help: "The detector to describe.", completion: .custom { _, _, _ in DetectorDescription.names })
  var name: String?

  @OptionGroup(title: "Plugin options") var plugins: PluginOptions

  @Flag(help: "Load all installed plugins, and list their detectors too.")
  var installed = false

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    try plugins.load()
    if installed { try PluginDescription.loadAll() }
    let names = name.map { [$0] } ?? DetectorDescription.names
    let found: [DetectorDescription]
    do {
      found = try names.map { try PluginSearch.detector($0, DetectorDescription.init(name:)) }
    } catch let error as LibraryError {
      throw Failure(error.message, code: .usage)
    }
    if json {
      let values = found.map(\.json)
      try standardOutput((name == nil ? JSON.array(values) : values[0]).text() + "\n")
    } else if name == nil {
      let width = (found.map(\.name.count).max() ?? 0) + 2
      try standardOutput(
        found.map { detector in
          let origin = detector.plugin.map { " (plugin \($0))" } ?? ""
          return pad(detector.name, width)
            + wrap(detector.description + origin, width: 100, indent: width) + "\n"
        }.joined())
    } else {
      try standardOutput(found[0].text)
    }
  }
}

extension DetectorDescription {
  var text: String {
    var text = "\(name): \(wrap(description, width: 96, indent: 0))\n"
    text += wrap(reference, width: 96, indent: 0) + "\n"
    if let plugin { text += "of the plugin \(plugin), version \(version ?? "unknown")\n" }
    if !capabilities.isEmpty { text += "can: \(capabilities.joined(separator: ", "))\n" }
    for option in options {
      text += "\n\(option.name) = \(option.defaultValue.text)\n"
      text += "    \(wrap(option.description, width: 96, indent: 4))\n"
      text += "    \(option.allowed)\n"
    }
    return text
  }

  var json: JSON {
    .object([
      ("name", .string(name)), ("description", .string(description)),
      ("reference", .string(reference)),
      ("capabilities", .array(capabilities.map { .string($0) })),
      ("plugin", plugin.map { .string($0) } ?? .null),
      ("version", version.map { .string($0) } ?? .null),
      ("options", .array(options.map(\.json))),
    ])
  }
}

extension OptionDescription {
  fileprivate var json: JSON {
    .object([
      ("name", .string(name)), ("description", .string(description)),
      ("types", .array(types.map { .string($0) })), ("allowed", .string(allowed)),
      ("choices", .array(choices.map { .string($0) })), ("default", defaultValue.json),
    ])
  }
}
