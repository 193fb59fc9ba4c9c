import Glibc

/// Plain memory whose size a stranger's file or process decided: making it fails instead of trapping, and
/// every load is checked.
final class Bytes {
  let base: UnsafeMutableRawPointer
  private(set) var count: Int
  private let capacity: Int

  init?(count: Int) {
    guard count >= 0, let memory = malloc(max(count, 1)) else { return nil }
    base = memory
    self.count = count
    capacity = count
  }

  deinit { free(base) }

  func shrink(to count: Int) { self.count = min(max(count, 0), capacity) }

  func load<Number: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, as type: Number.Type = Number.self
  ) -> Number? {
    guard offset >= 0, offset <= count - MemoryLayout<Number>.size else { return nil }
    return base.loadUnaligned(fromByteOffset: offset, as: type)
  }

  /// The text that begins at the offset and ends in NUL, at most 4096 bytes of it.
  func text(at offset: Int) -> String? {
    guard offset >= 0, offset < count else { return nil }
    let bytes = UnsafeRawBufferPointer(start: base + offset, count: min(count - offset, 4096))
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
