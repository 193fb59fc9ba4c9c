import Glibc

/// The folder that plugins are installed in, and the files of one there.
struct PluginFolder {
  let path: String

  static let system = "/usr/local/lib/pynomaly/plugins"

  /// The user's own, or the system's.
  init(system: Bool) throws {
    if system {
      path = PluginFolder.system
    } else if let data = environment("XDG_DATA_HOME"), data.hasPrefix("/") {
      path = "\(data)/pynomaly/plugins"
    } else if let home = environment("HOME"), home.hasPrefix("/") {
      path = "\(home)/.local/share/pynomaly/plugins"
    } else {
      throw Failure("neither XDG_DATA_HOME nor HOME says where the user's files are")
    }
  }

  func manifest(_ name: String) -> String { "\(path)/\(name).toml" }

  /// Makes the folder and those above it.
  func make() throws { try makeFolders(path) }

  /// Copies the library, then writes the manifest: whoever looks meanwhile finds the old plugin or the new.
  func install(_ plugin: PluginDescription) throws -> (manifest: String, library: String) {
    try make()
    let library = "\(plugin.name)-\(plugin.version).so"
    let bytes = try readBytes(plugin.path, limit: 1 << 30)
    let old = try? libraries(of: plugin.name)
    try replace("\(path)/\(library)", with: bytes, mode: 0o755)
    try replace(manifest(plugin.name), with: Array(manifestText(plugin, library).utf8), mode: 0o644)
    for name in old ?? [] where name != library { unlink("\(path)/\(name)") }
    return (manifest(plugin.name), "\(path)/\(library)")
  }

  /// Takes away the manifest, then the library. False when there is no such plugin here.
  func remove(_ name: String) throws -> [String] {
    let manifest = manifest(name)
    guard access(manifest, F_OK) == 0 else { return [] }
    let libraries = try libraries(of: name)
    guard unlink(manifest) == 0 else {
      throw Failure("cannot remove \(manifest): \(systemMessage(errno))")
    }
    var removed = [manifest]
    for library in libraries {
      let path = "\(path)/\(library)"
      if unlink(path) == 0 {
        removed.append(path)
      } else if errno != ENOENT {
        throw Failure("cannot remove \(path): \(systemMessage(errno))")
      }
    }
    return removed
  }

  /// The libraries that the manifest names, where they are files of this very folder.
  private func libraries(of name: String) throws -> [String] {
    let text = String(decoding: try readBytes(manifest(name), limit: 1 << 20), as: UTF8.self)
    var isLibrary = false
    var names: [String] = []
    for line in text.split(whereSeparator: \.isNewline) {
      if line.hasPrefix("[") { isLibrary = line.hasPrefix("[library]") }
      guard isLibrary, line.hasPrefix("linux-"), let equals = line.firstIndex(of: "=") else { continue }
      let value = line[equals...].split(separator: "\"", omittingEmptySubsequences: false)
      if value.count >= 2, !value[1].contains("/"), value[1].hasSuffix(".so") {
        names.append(String(value[1]))
      }
    }
    return names
  }

  private func manifestText(_ plugin: PluginDescription, _ library: String) -> String {
    var text = """
      manifest_version = 1
      name = \(quoted(plugin.name))
      version = \(quoted(plugin.version))
      abi = \(plugin.abiVersion)
      description = \(quoted(plugin.description))

      """
    text += "detectors = [\(plugin.detectors.map(quoted).joined(separator: ", "))]\n"
    text += "[library]\nlinux-\(PluginFolder.architecture) = \(quoted(library))\n"
    return text
  }

  #if arch(x86_64)
    static let architecture = "x86_64"
  #elseif arch(arm64)
    static let architecture = "aarch64"
  #else
    static let architecture = "unknown"
  #endif

  /// A basic string of TOML.
  private func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f: quoted += " "
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

/// Makes a folder and those above it, writable for the user alone.
func makeFolders(_ path: String) throws {
  var made = path.hasPrefix("/") ? "" : "."
  for part in path.split(separator: "/") {
    made += "/\(part)"
    if mkdir(made, 0o755) != 0 {
      let code = errno
      var status = stat()
      guard code == EEXIST || code == EROFS || code == EACCES, stat(made, &status) == 0,
        status.st_mode & S_IFMT == S_IFDIR
      else {
        throw Failure("cannot make the folder \(made): \(systemMessage(code == EEXIST ? ENOTDIR : code))")
      }
    }
  }
}

/// Writes beside the place and renames, so that the file is the old one or the new one, never a part.
func replace(_ path: String, with bytes: [UInt8], mode: mode_t) throws {
  var name = Array("\(path).XXXXXX".utf8CString)
  let file = name.withUnsafeMutableBufferPointer { $0.baseAddress.map { mkstemp($0) } ?? -1 }
  guard file >= 0 else { throw Failure("cannot write \(path): \(systemMessage(errno))") }
  var done = 0
  while done < bytes.count {
    let put = bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map { write(file, $0 + done, bytes.count - done) } ?? 0
    }
    if put < 0 && errno == EINTR { continue }
    guard put > 0 else { break }
    done += put
  }
  let isWritten = done == bytes.count && fchmod(file, mode) == 0 && fsync(file) == 0
  let code = errno
  guard close(file) == 0, isWritten, rename(name, path) == 0 else {
    let failed = isWritten ? errno : code
    unlink(name)
    throw Failure("cannot write \(path): \(systemMessage(failed))")
  }
}
