import CElfutils

/// The registers and the used part of the stack of a stopped thread.
struct StackCopy {
  var registers: [UInt64]
  var bytes: Bytes?
  var start: UInt64

  static let rbp = 6
  static let rsp = 7
  static let rip = 16

  /// No stack is larger than this by default; what is deeper is cut off at the outer end.
  static let limit: UInt64 = 64 << 20

  /// `memory` is that of the thread's process, `map` where its stack ends.
  init?(registers: [UInt64], memory: ProcessMemory, map: MemoryMap) {
    guard registers.count == 17 else { return nil }
    self.registers = registers
    start = registers[StackCopy.rsp]
    guard let mapping = map.stack(at: start) else { return }
    bytes = memory.bytes(start, count: Int(clamping: min(mapping.end - start, StackCopy.limit)))
  }

  /// Of a stack that the thread itself has copied.
  init?(registers: [UInt64], bytes copied: UnsafePointer<UInt8>?, count: Int) {
    guard registers.count == 17 else { return nil }
    self.registers = registers
    start = registers[StackCopy.rsp]
    guard let copied, count > 0, let bytes = Bytes(count: count) else { return }
    bytes.base.copyMemory(from: copied, byteCount: count)
    self.bytes = bytes
  }

  @inline(__always)
  func word(_ address: UInt64) -> UInt64? {
    guard let bytes, address >= start, address - start < UInt64(bytes.count) else { return nil }
    return bytes.load(Int(address - start))
  }
}
