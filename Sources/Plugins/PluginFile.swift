import Detection
import Glibc

/// A file that is opened and found safe to use: regular, and neither it nor its folder writable for everyone.
struct PluginFile {
  /// Tells a file from all others, also from a later one that was given its inode.
  struct Identity: Hashable {
    var device: dev_t
    var inode: ino_t
    var size: off_t
    var seconds: Int
    var nanoseconds: Int
  }

  /// Without symbolic links.
  let path: String
  let descriptor: Int32
  let size: UInt64
  let identity: Identity

  /// Opens the file for as long as `body` runs.
  static func withFile<Result>(
    _ path: String, _ body: (PluginFile) throws(DetectionError) -> Result
  ) throws(DetectionError) -> Result {
    guard let resolved = realpath(path, nil) else { throw failure("find", path) }
    defer { free(resolved) }
    // Whoever may write to a folder may put a link there.
    try checkFolder(of: path)
    let text = String(cString: resolved)
    let descriptor = open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure("open", text) }
    defer { close(descriptor) }
    return try body(PluginFile(text, descriptor))
  }

  private init(_ path: String, _ descriptor: Int32) throws(DetectionError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw PluginFile.failure("look at", path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw DetectionError(.plugin, "\(path): not a regular file")
    }
    try PluginFile.check(status.st_mode, path, "o-w")
    try PluginFile.checkFolder(of: path)
    self.path = path
    self.descriptor = descriptor
    size = UInt64(max(status.st_size, 0))
    identity = Identity(
      device: status.st_dev, inode: status.st_ino, size: status.st_size,
      seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
  }

  private static func checkFolder(of path: String) throws(DetectionError) {
    let folder =
      path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    var status = stat()
    guard stat(folder, &status) == 0 else { throw failure("look at", folder) }
    try check(status.st_mode, folder, "o-w")
  }

  private static func check(
    _ mode: mode_t, _ path: String, _ remedy: StaticString
  ) throws(DetectionError) {
    guard mode & S_IWOTH == 0 else {
      throw DetectionError(
        .plugin,
        "\(path) is writable for everyone, so anyone could put code there: chmod \(remedy) \(path)")
    }
  }

  private static func failure(_ doing: String, _ path: String) -> DetectionError {
    DetectionError(.io, "cannot \(doing) \(path): \(String(cString: strerror(errno)))")
  }

  /// All of it, for a file that should be small.
  func contents(limit: Int) throws(DetectionError) -> [UInt8] {
    guard size <= UInt64(limit) else {
      throw DetectionError(.plugin, "\(path): \(size) bytes are too many; allowed are \(limit)")
    }
    var bytes = [UInt8](repeating: 0, count: Int(size))
    let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    guard count == bytes.count else { throw PluginFile.failure("read", path) }
    return bytes
  }
}
