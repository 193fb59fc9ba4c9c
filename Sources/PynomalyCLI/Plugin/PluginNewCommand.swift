import ArgumentParser
import Glibc

enum PluginLanguage: String, ExpressibleByArgument, CaseIterable {
  case c, cpp, swift
}

struct PluginNew: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Write a project for a plugin of your own.",
    discussion: "It builds as it is, and passes \"pynomaly plugin check\".")

  @Argument(
    help: ArgumentHelp(
      "The plugin's name: lower-case letters, digits and hyphens, e.g. my-detector.", valueName: "name"))
  var name: String

  @Option(help: ArgumentHelp("c, cpp or swift.", valueName: "language"))
  var language: PluginLanguage

  @Option(
    help: ArgumentHelp(
      "The detector's class name. Without it made of the plugin's: my-detector gives MyDetector.",
      valueName: "name"))
  var detector: String?

  @Option(
    help: ArgumentHelp("The folder to make. Without it ./NAME.", valueName: "folder"),
    completion: .directory)
  var output: String?

  func run() throws {
    guard PluginName.isWellFormed(name) else { throw PluginName.failure(name) }
    let detector = detector ?? PluginNew.className(name)
    guard PluginNew.isClassName(detector) else {
      throw Failure(
        "--detector \(detector): expected a letter, then up to 63 letters, digits and underscores",
        code: .usage)
    }
    guard !DetectorDescription.names.contains(detector) else {
      throw Failure(
        "--detector \(detector): the library has a detector of that name; choose another", code: .usage)
    }
    let files = PluginTemplates.files.filter { $0.language == language.rawValue }
    guard !files.isEmpty else { throw Failure("there is no template for \(language.rawValue)") }
    let folder = output ?? name
    guard mkdir(folder, 0o777) == 0 else {
      throw Failure(
        errno == EEXIST
          ? "\(folder) exists already; --output names another folder"
          : "cannot make the folder \(folder): \(systemMessage(errno))")
    }
    let words = [
      ("@NAME@", name), ("@DETECTOR@", detector), ("@IDENTIFIER@", PluginNew.identifier(name)),
      ("@VERSION@", Library.version),
    ]
    func fill(_ text: String) -> String {
      words.reduce(text) { PluginNew.replace($0, $1.0, with: $1.1) }
    }
    var made: [String] = []
    for file in files {
      let path = fill(file.path)
      let place = "\(folder)/\(path)"
      if let slash = place.lastIndex(of: "/") { try makeFolders(String(place[..<slash])) }
      let output = try OutputFile(place)
      try output.write(fill(file.text))
      try output.commit()
      if file.text.hasPrefix("#!") { chmod(place, 0o755) }
      made.append(path)
    }
    try standardOutput(
      "wrote \(folder), the plugin \(name) with the detector \(detector):\n"
        + made.sorted().map { "  \($0)\n" }.joined()
        + "next:\n  cd \(folder)\n  make\n  pynomaly plugin check build/lib\(name).so\n  make install\n")
  }

  /// my-detector as MyDetector.
  private static func className(_ name: String) -> String {
    name.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  /// my-detector as my_detector.
  private static func identifier(_ name: String) -> String {
    String(name.map { $0 == "-" ? "_" : $0 })
  }

  private static func isClassName(_ name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= 64 else { return false }
    func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
    return isLetter(first)
      && name.utf8.allSatisfy { isLetter($0) || (48...57).contains($0) || $0 == 95 }
  }

  private static func replace(_ text: String, _ word: String, with value: String) -> String {
    var result = ""
    var rest = text[...]
    while let found = rest.firstRange(of: word) {
      result += rest[..<found.lowerBound] + value
      rest = rest[found.upperBound...]
    }
    return result + rest
  }
}
