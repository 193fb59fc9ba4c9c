import CPlugins
import CPynomaly
import Detection
import Glibc

/// A plugin's shared object, opened and asked for its tables.
enum PluginLibrary {
  /// Load the file and ask it. Its code runs from here on.
  static func open(
    _ file: PluginFile, host: PluginHost
  ) throws(DetectionError) -> (table: pyn_plugin, abi: Int32) {
    _ = dlerror()
    guard let library = dlopen(file.path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
      throw DetectionError(
        .plugin,
        "\(file.path): the system's loader refuses it: \(loaderWords())"
          + " (install what it depends on, or link the plugin with it)")
    }
    guard let symbol = dlsym(library, SharedObject.entryPoint) else {
      throw DetectionError(.plugin, "\(file.path): \(loaderWords())")
    }
    let initialise = unsafeBitCast(symbol, to: pyn_plugin_init_function.self)
    return try negotiate(file.path, initialise, host)
  }

  private static func loaderWords() -> String {
    dlerror().map { String(cString: $0) } ?? "no reason given"
  }

  /// Ask for the newest version; where the plugin has others, for the newest that both have.
  private static func negotiate(
    _ path: String, _ initialise: pyn_plugin_init_function, _ host: PluginHost
  ) throws(DetectionError) -> (table: pyn_plugin, abi: Int32) {
    let ours = PluginHost.versions
    var requested = ours.upperBound
    while true {
      let (table, status) = try ask(path, initialise, host, requested)
      if status == Status.ok.rawValue {
        guard table.abi_version == requested else {
          throw DetectionError(
            .plugin,
            "\(path): asked for plugin ABI \(requested), it answered with ABI \(table.abi_version): set"
              + " abi_version to the version asked for, or refuse it with NOT_SUPPORTED")
        }
        let size = MemoryLayout<pyn_plugin>.size
        guard table.struct_size >= size, table.struct_size <= answerSize else {
          throw DetectionError(
            .plugin,
            "\(path): struct_size of pyn_plugin is \(table.struct_size); \(size) was expected: set it to"
              + " sizeof(pyn_plugin)")
        }
        return (table, requested)
      }
      guard status == Status.notSupported.rawValue else {
        throw DetectionError(
          .plugin,
          "\(path): pynomaly_plugin_init failed with \(Status(rawValue: status).map { "\($0)" } ?? "\(status), which is no status")"
        )
      }
      let theirs = (table.abi_minimum, table.abi_maximum)
      let common = min(theirs.1, requested - 1)
      guard theirs.0 >= 1, theirs.0 <= theirs.1, common >= theirs.0, common >= ours.lowerBound else {
        throw refusal(path, theirs, ours)
      }
      requested = common
    }
  }

  private static func refusal(
    _ path: String, _ theirs: (Int32, Int32), _ ours: ClosedRange<Int32>
  ) -> DetectionError {
    let remedy =
      theirs.0 < 1 || theirs.0 > theirs.1
      ? "abi_minimum and abi_maximum must say which versions it has"
      : theirs.0 > ours.upperBound
        ? "update libpynomaly, or use an older build of the plugin"
        : "use a newer build of the plugin"
    return DetectionError(
      .plugin,
      "\(path): it has plugin ABI \(theirs.0) to \(theirs.1); this library serves \(ours.lowerBound) to"
        + " \(ours.upperBound): \(remedy)")
  }

  /// A plugin built with a later header may write a larger structure than ours.
  private static let answerSize = 4096

  private static func ask(
    _ path: String, _ initialise: pyn_plugin_init_function, _ host: PluginHost, _ requested: Int32
  ) throws(DetectionError) -> (pyn_plugin, pyn_status) {
    host.table.pointee.abi_version = requested
    var thrown = cplugins_exception()
    let (table, status) = withUnsafeTemporaryAllocation(byteCount: answerSize, alignment: 16) { room in
      room.initializeMemory(as: UInt8.self, repeating: 0)
      let table = room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: pyn_plugin.self)
      table.pointee.struct_size = MemoryLayout<pyn_plugin>.size
      let status = cplugins_init(initialise, host.table, requested, table, &thrown)
      return (table.pointee, status)
    }
    guard status != Int32(CPLUGINS_THREW) else {
      throw DetectionError(
        .plugin, "\(path): pynomaly_plugin_init threw a C++ exception: \(thrown.words)")
    }
    return (table, status)
  }
}
