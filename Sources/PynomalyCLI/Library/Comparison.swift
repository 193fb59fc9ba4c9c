import CPynomaly
import Glibc

/// An earlier recording, and pictures of how others differ from it.
struct Comparison {
  private let path: String
  private let base: [UInt8]

  init(base path: String) throws {
    self.path = path
    base = try Comparison.content(of: path)
    if base.isEmpty { throw Failure("\(path) is empty; it must be a recording (record --format raw)") }
    _ = try draw(base, path, title: path)
  }

  /// recording: stacks, a line each, of a file or just recorded.
  func picture(of recording: [UInt8], _ name: String) throws -> [UInt8] {
    if recording.isEmpty { throw Failure("\(name) holds no samples to compare with \(path)") }
    return try draw(recording, name, title: "\(name), compared with \(path)")
  }

  private func draw(_ recording: [UInt8], _ file: String, title: String) throws -> [UInt8] {
    let sink = TextSink()
    do {
      try callLibrary { error in
        base.withUnsafeBytes { base in
          recording.withUnsafeBytes { recording in
            let (one, other) = (
              base.assumingMemoryBound(to: CChar.self), recording.assumingMemoryBound(to: CChar.self)
            )
            return pyn_profiler_compare(
              one.baseAddress, one.count, other.baseAddress, other.count, title, TextSink.write, sink.context,
              error)
          }
        }
      }
    } catch let error as LibraryError {
      throw Failure("\(error.message.hasPrefix("the base") ? path : file): \(error.message)")
    }
    return sink.bytes
  }

  static func content(of path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure("cannot read \(path): \(systemMessage(errno))") }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = read(descriptor, &chunk, chunk.count)
      if got == 0 { return content }
      if got < 0 {
        if errno == EINTR { continue }
        throw Failure("cannot read \(path): \(systemMessage(errno))")
      }
      content += chunk[..<got]
    }
  }
}
