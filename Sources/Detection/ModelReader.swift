/// Reads the bytes of a model file, never beyond their end.
public struct ModelReader {
  private let bytes: UnsafeRawBufferPointer
  private var position: Int
  private var end: Int

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    position = 0
    end = bytes.count
  }

  private var left: Int { end - position }
  var isAtEnd: Bool { left == 0 }

  public func damaged(_ what: String) -> DetectionError {
    DetectionError(.modelFormat, "the model file is damaged at byte \(position): \(what)")
  }

  private mutating func take(_ count: Int, _ what: String) throws(DetectionError) -> Int {
    guard count <= left else {
      throw damaged("\(what) needs \(count) bytes, \(left) are left")
    }
    defer { position += count }
    return position
  }

  mutating func read<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type, _ what: String
  ) throws(DetectionError) -> Integer {
    let place = try take(MemoryLayout<Integer>.size, what)
    return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: type))
  }

  mutating func read(_ type: Double.Type, _ what: String) throws(DetectionError) -> Double {
    Double(bitPattern: try read(UInt64.self, what))
  }

  public mutating func readString(_ what: String) throws(DetectionError) -> String {
    let count = Int(try read(UInt32.self, "the length of the \(what)"))
    let place = try take(count, what)
    let slice = UnsafeRawBufferPointer(rebasing: bytes[place..<(place + count)])
    guard let text = String(validating: slice, as: UTF8.self), !text.utf8.contains(0) else {
      throw damaged("the \(what) is not UTF-8 text")
    }
    return text
  }

  mutating func readVersion(_ what: String) throws(DetectionError) -> Version {
    let text = try readString(what)
    guard let version = Version(text) else {
      throw damaged("the \(what) is \"\(text)\", not three numbers such as 1.0.0")
    }
    return version
  }

  /// All that is left, as the bytes lie.
  public mutating func readRest() -> UnsafeRawBufferPointer {
    defer { position = end }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<end])
  }

  public mutating func readOptionValue() throws(DetectionError) -> OptionValue {
    switch try read(UInt8.self, "option type") {
    case 1:
      return .int(Int(try read(Int64.self, "option value")))
    case 2:
      return .double(try read(Double.self, "option value"))
    case 3:
      return .bool(try read(UInt8.self, "option value") != 0)
    case 4:
      return .string(try readString("option value"))
    case let type:
      throw damaged("there is no option type \(type)")
    }
  }

  /// A u64 within bounds.
  public mutating func readCount(
    _ what: String, atLeast least: Int = 0, atMost most: Int
  ) throws(DetectionError) -> Int {
    let value = try read(UInt64.self, what)
    guard let count = Int(exactly: value), count >= least, count <= most else {
      throw damaged("the \(what) is \(value); allowed are \(least) to \(most)")
    }
    return count
  }

  /// Elements of a plain type with their count before them.
  mutating func readAll<Element: BitwiseCopyable>(
    _ type: Element.Type, _ what: String
  ) throws(DetectionError) -> [Element] {
    let size = MemoryLayout<Element>.stride
    let count = try readCount("number of \(what)", atMost: left / size)
    let place = try take(count * size, what)
    try Memory.require(count, of: size)
    return [Element](unsafeUninitializedCapacity: count) { target, filled in
      UnsafeMutableRawBufferPointer(target).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[place..<(place + count * size)]))
      filled = count
    }
  }

  /// So many doubles.
  mutating func readValues(
    _ count: Int, _ what: String
  ) throws(DetectionError) -> Buffer<Double> {
    guard count <= left / 8 else {
      throw damaged("\(count) values of the \(what) are said to follow, \(left) bytes are left")
    }
    let place = try take(count * 8, what)
    let values = try Buffer<Double>(count: count, zeroed: false)
    UnsafeMutableRawBufferPointer(start: values.base, count: count * 8).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: bytes[place..<(place + count * 8)]))
    return values
  }

  /// So many doubles within bounds, with their count before them.
  mutating func readAll(
    _ expected: Int, in range: ClosedRange<Double>, _ what: String
  ) throws(DetectionError) -> Buffer<Double> {
    _ = try readCount("number of \(what)", atLeast: expected, atMost: expected)
    let values = try readValues(expected, what)
    for index in 0..<expected where !range.contains(values[index]) {
      throw damaged("\(what) \(index) is \(values[index]); allowed are \(range)")
    }
    return values
  }

  /// Elements of a plain type with their count before them, in a buffer; and behind them `extra`, if given.
  mutating func readBuffer<Element: BitwiseCopyable>(
    _ type: Element.Type, _ what: String, followedBy extra: Element? = nil
  ) throws(DetectionError) -> Buffer<Element> {
    let size = MemoryLayout<Element>.stride
    let count = try readCount("number of \(what)", atMost: left / size)
    let place = try take(count * size, what)
    let buffer = try Buffer<Element>(count: count + (extra == nil ? 0 : 1), zeroed: false)
    UnsafeMutableRawBufferPointer(start: buffer.base, count: count * size).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: bytes[place..<(place + count * size)]))
    if let extra { buffer[count] = extra }
    return buffer
  }

  /// Whether the next section is that one.
  func isNext(_ tag: ModelFile.Section) -> Bool {
    left >= 4
      && UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)) == tag.rawValue
  }

  /// The next section, which must be that one, as a reader of its own.
  mutating func section(_ tag: ModelFile.Section) throws(DetectionError) -> ModelReader {
    let found = try read(UInt32.self, "section tag")
    guard found == tag.rawValue else {
      throw damaged("section \(tag) was expected, tag \(found) found")
    }
    let count = try readCount("length of section \(tag)", atMost: left - min(8, left))
    var section = self
    section.end = position + count
    position += count
    return section
  }

  /// Everything must have been read.
  func finish() throws(DetectionError) {
    guard left == 0 else { throw damaged("\(left) bytes too many") }
  }

  mutating func checkAndDropChecksum() throws(DetectionError) {
    guard left >= 4 else { throw damaged("the checksum is missing") }
    let stored = UInt32(
      littleEndian: bytes.loadUnaligned(fromByteOffset: end - 4, as: UInt32.self))
    end -= 4
    guard crc32c(UnsafeRawBufferPointer(rebasing: bytes[0..<end])) == stored else {
      throw DetectionError(.modelFormat, "the model file is damaged: its checksum does not match")
    }
  }
}
