/// Builds the bytes of a model file.
public struct ModelWriter {
  public private(set) var bytes: [UInt8] = []
  /// Why the bytes are not whole.
  private(set) var failure: DetectionError?

  public init() {}

  public mutating func write(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func write(_ value: Double) { write(value.bitPattern) }
  mutating func write(_ value: Float) { write(value.bitPattern) }

  public mutating func write(_ text: String) {
    write(UInt32(truncatingIfNeeded: text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  public mutating func write(_ value: OptionValue) {
    switch value {
    case .int(let number):
      write(UInt8(1))
      write(Int64(number))
    case .double(let number):
      write(UInt8(2))
      write(number)
    case .bool(let flag):
      write(UInt8(3))
      write(UInt8(flag ? 1 : 0))
    case .string(let text):
      write(UInt8(4))
      write(text)
    }
  }

  /// Elements of a plain type, as they lie in memory (the supported machines are little-endian).
  mutating func write<Element: BitwiseCopyable>(all elements: [Element]) {
    write(UInt64(elements.count))
    do throws(DetectionError) {
      try bytes.makeRoom(for: bytes.count + elements.count * MemoryLayout<Element>.stride + 4096)
      elements.withUnsafeBytes { bytes.append(contentsOf: $0) }
    } catch {
      failure = error
    }
  }

  /// Room for so many bytes more.
  mutating func makeRoom(_ count: Int) throws(DetectionError) {
    try bytes.makeRoom(for: bytes.count + count + 4096)
  }

  /// Values with their count before them.
  mutating func write(all values: Buffer<Double>) throws(DetectionError) {
    write(UInt64(values.count))
    try makeRoom(values.count * 8)
    bytes.append(contentsOf: UnsafeRawBufferPointer(start: values.base, count: values.count * 8))
  }

  /// The first `count` elements of a buffer, as ``write(all:)`` writes an array's.
  mutating func write<Element: BitwiseCopyable>(all elements: Buffer<Element>, count: Int) {
    write(UInt64(count))
    do throws(DetectionError) {
      try bytes.makeRoom(for: bytes.count + count * MemoryLayout<Element>.stride + 4096)
      bytes.append(
        contentsOf: UnsafeRawBufferPointer(
          start: elements.base, count: count * MemoryLayout<Element>.stride))
    } catch {
      failure = error
    }
  }

  mutating func write(raw: [UInt8]) { bytes += raw }

  /// Bytes of a plugin's model, which say their own length to nobody.
  public mutating func write(bytes more: UnsafeRawBufferPointer) throws(DetectionError) {
    try bytes.makeRoom(for: bytes.count + more.count + 4096)
    bytes.append(contentsOf: more)
  }

  mutating func section(
    _ tag: ModelFile.Section,
    _ content: (inout ModelWriter) throws(DetectionError) -> Void
  ) throws(DetectionError) {
    write(tag.rawValue)
    let place = bytes.count
    write(UInt64(0))
    try content(&self)
    overwrite(at: place, UInt64(bytes.count - place - 8))
  }

  mutating func overwrite(at place: Int, _ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(place..<(place + 8), with: $0) }
  }
}
