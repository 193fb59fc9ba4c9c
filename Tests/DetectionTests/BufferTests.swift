import Testing

@testable import Detection

struct BufferTests {
  @Test(arguments: [-1, Int.max, Int.max / 8, 1 << 60]) func whatCannotBeHadIsAnError(count: Int) {
    let error = #expect(throws: DetectionError.self) { _ = try Buffer<Double>(count: count) }
    #expect(error?.status == .outOfMemory)
  }

  @Test func beginsAlignedAndZeroed() throws {
    let buffer = try Buffer<UInt64>(count: 100)
    #expect(UInt(bitPattern: buffer.base) % 64 == 0)
    #expect((0..<100).allSatisfy { buffer[$0] == 0 })
  }
}
