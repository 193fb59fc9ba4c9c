import CProfiling
import Glibc

/// Another process's memory, page by page. What was read stays until `forget`: within one snapshot each
/// page is asked for once. Never traps and never waits, whatever the other process does.
final class ProcessMemory {
  let pid: Int32
  private let pages: UnsafeMutableRawPointer
  private let tags: UnsafeMutablePointer<UInt64>
  private let valid: UnsafeMutablePointer<UInt16>
  private static let pageBits = 12
  private static let pageSize = 1 << pageBits
  private static let slots = 512
  /// System calls made, for statistics.
  private(set) var reads = 0

  init(pid: Int32) throws(ProfilingError) {
    self.pid = pid
    guard let memory = malloc(ProcessMemory.slots * ProcessMemory.pageSize) else {
      throw ProfilingError(.outOfMemory, "no memory for a copy of the process's pages")
    }
    pages = memory
    tags = .allocate(capacity: ProcessMemory.slots)
    valid = .allocate(capacity: ProcessMemory.slots)
    tags.initialize(repeating: .max, count: ProcessMemory.slots)
    valid.initialize(repeating: 0, count: ProcessMemory.slots)
  }

  deinit {
    free(pages)
    tags.deallocate()
    valid.deallocate()
  }

  /// What was read is old now.
  func forget() { tags.update(repeating: .max, count: ProcessMemory.slots) }

  /// Nil when the memory is not there. Also past the end of the address space.
  @inline(__always)
  func load<Number: FixedWidthInteger & BitwiseCopyable>(
    _ address: UInt64, as type: Number.Type = Number.self
  ) -> Number? {
    let offset = Int(truncatingIfNeeded: address) & (ProcessMemory.pageSize - 1)
    let size = MemoryLayout<Number>.size
    if offset + size <= ProcessMemory.pageSize {
      let slot = slot(of: address)
      guard offset + size <= Int(valid[slot]) else { return nil }
      return pages.loadUnaligned(fromByteOffset: slot * ProcessMemory.pageSize + offset, as: type)
    }
    var value: Number = 0
    let done = withUnsafeMutableBytes(of: &value) { read(address, into: $0) }
    return done ? value : nil
  }

  @inline(__always)
  func pointer(_ address: UInt64) -> UInt64? { load(address, as: UInt64.self) }

  /// The slot that holds the address's page; its `valid` is 0 where there is no such page.
  @inline(__always)
  private func slot(of address: UInt64) -> Int {
    let page = address >> UInt64(ProcessMemory.pageBits)
    let slot = Int(truncatingIfNeeded: page ^ (page >> 9)) & (ProcessMemory.slots - 1)
    if tags[slot] != page { fill(slot, page) }
    return slot
  }

  @inline(never)
  private func fill(_ slot: Int, _ page: UInt64) {
    reads += 1
    let got = cp_read(
      pid, page << UInt64(ProcessMemory.pageBits), pages + slot * ProcessMemory.pageSize,
      ProcessMemory.pageSize)
    tags[slot] = page
    valid[slot] = UInt16(clamping: max(0, got))
  }

  /// Fill the buffer from the process itself, past the pages kept.
  func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard let base = buffer.baseAddress else { return true }
    reads += 1
    return cp_read(pid, address, base, buffer.count) == Int64(buffer.count)
  }

  /// As many of the bytes as there are.
  func bytes(_ address: UInt64, count: Int) -> Bytes? {
    guard let bytes = Bytes(count: count) else { return nil }
    let offset = Int(truncatingIfNeeded: address) & (ProcessMemory.pageSize - 1)
    if count <= 256, offset + count <= ProcessMemory.pageSize {
      // Of the page that is kept, where names and short texts often lie together.
      let slot = slot(of: address)
      let there = min(count, Int(valid[slot]) - offset)
      guard there > 0 else { return nil }
      bytes.base.copyMemory(from: pages + slot * ProcessMemory.pageSize + offset, byteCount: there)
      bytes.shrink(to: there)
      return bytes
    }
    reads += 1
    let got = cp_read(pid, address, bytes.base, count)
    guard got > 0 else { return nil }
    bytes.shrink(to: Int(got))
    return bytes
  }

  /// Why memory cannot be read at all, or nil where it can.
  static func refusal(pid: Int32, at address: UInt64) -> Int32? {
    var byte: UInt8 = 0
    let got = cp_read(pid, address, &byte, 1)
    return got == 1 || got == Int64(-EFAULT) ? nil : Int32(clamping: -got)
  }
}
