import CPlugins
import Detection
import Glibc

/// Where installed plugins are, and finding them by name or by detector.
public enum PluginSearch {
  /// The folders, in order. Those of PYNOMALY_PLUGIN_PATH that are not absolute are left out: a plugin never
  /// comes from the current folder.
  public static var folders: [String] { places.folders }

  private static var places: (folders: [String], refused: [String]) {
    var folders: [String] = []
    var refused: [String] = []
    for folder in (environment("PYNOMALY_PLUGIN_PATH") ?? "").split(separator: ":") {
      if folder.hasPrefix("/") { folders.append(String(folder)) } else { refused.append(String(folder)) }
    }
    if let data = environment("XDG_DATA_HOME"), data.hasPrefix("/") {
      folders.append("\(data)/pynomaly/plugins")
    } else if let home = environment("HOME"), home.hasPrefix("/") {
      folders.append("\(home)/.local/share/pynomaly/plugins")
    }
    folders += ["/usr/local/lib/pynomaly/plugins", "/usr/lib/pynomaly/plugins"]
    return (folders, refused)
  }

  /// The variable, in programs that run with the rights of whoever started them.
  private static func environment(_ name: String) -> String? {
    guard let value = cplugins_environment(name), value.pointee != 0 else { return nil }
    return String(validatingCString: value)
  }

  /// Load a shared object, a manifest, or the installed plugin of that name.
  public static func load(_ plugin: String) throws(DetectionError) -> LoadedPlugin {
    if plugin.hasSuffix(".toml") { return try load(PluginManifest(at: plugin)) }
    if plugin.contains("/") || plugin.hasSuffix(".so") {
      return try LoadedPlugins.load(library: plugin)
    }
    guard PluginNames.isPlugin(plugin) else {
      throw DetectionError(
        .plugin,
        "\"\(plugin)\" is neither a path (with a slash, or ending in .so or .toml) nor a plugin's name:"
          + " \(PluginNames.pluginRule)")
    }
    if let loaded = LoadedPlugins.all.first(where: { $0.name == plugin }) { return loaded }
    for folder in folders {
      let path = "\(folder)/\(plugin).toml"
      if access(path, F_OK) == 0 { return try load(PluginManifest(at: path)) }
    }
    throw DetectionError(
      .plugin, "no plugin \"\(plugin)\" is installed; looked for \(looked(for: "\(plugin).toml"))")
  }

  /// Load the installed plugin whose manifest lists the detector.
  public static func load(detector: String) throws(DetectionError) -> LoadedPlugin? {
    if let found = try? Registry.find(detector) {
      return LoadedPlugins.all.first { $0.name == found.info.origin?.plugin }
    }
    var broken: [String] = []
    for path in manifests {
      do throws(DetectionError) {
        let manifest = try PluginManifest(at: path)
        if manifest.detectors.contains(detector) { return try load(manifest) }
      } catch {
        broken.append(error.message)
      }
    }
    let names = Registry.classes.map(\.info.name).joined(separator: ", ")
    throw DetectionError(
      .unknownDetector,
      "there is no detector \"\(detector)\"; the detectors are \(names). Nor does a plugin's manifest list"
        + " it in \(looked(for: "*.toml"))"
        + (broken.isEmpty ? "" : ". Not usable: \(broken.joined(separator: "; "))"))
  }

  public static func load(_ manifest: PluginManifest) throws(DetectionError) -> LoadedPlugin {
    let served = PluginHost.versions
    guard manifest.abi >= Int(served.lowerBound), manifest.abi <= Int(served.upperBound) else {
      throw DetectionError(
        .plugin,
        "\(manifest.path): it has plugin ABI \(manifest.abi); this library serves"
          + " \(served.lowerBound) to \(served.upperBound):"
          + (manifest.abi > Int(served.upperBound)
            ? " update libpynomaly" : " use a newer build of the plugin"))
    }
    do throws(DetectionError) {
      return try LoadedPlugins.load(library: manifest.library, manifest: manifest)
    } catch {
      var failure = error
      if !failure.message.hasPrefix(manifest.path) {
        failure.message = "\(manifest.path): \(failure.message)"
      }
      throw failure
    }
  }

  public static func manifest(at path: String) throws(DetectionError) -> PluginManifest {
    try PluginManifest(at: path)
  }

  /// The manifests of all folders; of two with the same name the first counts.
  public static var manifests: [String] {
    var seen: Set<String> = []
    var found: [String] = []
    for folder in folders {
      for name in entries(of: folder).sorted() where name.hasSuffix(".toml") && !name.hasPrefix(".") {
        if seen.insert(name).inserted { found.append("\(folder)/\(name)") }
      }
    }
    return found
  }

  private static func entries(of folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      if let name { names.append(name) }
    }
    return names
  }

  private static func looked(for file: String) -> String {
    let (folders, refused) = places
    let relative = refused.map { "\($0) of PYNOMALY_PLUGIN_PATH is not absolute and was left out" }
    return (folders.map { "\($0)/\(file)" } + relative).joined(separator: ", ")
  }
}
