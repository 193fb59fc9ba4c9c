import ArgumentParser

struct Detectors: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the detectors, or the options of one.")

  @Argument(
    help: "The detector to describe.", completion: .custom { _, _, _ in DetectorDescription.names })
  var name: String?

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    let names = name.map { [$0] } ?? DetectorDescription.names
    let found: [DetectorDescription]
    do {
      found = try names.map { try DetectorDescription(name: $0) }
    } catch let error as LibraryError {
      throw Failure(error.message, code: .usage)
    }
    if json {
      let values = found.map(\.json)
      try standardOutput((name == nil ? JSON.array(values) : values[0]).text() + "\n")
    } else if name == nil {
      let width = (found.map(\.name.count).max() ?? 0) + 2
      try standardOutput(
        found.map { pad($0.name, width) + wrap($0.description, width: 100, indent: width) + "\n" }
          .joined())
    } else {
      try standardOutput(found[0].text)
    }
  }
}

extension DetectorDescription {
  fileprivate var text: String {
    var text = "\(name): \(wrap(description, width: 96, indent: 0))\n"
    text += wrap(reference, width: 96, indent: 0) + "\n"
    if !capabilities.isEmpty { text += "can: \(capabilities.joined(separator: ", "))\n" }
    for option in options {
      text += "\n\(option.name) = \(option.defaultValue.text)\n"
      text += "    \(wrap(option.description, width: 96, indent: 4))\n"
      text += "    \(option.allowed)\n"
    }
    return text
  }

  fileprivate var json: JSON {
    .object([
      ("name", .string(name)), ("description", .string(description)),
      ("reference", .string(reference)),
      ("capabilities", .array(capabilities.map { .string($0) })),
      ("options", .array(options.map(\.json))),
    ])
  }
}

extension OptionDescription {
  fileprivate var json: JSON {
    let value: JSON =
      switch defaultValue {
      case .int(let value): .int(Int(value))
      case .double(let value): .number(value)
      case .bool(let value): .bool(value)
      case .string(let value): .string(value)
      }
    return .object([
      ("name", .string(name)), ("description", .string(description)),
      ("types", .array(types.map { .string($0) })), ("allowed", .string(allowed)),
      ("choices", .array(choices.map { .string($0) })), ("default", value),
    ])
  }
}
