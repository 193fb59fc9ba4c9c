import ArgumentParser
import CPynomaly

/// Which plugins to load before anything else.
struct PluginOptions: ParsableArguments {
  @Option(
    name: .customLong("plugin"), parsing: .singleValue,
    help: ArgumentHelp(
      """
      Load a plugin: a shared object, a manifest, or the name of an installed one. May be given several \
      times. An installed plugin with the detector that is asked for is found without it.
      """, valueName: "file or name"),
    completion: .file(extensions: ["so", "toml"]))
  var plugins: [String] = []

  func load(quiet: Bool = false) throws {
    PluginLog.listen(quiet: quiet)
    for plugin in plugins {
      do {
        _ = try PluginDescription(loading: PluginPath.isFile(plugin) ? PluginPath.absolute(plugin) : plugin)
      } catch let error as LibraryError {
        throw Failure("--plugin \(plugin): \(error.message)")
      }
    }
  }
}

/// What plugins say while they work goes to standard error.
enum PluginLog {
  /// Warnings and errors; errors alone when quiet.
  static func listen(quiet: Bool) {
    let level = quiet ? PYN_LOG_ERROR : PYN_LOG_WARNING
    pyn_set_log_callback(
      { level, plugin, message, context in
        guard Int(level) >= Int(bitPattern: context) else { return }
        let words = libraryString(message).map { $0.isNewline ? " " : String($0) }.joined()
        standardError("pynomaly: plugin \(libraryString(plugin)): \(words)\n")
      }, UnsafeMutableRawPointer(bitPattern: Int(level)))
  }
}

/// Finds what the library does not have among the installed plugins.
enum PluginSearch {
  /// Makes or describes the detector of that name, after loading the installed plugin that has it if need be.
  static func detector<Found>(_ name: String, _ find: (String) throws -> Found) throws -> Found {
    do {
      return try find(name)
    } catch let unknown as LibraryError where unknown.has(PYN_ERROR_UNKNOWN_DETECTOR) {
      do {
        _ = try PluginDescription(loadingDetector: name)
      } catch let error as LibraryError where error.has(PYN_ERROR_UNKNOWN_DETECTOR) {
        throw LibraryError(
          status: error.status, message: "\(error.message). \(installed)", row: -1, column: -1)
      }
      return try find(name)
    }
  }

  /// Sets an option by a text, after loading the installed plugins with the detectors that it names.
  static func detectors(within text: String, _ set: () throws -> Void) throws {
    var tried: Set<String> = []
    while true {
      do {
        return try set()
      } catch let unknown as LibraryError where unknown.has(PYN_ERROR_INVALID_OPTION) {
        // The library names the first that it does not have.
        let name = DetectorDescription.words(of: text).first {
          unknown.message.contains("there is no detector \"\($0)\"")
        }
        guard let name else { throw unknown }
        let isNew = tried.insert(name).inserted
        do {
          guard isNew else { throw unknown }
          _ = try PluginDescription(loadingDetector: name)
        } catch let error as LibraryError where error.has(PYN_ERROR_UNKNOWN_DETECTOR) {
          throw LibraryError(
            status: unknown.status, message: "\(unknown.message). \(installed)", row: -1, column: -1)
        }
      }
    }
  }

  /// Loads a model, and the installed plugin that it needs.
  static func model(at path: String) throws -> Detector {
    do {
      return try Detector(modelAt: path)
    } catch let missing as LibraryError where missing.has(PYN_ERROR_MODEL_VERSION) {
      // The library names the plugin.
      let name = InstalledPlugin.names.first { missing.message.contains("of the plugin \"\($0)\"") }
      if let name, try PluginDescription.loaded.allSatisfy({ $0.name != name }) {
        _ = try PluginDescription(loading: name)
        return try Detector(modelAt: path)
      }
      guard missing.message.contains("of the plugin") else { throw missing }
      throw Failure("\(path): \(missing.message). \(installed)")
    }
  }

  /// In words, the plugins that were looked at.
  private static var installed: String {
    let installed = (try? InstalledPlugin.all) ?? []
    guard !installed.isEmpty else {
      return "No plugin is installed in \(PluginDescription.folders.joined(separator: ", "))"
    }
    let words = installed.map { plugin in
      switch plugin.plugin {
      case .success(let found): "\(found.name) (\(found.detectors.joined(separator: ", ")))"
      case .failure: "\(plugin.manifest) (cannot be used: see pynomaly plugin list)"
      }
    }
    return "Plugins looked at: \(words.joined(separator: ", "))"
  }
}
