import CKernels

/// Swift's arrays end the process when memory runs out. Whoever is about to grow one by an amount that
/// the caller's data decide asks here first.
enum Memory {
  static func require(_ count: Int, of elementSize: Int) throws(DetectionError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: elementSize)
    guard !overflow, bytes >= 0 else {
      throw DetectionError(.outOfMemory, "cannot allocate \(count) times \(elementSize) bytes")
    }
    // Room for the array's head, and for the small things in between.
    guard ck_can_allocate(UInt64(bytes) + (bytes > 1 << 16 ? 1 << 16 : 64)) != 0 else {
      throw .outOfMemory(bytes: bytes)
    }
  }
}

extension Array {
  /// Make room for `count` elements in all, or fail with an error. Room grows by doubling.
  public mutating func makeRoom(for count: Int) throws(DetectionError) {
    guard count > capacity else { return }
    let wanted = Swift.max(count, capacity < Int.max / 2 ? 2 * capacity : count)
    try Memory.require(wanted, of: MemoryLayout<Element>.stride)
    reserveCapacity(wanted)
  }
}
