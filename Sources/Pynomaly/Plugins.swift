import CPynomaly
import Detection
import Glibc
import Plugins

/// Fill the caller's structure, whose size was checked, with what lives as long as the process.
private func write(_ plugin: LoadedPlugin, to target: UnsafeMutablePointer<pyn_plugin_info>) {
  target.pointee.name = interned(plugin.name)
  target.pointee.version = interned("\(plugin.version)")
  target.pointee.description = interned(plugin.description)
  target.pointee.author = plugin.author.flatMap { interned($0) }
  target.pointee.licence = plugin.licence.flatMap { interned($0) }
  target.pointee.path = interned(plugin.path)
  target.pointee.abi_version = plugin.abi
  target.pointee.reserved = 0
  target.pointee.detector_count = Int64(plugin.detectors.count)
  target.pointee.detectors = internedList(plugin.detectors)
  target.pointee.allocated_blocks = plugin.allocatedBlocks
}

/// The caller's structure, which may be NULL.
private func checked(
  _ info: UnsafeMutablePointer<pyn_plugin_info>?
) throws(DetectionError) -> UnsafeMutablePointer<pyn_plugin_info>? {
  guard let info else { return nil }
  try check(
    structSize: info.pointee.struct_size, atLeast: MemoryLayout<pyn_plugin_info>.size,
    "pyn_plugin_info")
  return info
}

@_cdecl("pyn_plugin_load") @implementation
public func pyn_plugin_load(
  _ plugin: UnsafePointer<CChar>?, _ info: UnsafeMutablePointer<pyn_plugin_info>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let name = try text(plugin, "plugin")
    let info = try checked(info)
    let loaded = try PluginSearch.load(name)
    if let info { write(loaded, to: info) }
  }
}

@_cdecl("pyn_plugin_load_detector") @implementation
public func pyn_plugin_load_detector(
  _ detector: UnsafePointer<CChar>?, _ info: UnsafeMutablePointer<pyn_plugin_info>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let name = try text(detector, "detector")
    let info = try checked(info)
    if let loaded = try PluginSearch.load(detector: name), let info { write(loaded, to: info) }
  }
}

/// Tell each installed manifest to `visit`; `body` says what is told of it.
private func visitManifests(
  _ visit: pyn_plugin_visitor?, _ context: UnsafeMutableRawPointer?,
  _ body: (
    String, (UnsafePointer<pyn_plugin_info>?, DetectionError?) -> Int32
  ) -> Int32
) throws(DetectionError) {
  for path in PluginSearch.manifests {
    let answer = body(path) { info, failure in
      guard let visit else { return 0 }
      guard let failure else { return visit(path, info, nil, context) }
      var told = pyn_error()
      told.struct_size = MemoryLayout<pyn_error>.size
      report(failure, to: &told)
      return visit(path, nil, &told, context)
    }
    if answer != 0 { throw DetectionError(.cancelled, "cancelled by the visitor") }
  }
}

@_cdecl("pyn_plugin_load_all") @implementation
public func pyn_plugin_load_all(
  _ visit: pyn_plugin_visitor?, _ context: UnsafeMutableRawPointer?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    var failures: [DetectionError] = []
    var count = 0
    try visitManifests(visit, context) { path, tell in
      count += 1
      do throws(DetectionError) {
        let plugin = try PluginSearch.load(PluginSearch.manifest(at: path))
        var info = pyn_plugin_info()
        info.struct_size = MemoryLayout<pyn_plugin_info>.size
        write(plugin, to: &info)
        return tell(&info, nil)
      } catch {
        failures.append(error)
        return tell(nil, error)
      }
    }
    guard let first = failures.first else { return }
    throw DetectionError(
      .plugin, "\(failures.count) of \(count) plugins could not be loaded. \(first.message)")
  }
}

@_cdecl("pyn_plugin_visit_installed") @implementation
public func pyn_plugin_visit_installed(
  _ visit: pyn_plugin_visitor?, _ context: UnsafeMutableRawPointer?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    _ = try required(visit, "visit")
    try visitManifests(visit, context) { path, tell in
      do throws(DetectionError) {
        return try PluginSearch.manifest(at: path).withInfo { tell($0, nil) }
      } catch {
        return tell(nil, error)
      }
    }
  }
}

extension PluginManifest {
  /// What the manifest says, as C has it, for as long as `body` runs.
  fileprivate func withInfo<Result>(
    _ body: (UnsafePointer<pyn_plugin_info>) -> Result
  ) -> Result {
    var strings = ([name, "\(version)", description, library] + detectors).map { strdup($0) }
    defer { strings.forEach { free($0) } }
    return strings.withUnsafeMutableBufferPointer { strings in
      strings.withMemoryRebound(to: UnsafePointer<CChar>?.self) { texts in
        var info = pyn_plugin_info()
        info.struct_size = MemoryLayout<pyn_plugin_info>.size
        info.name = texts[0]
        info.version = texts[1]
        info.description = texts[2]
        info.path = texts[3]
        info.abi_version = Int32(clamping: abi)
        info.detector_count = Int64(detectors.count)
        info.detectors = texts.baseAddress.map { UnsafePointer($0 + 4) }
        return body(&info)
      }
    }
  }
}

@_cdecl("pyn_plugin_count") @implementation
public func pyn_plugin_count() -> Int64 { Int64(LoadedPlugins.all.count) }

@_cdecl("pyn_plugin_get_info") @implementation
public func pyn_plugin_get_info(
  _ index: Int64, _ info: UnsafeMutablePointer<pyn_plugin_info>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(checked(info), "info")
    let plugins = LoadedPlugins.all
    guard index >= 0, index < Int64(plugins.count) else {
      throw DetectionError(
        .invalidArgument, "there is no plugin \(index); \(plugins.count) are loaded")
    }
    write(plugins[Int(index)], to: target)
  }
}

@_cdecl("pyn_plugin_folder_at") @implementation
public func pyn_plugin_folder_at(_ index: Int64) -> UnsafePointer<CChar>? {
  let folders = PluginSearch.folders
  guard index >= 0, index < Int64(folders.count) else { return nil }
  return interned(folders[Int(index)])
}

@_cdecl("pyn_set_log_callback") @implementation
public func pyn_set_log_callback(
  _ callback: pyn_log_callback?, _ context: UnsafeMutableRawPointer?
) {
  PluginLog.setCallback(callback, context: context)
}
