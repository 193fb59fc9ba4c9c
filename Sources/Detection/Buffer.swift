import Glibc

/// Memory for `count` elements of a plain type, 64-byte aligned, freed with its owner. Unlike an array it
/// fails with an error when there is not enough.
public final class Buffer<Element: BitwiseCopyable>: @unchecked Sendable {
  public let base: UnsafeMutablePointer<Element>
  public let count: Int

  /// zeroed: false where every element will be written before it is read.
  public init(count: Int, zeroed: Bool = true) throws(DetectionError) {
    let (bytes, overflow) = max(count, 1).multipliedReportingOverflow(
      by: MemoryLayout<Element>.stride)
    guard count >= 0, !overflow, bytes < Int.max - 64 else {
      throw DetectionError(.outOfMemory, "cannot allocate \(count) elements")
    }
    let padded = (bytes + 63) & ~63
    guard let memory = aligned_alloc(64, padded) else { throw .outOfMemory(bytes: bytes) }
    if zeroed { memset(memory, 0, padded) }
    base = memory.bindMemory(to: Element.self, capacity: max(count, 1))
    self.count = count
  }

  deinit { free(base) }

  /// A buffer of its own with room for `room` elements, the first `kept` of them as here.
  func copy(room: Int, kept: Int) throws(DetectionError) -> Buffer<Element> {
    let copy = try Buffer(count: room, zeroed: false)
    copy.base.update(from: base, count: kept)
    return copy
  }

  func copy() throws(DetectionError) -> Buffer<Element> { try copy(room: count, kept: count) }

  public subscript(index: Int) -> Element {
    get { base[index] }
    set { base[index] = newValue }
  }
}
