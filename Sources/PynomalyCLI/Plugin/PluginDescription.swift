import CPynomaly

/// What the library knows of a plugin: from its manifest, or from itself once it is loaded.
struct PluginDescription {
  var name: String
  var version: String
  var description: String
  var author: String?
  var licence: String?
  var path: String
  var abiVersion: Int
  var detectors: [String]

  init(_ info: pyn_plugin_info) {
    name = libraryString(info.name)
    version = libraryString(info.version)
    description = libraryString(info.description)
    author = info.author.map { libraryString($0) }
    licence = info.licence.map { libraryString($0) }
    path = libraryString(info.path)
    abiVersion = Int(info.abi_version)
    detectors = (0..<Int(info.detector_count)).map { libraryString(info.detectors?[$0]) }
  }

  /// Loads a plugin by its path or name.
  init(loading plugin: String) throws {
    self = try PluginDescription.asked { pyn_plugin_load(plugin, $0, $1) }
  }

  /// Loads the installed plugin that has the detector.
  init(loadingDetector name: String) throws {
    self = try PluginDescription.asked { pyn_plugin_load_detector(name, $0, $1) }
  }

  private static func asked(
    _ call: (UnsafeMutablePointer<pyn_plugin_info>, UnsafeMutablePointer<pyn_error>) -> pyn_status
  ) throws -> PluginDescription {
    var info = pyn_plugin_info()
    info.struct_size = MemoryLayout<pyn_plugin_info>.stride
    try callLibrary { call(&info, $0) }
    return PluginDescription(info)
  }

  /// Loads all that are installed; what is wrong with one goes to standard error.
  static func loadAll() throws {
    _ = try? callLibrary { error in
      pyn_plugin_load_all(
        { manifest, info, error, _ in
          if info == nil {
            standardError("pynomaly: \(libraryString(manifest)): \(LibraryError(error).message)\n")
          }
          return 0
        }, nil, error)
    }
  }

  /// Those that are loaded.
  static var loaded: [PluginDescription] {
    get throws {
      try (0..<pyn_plugin_count()).map { index in
        try asked { pyn_plugin_get_info(index, $0, $1) }
      }
    }
  }

  /// Memory that the loaded plugins took from the host and have not given back.
  static var allocatedBlocks: Int {
    (0..<pyn_plugin_count()).reduce(0) { sum, index in
      var info = pyn_plugin_info()
      info.struct_size = MemoryLayout<pyn_plugin_info>.stride
      _ = pyn_plugin_get_info(index, &info, nil)
      return sum + Int(info.allocated_blocks)
    }
  }

  /// The folders that are searched, in order.
  static var folders: [String] {
    var folders: [String] = []
    while let folder = pyn_plugin_folder_at(Int64(folders.count)) {
      folders.append(libraryString(folder))
    }
    return folders
  }

  /// For the report of a child, and back.
  var facts: [(String, String)] {
    [
      ("name", name), ("version", version), ("description", description), ("path", path),
      ("abi_version", "\(abiVersion)"),
    ] + (author.map { [("author", $0)] } ?? []) + (licence.map { [("licence", $0)] } ?? [])
  }

  init(facts: [(String, String)], detectors: [String]) {
    func fact(_ name: String) -> String? { facts.first { $0.0 == name }?.1 }
    name = fact("name") ?? ""
    version = fact("version") ?? ""
    description = fact("description") ?? ""
    author = fact("author")
    licence = fact("licence")
    path = fact("path") ?? ""
    abiVersion = fact("abi_version").flatMap { Int($0) } ?? 0
    self.detectors = detectors
  }

  var json: JSON {
    .object([
      ("name", .string(name)), ("version", .string(version)), ("description", .string(description)),
      ("author", author.map { .string($0) } ?? .null), ("licence", licence.map { .string($0) } ?? .null),
      ("path", .string(path)), ("abi_version", .int(abiVersion)),
      ("detectors", .array(detectors.map { .string($0) })),
    ])
  }
}

/// A manifest in one of the folders: what it says, or why it cannot be used.
struct InstalledPlugin {
  var manifest: String
  var plugin: Result<PluginDescription, LibraryError>

  /// All of them, without loading any.
  static var all: [InstalledPlugin] {
    get throws {
      final class List { var found: [InstalledPlugin] = [] }
      let list = List()
      try withExtendedLifetime(list) {
        try callLibrary { error in
          pyn_plugin_visit_installed(
            { manifest, info, error, context in
              guard let context else { return 1 }
              let list = Unmanaged<List>.fromOpaque(context).takeUnretainedValue()
              let plugin: Result<PluginDescription, LibraryError>
              if let info {
                plugin = .success(PluginDescription(info.pointee))
              } else {
                plugin = .failure(LibraryError(error))
              }
              list.found.append(InstalledPlugin(manifest: libraryString(manifest), plugin: plugin))
              return 0
            }, Unmanaged.passUnretained(list).toOpaque(), error)
        }
      }
      return list.found
    }
  }

  /// For completions.
  static var names: [String] {
    ((try? all) ?? []).compactMap { try? $0.plugin.get().name }
  }
}
