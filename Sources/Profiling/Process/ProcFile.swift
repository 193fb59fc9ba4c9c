import Glibc

/// The files of /proc, read whole.
enum ProcFile {
  static func read(_ path: String, limit: Int = 1 << 26) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = 1 << 14
    while bytes.count < limit {
      let before = bytes.count
      var got = 0
      bytes.append(contentsOf: repeatElement(0, count: chunk))
      bytes.withUnsafeMutableBytes { buffer in
        guard let base = buffer.baseAddress else { return }
        repeat {
          got = Glibc.read(descriptor, base + before, chunk)
        } while got < 0 && errno == EINTR
      }
      bytes.removeLast(chunk - max(got, 0))
      if got < 0 && before == 0 { return nil }
      if got <= 0 { break }
      chunk = min(chunk * 2, 1 << 20)
    }
    return bytes
  }

  static func text(_ path: String) -> String? {
    read(path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The words behind `name:` in a file like /proc/PID/status.
  static func field(_ name: String, of text: String) -> [Substring]? {
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      let rest = line.dropFirst(name.utf8.count)
      guard rest.first == ":" else { continue }
      return rest.dropFirst().split { $0 == " " || $0 == "\t" }
    }
    return nil
  }

  static func entries(_ path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}
