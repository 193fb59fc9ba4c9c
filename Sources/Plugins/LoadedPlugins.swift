import CPynomaly
import Detection
import Glibc

/// A plugin that is loaded, for as long as the process lives.
public final class LoadedPlugin: @unchecked Sendable {
  public let name: String
  public let version: Version
  public let description: String
  public let author: String?
  public let licence: String?
  public let path: String
  public let abi: Int32
  public let detectors: [String]
  let identity: PluginFile.Identity
  private let host: PluginHost

  init(_ found: PluginDescription, file: PluginFile, abi: Int32, host: PluginHost) {
    name = found.name
    version = found.version
    description = found.description
    author = found.author
    licence = found.licence
    path = file.path
    self.abi = abi
    detectors = found.classes.map(\.info.name)
    identity = file.identity
    self.host = host
  }

  public var allocatedBlocks: Int64 { host.allocatedBlocks }
}

/// The plugins that are loaded. One thread loads at a time; all may look.
public enum LoadedPlugins {
  private static let store = PluginStore()

  public static var all: [LoadedPlugin] { store.all }

  /// Load a shared object; `manifest` is what promised it, if anything did.
  public static func load(
    library path: String, manifest: PluginManifest? = nil
  ) throws(DetectionError) -> LoadedPlugin {
    try store.load(path, manifest)
  }
}

private final class PluginStore: @unchecked Sendable {
  private var loading = pthread_mutex_t()
  private var lock = pthread_mutex_t()
  private var plugins: [LoadedPlugin] = []
  /// What was opened under each path: the system's loader goes by that, too.
  private var opened: [String: PluginFile.Identity] = [:]
  /// Of every file that was ever loaded.
  private var hosts: [PluginFile.Identity: PluginHost] = [:]

  init() {
    // A plugin's init may find its way back here.
    var attributes = pthread_mutexattr_t()
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
    pthread_mutex_init(&loading, &attributes)
    pthread_mutexattr_destroy(&attributes)
    pthread_mutex_init(&lock, nil)
  }

  var all: [LoadedPlugin] {
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    return plugins
  }

  private func host(of file: PluginFile) throws(DetectionError) -> PluginHost {
    if let known = hosts[file.identity] { return known }
    let host = try PluginHost.make(path: file.path)
    hosts[file.identity] = host
    return host
  }

  func load(
    _ path: String, _ manifest: PluginManifest?
  ) throws(DetectionError) -> LoadedPlugin {
    pthread_mutex_lock(&loading)
    defer { pthread_mutex_unlock(&loading) }
    return try PluginFile.withFile(path) { (file) throws(DetectionError) in
      if let known = all.first(where: { $0.identity == file.identity }) {
        try manifest?.check(name: known.name, version: known.version, detectors: known.detectors)
        return known
      }
      if let earlier = opened[file.path], earlier != file.identity {
        throw DetectionError(
          .plugin,
          "\(file.path): it was replaced since this program loaded it: restart the program to load the new one"
        )
      }
      _ = try SharedObject(file: file.descriptor, size: file.size, path: file.path)
      let host = try host(of: file)
      opened[file.path] = file.identity
      let (table, abi) = try PluginLibrary.open(file, host: host)
      let found = try PluginDescription(table, path: file.path)
      host.setName(found.name)
      try manifest?.check(
        name: found.name, version: found.version, detectors: found.classes.map(\.info.name))
      if let other = all.first(where: { $0.name == found.name }) {
        throw DetectionError(
          .plugin,
          "\(file.path): a plugin called \(found.name) is loaded already, version \(other.version) from"
            + " \(other.path)")
      }
      if let taken = Registry.add(found.classes) {
        throw DetectionError(
          .plugin, "\(file.path): there is a detector called \(taken) already; nothing was added")
      }
      let plugin = LoadedPlugin(found, file: file, abi: abi, host: host)
      pthread_mutex_lock(&lock)
      plugins.append(plugin)
      pthread_mutex_unlock(&lock)
      return plugin
    }
  }
}
