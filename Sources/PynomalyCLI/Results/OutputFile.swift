import Glibc

/// A file that is there whole or not at all: written beside its place under another name, and renamed
/// by `commit`. What is not a regular file (a terminal, a pipe, /dev/null) is written to directly.
final class OutputFile {
  let path: String
  private let target: String
  private var temporary: [CChar]?
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  private static let blockSize = 1 << 16

  /// "-" is the standard output.
  init(_ path: String) throws {
    self.path = path
    buffer.reserveCapacity(OutputFile.blockSize + 4096)
    if path == "-" {
      (target, descriptor) = (path, 1)
      return
    }
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists && status.st_mode & S_IFMT == S_IFDIR {
      throw Failure("cannot write \(path): it is a directory")
    }
    if exists && status.st_mode & S_IFMT != S_IFREG {
      target = path
      descriptor = open(path, O_WRONLY | O_CLOEXEC)
      if descriptor < 0 { throw Failure("cannot write \(path): \(systemMessage(errno))") }
      return
    }
    // A symbolic link stays one: the file it points to is replaced.
    target = exists ? OutputFile.resolve(path) : path
    var name = Array("\(target).XXXXXX".utf8CString)
    descriptor = name.withUnsafeMutableBufferPointer { $0.baseAddress.map { mkstemp($0) } ?? -1 }
    if descriptor < 0 { throw Failure("cannot write \(path): \(systemMessage(errno))") }
    temporary = name
    let mask = umask(0)
    umask(mask)
    fchmod(descriptor, exists ? status.st_mode & 0o777 : 0o666 & ~mask)
  }

  deinit { abandon() }

  func write(_ text: String) throws {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= OutputFile.blockSize { try flush() }
  }

  func write(_ bytes: [UInt8]) throws {
    buffer.append(contentsOf: bytes)
    try flush()
  }

  /// Lets `body` write up to `count` bytes and return how many it wrote.
  func write(upTo count: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int) throws {
    let start = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: count))
    let written = buffer.withUnsafeMutableBufferPointer { bytes in
      bytes.baseAddress.map { body($0 + start) } ?? 0
    }
    buffer.removeLast(count - written)
    if buffer.count >= OutputFile.blockSize { try flush() }
  }

  /// Brings everything to its place.
  func commit() throws {
    try flush()
    guard let name = temporary else { return }
    guard close(descriptor) == 0, rename(name, target) == 0 else {
      descriptor = -1
      throw failure(errno)
    }
    descriptor = -1
    temporary = nil
  }

  /// Leaves no trace.
  func abandon() {
    if descriptor > 2 { close(descriptor) }
    descriptor = -1
    if let name = temporary { unlink(name) }
    temporary = nil
  }

  private func flush() throws {
    var done = 0
    while done < buffer.count {
      let put = buffer.withUnsafeBytes { bytes in
        bytes.baseAddress.map { Glibc.write(descriptor, $0 + done, bytes.count - done) } ?? 0
      }
      if put > 0 { done += put } else if put < 0 && errno != EINTR { throw failure(errno) }
      if put < 0 && Session.signal != 0 { throw failure(EINTR) }
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private func failure(_ code: Int32) -> Failure {
    if code == EPIPE { return Failure("", code: .brokenPipe) }
    let name = path == "-" ? "the standard output" : path
    return Failure("cannot write \(name): \(systemMessage(code))")
  }

  private static func resolve(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

/// The system's words for an error number.
func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }
