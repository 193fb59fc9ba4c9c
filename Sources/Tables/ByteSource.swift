import Glibc

/// The bytes of a table, readable at any offset by several threads at once, so that a second pass is
/// free. What grows behind `end` after opening is not seen: both passes see the same bytes.
public final class ByteSource: Sendable {
  public let path: String
  public let start: Int64
  public let end: Int64
  private let descriptor: Int32

  /// Asked between blocks of a long copy: true stops it.
  public typealias Interruption = @Sendable () -> Bool

  /// Opens a file, or the standard input for "-". What cannot be read twice (a pipe) is first copied
  /// to a file without a name in `temporaryFolder`.
  public init(path: String, temporaryFolder: String, interrupted: Interruption = { false }) throws {
    self.path = path
    var opened: Int32 = 0
    if path != "-" {
      opened = open(path, O_RDONLY | O_CLOEXEC)
      guard opened >= 0 else { throw ByteSource.failure("open", path) }
    }
    var status = stat()
    guard fstat(opened, &status) == 0 else { throw ByteSource.failure("open", path) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      throw TableError.isDirectory(path: path)
    case S_IFREG:
      descriptor = opened
      start = path == "-" ? max(0, Int64(lseek(opened, 0, SEEK_CUR))) : 0
      end = max(start, Int64(status.st_size))
    default:
      descriptor = try ByteSource.spool(opened, path, temporaryFolder, interrupted)
      start = 0
      end = max(0, Int64(lseek(descriptor, 0, SEEK_END)))
      if opened != 0 { close(opened) }
    }
  }

  deinit {
    if descriptor != 0 { close(descriptor) }
  }

  /// Fills `target` with `count` bytes from `offset`, fewer only at the end.
  func read(into target: UnsafeMutableRawPointer, count: Int, at offset: Int64) throws -> Int {
    let wanted = max(0, min(count, Int(end - offset)))
    var done = 0
    while done < wanted {
      let got = pread(descriptor, target + done, wanted - done, off_t(offset) + off_t(done))
      if got > 0 {
        done += got
      } else if got == 0 {
        throw TableError.changed(path: path)
      } else if errno != EINTR {
        throw ByteSource.failure("read", path)
      }
    }
    return done
  }

  private static func failure(_ operation: String, _ path: String) -> TableError {
    .system(operation: operation, path: path, code: errno)
  }

  private static func spool(
    _ input: Int32, _ path: String, _ folder: String, _ interrupted: Interruption
  ) throws -> Int32 {
    var name = Array("\(folder)/pynomaly-XXXXXX".utf8CString)
    let copy = name.withUnsafeMutableBufferPointer { $0.baseAddress.map { mkstemp($0) } ?? -1 }
    guard copy >= 0 else { throw failure("make a temporary file in", folder) }
    name.withUnsafeBufferPointer { if let base = $0.baseAddress { unlink(base) } }
    do {
      let size = 1 << 18
      let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
      defer { block.deallocate() }
      while true {
        if interrupted() { throw TableError.interrupted }
        let got = Glibc.read(input, block, size)
        if got == 0 { return copy }
        if got < 0 {
          if errno == EINTR { continue }
          if errno == EISDIR { throw TableError.isDirectory(path: path) }
          throw failure("read", path)
        }
        var written = 0
        while written < got {
          let put = write(copy, block + written, got - written)
          if put < 0 && errno != EINTR { throw failure("write a temporary file in", folder) }
          written += max(0, put)
        }
      }
    } catch {
      close(copy)
      throw error
    }
  }
}
