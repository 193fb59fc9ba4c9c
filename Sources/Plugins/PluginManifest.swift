import CPlugins
import Detection

/// What is written beside an installed plugin, in TOML: see section 15 of pynomaly.h.
public struct PluginManifest: Sendable {
  public let path: String
  public let name: String
  public let version: Version
  public let abi: Int
  public let description: String
  public let detectors: [String]
  /// Of the shared object for this machine.
  public let library: String

  #if arch(x86_64)
    static let platform = "linux-x86_64"
  #elseif arch(arm64)
    static let platform = "linux-aarch64"
  #endif

  init(at path: String) throws(DetectionError) {
    self = try PluginFile.withFile(path) { (file) throws(DetectionError) in
      try PluginManifest(path: path, resolved: file.path, file.contents(limit: 1 << 13))
    }
  }

  private init(path: String, resolved: String, _ bytes: [UInt8]) throws(DetectionError) {
    self.path = path
    let leaves = try Leaves(bytes, path: path)
    let format = try leaves.integer("manifest_version")
    guard format == 1 else {
      throw DetectionError(
        .plugin,
        "\(path): manifest_version is \(format); this library reads 1: update libpynomaly")
    }
    name = try leaves.text("name")
    let file = path.split(separator: "/").last ?? ""
    guard PluginNames.isPlugin(name), file == "\(name).toml" else {
      throw DetectionError(
        .plugin,
        "\(path): name is \"\(name)\"; it must be \(PluginNames.pluginRule), and the file must be called"
          + " NAME.toml")
    }
    let versionText = try leaves.text("version")
    guard let version = Version(versionText) else {
      throw DetectionError(
        .plugin, "\(path): version is \"\(versionText)\"; three numbers are needed, such as 1.0.0")
    }
    self.version = version
    abi = try leaves.integer("abi")
    description = try leaves.text("description")
    detectors = leaves.texts("detectors")
    guard !detectors.isEmpty, detectors.allSatisfy(PluginNames.isDetector) else {
      throw DetectionError(
        .plugin, "\(path): detectors must list the names of the plugin's detectors, as [\"NAME\"]")
    }
    let relative = try leaves.text("library.\(PluginManifest.platform)")
    guard !relative.hasPrefix("/"), !relative.isEmpty,
      !relative.split(separator: "/").contains("..")
    else {
      throw DetectionError(
        .plugin,
        "\(path): library.\(PluginManifest.platform) is \"\(relative)\"; it must be the path of a file"
          + " beside the manifest or below it")
    }
    let folder = resolved.lastIndex(of: "/").map { resolved[..<$0] } ?? ""
    library = "\(folder)/\(relative)"
  }

  /// The loaded plugin must be the one that the manifest promises.
  func check(
    name found: String, version foundVersion: Version, detectors present: [String]
  ) throws(DetectionError) {
    guard found == name, foundVersion == version else {
      throw DetectionError(
        .plugin,
        "\(path) promises the plugin \(name) \(version), but \(library) is \(found)"
          + " \(foundVersion): install library and manifest together")
    }
    for detector in detectors where !present.contains(detector) {
      throw DetectionError(
        .plugin,
        "\(path) promises the detector \(detector), but \(library) has \(present.joined(separator: ", "))")
    }
  }
}

/// The values of a TOML document by their places.
private final class Leaves {
  private enum Value {
    case text(String)
    case integer(Int)
    case other
  }

  private let path: String
  private var values: [String: Value] = [:]

  init(_ bytes: [UInt8], path: String) throws(DetectionError) {
    self.path = path
    var message = [CChar](repeating: 0, count: 300)
    let status = bytes.withUnsafeBytes { bytes in
      cplugins_toml(
        bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count,
        { place, kind, text, length, integer, context in
          guard let place, let context else { return }
          let value: Value
          switch kind {
          case 0:
            let bytes = UnsafeRawBufferPointer(start: text, count: length)
            value = String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .other
          case 1: value = .integer(Int(integer))
          default: value = .other
          }
          Unmanaged<Leaves>.fromOpaque(context).takeUnretainedValue()
            .values[String(cString: place)] = value
        }, Unmanaged.passUnretained(self).toOpaque(), &message, message.count)
    }
    guard status == 0 else {
      let words = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw DetectionError(.plugin, "\(path): not TOML: \(words)")
    }
  }

  func integer(_ place: String) throws(DetectionError) -> Int {
    if case .integer(let value)? = values[place] { return value }
    throw wrong(place, "an integer")
  }

  func text(_ place: String) throws(DetectionError) -> String {
    if case .text(let value)? = values[place], !value.utf8.contains(0), value.utf8.count <= 4096 {
      return value
    }
    throw wrong(place, "a text")
  }

  /// An array of texts; empty when it is anything else.
  func texts(_ place: String) -> [String] {
    var texts: [String] = []
    while case .text(let value)? = values["\(place)[\(texts.count)]"] { texts.append(value) }
    return values["\(place)[\(texts.count)]"] == nil ? texts : []
  }

  private func wrong(_ place: String, _ what: String) -> DetectionError {
    DetectionError(
      .plugin, "\(path): \(place) \(values[place] == nil ? "is missing" : "is not \(what)")")
  }
}
