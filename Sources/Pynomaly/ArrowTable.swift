import CPynomaly
import Detection

/// Reads an Arrow C stream of numeric columns as column-major batches of doubles. Releases the stream
/// and all that it gave when it goes.
final class ArrowTable {
  private let stream: UnsafeMutablePointer<ArrowArrayStream>
  private var schema = ArrowSchema()
  private(set) var names: [String] = []
  private var readers: [ArrowColumn.Reader] = []
  private var values: Buffer<Double>?
  private var room = 0
  /// Rows read so far.
  private(set) var rows = 0

  var columns: Int { readers.count }

  init(_ pointer: UnsafeMutablePointer<ArrowArrayStream>?) throws(DetectionError) {
    stream = try required(pointer, "stream")
    guard stream.pointee.release != nil else {
      throw DetectionError(.invalidArgument, "the Arrow stream has been released already")
    }
    guard let getSchema = stream.pointee.get_schema, stream.pointee.get_next != nil else {
      throw DetectionError(.invalidArgument, "the Arrow stream lacks get_schema or get_next")
    }
    let status = getSchema(stream, &schema)
    guard status == 0 else { throw failure("get_schema", status) }
    guard schema.format.map({ String(cString: $0) }) == "+s" else {
      throw DetectionError(
        .invalidData,
        "the Arrow stream's type is \(schema.format.map { String(cString: $0) } ?? "unknown");"
          + " a table (struct, \"+s\") is needed")
    }
    for index in 0..<max(Int(schema.n_children), 0) {
      guard let child = schema.children?[index] else {
        throw DetectionError(.invalidData, "the Arrow schema lacks column \(index)", column: index)
      }
      let name = child.pointee.name.map { String(cString: $0) } ?? ""
      let format = child.pointee.format.map { String(cString: $0) } ?? ""
      guard child.pointee.dictionary == nil, let reader = ArrowColumn.reader(format: format) else {
        throw DetectionError(
          .invalidData,
          "column \(index) (\"\(name)\") has the Arrow format \"\(format)\""
            + (child.pointee.dictionary == nil ? "" : " with a dictionary")
            + "; booleans, integers and 32 or 64 bit floats are allowed", column: index)
      }
      names.append(name)
      readers.append(reader)
    }
    guard !readers.isEmpty else {
      throw DetectionError(.invalidData, "the Arrow stream has no columns")
    }
  }

  deinit {
    schema.release?(&schema)
    stream.pointee.release?(stream)
  }

  /// Call `body` for every batch, whose values stand column-major, `rows` apart.
  func forEachBatch(
    _ body: (_ values: Buffer<Double>, _ firstRow: Int, _ rows: Int) throws(DetectionError) -> Void
  ) throws(DetectionError) {
    while true {
      var array = ArrowArray()
      guard let getNext = stream.pointee.get_next else { return }
      let status = getNext(stream, &array)
      guard status == 0 else { throw failure("get_next", status) }
      guard array.release != nil else { return }
      defer { array.release?(&array) }
      let count = try decode(&array)
      if count > 0, let values { try body(values, rows, count) }
      rows += count
    }
  }

  private func failure(_ call: String, _ status: Int32) -> DetectionError {
    let words = stream.pointee.get_last_error?(stream).map { String(cString: $0) }
    return DetectionError(
      .io, "the Arrow stream's \(call) failed with \(status): \(words ?? "it gives no reason")")
  }

  private func decode(_ array: inout ArrowArray) throws(DetectionError) -> Int {
    guard array.length >= 0, array.offset >= 0, array.length <= Matrix.dimensionLimit,
      array.offset <= Matrix.dimensionLimit, array.n_children == Int64(columns)
    else {
      throw DetectionError(
        .invalidData,
        "an Arrow batch has length \(array.length), offset \(array.offset) and"
          + " \(array.n_children) columns; the schema has \(columns) columns")
    }
    let count = Int(array.length)
    guard count > 0 else { return 0 }
    if room < count {
      let (cells, overflow) = count.multipliedReportingOverflow(by: columns)
      guard !overflow else { throw DetectionError(.outOfMemory, "an Arrow batch is too large") }
      values = try Buffer(count: cells, zeroed: false)
      room = count
    }
    guard let values else { return 0 }
    let valid = array.n_buffers > 0 ? array.buffers?[0] : nil
    for index in 0..<columns {
      guard let child = array.children?[index]?.pointee else {
        throw DetectionError(.invalidData, "an Arrow batch lacks column \(index)", column: index)
      }
      let (end, overflow) = array.offset.addingReportingOverflow(array.length)
      guard child.offset >= 0, child.offset <= Matrix.dimensionLimit, !overflow,
        child.length >= end, child.n_buffers >= 2, let data = child.buffers?[1]
      else {
        throw DetectionError(
          .invalidData,
          "column \(index) (\"\(names[index])\") of an Arrow batch has \(child.length) values and"
            + " \(child.n_buffers) buffers; \(end) values in 2 buffers are needed", column: index)
      }
      let target = values.base + index * count
      let first = Int(child.offset + array.offset)
      readers[index](data, first, count, target)
      if let bitmap = child.buffers?[0] { blank(bitmap, first, count, target) }
      if let valid { blank(valid, Int(array.offset), count, target) }
    }
    return count
  }

  /// NaN where the bitmap says null.
  private func blank(
    _ bitmap: UnsafeRawPointer, _ first: Int, _ count: Int, _ target: UnsafeMutablePointer<Double>
  ) {
    for row in 0..<count where !ArrowColumn.bit(bitmap, first + row) { target[row] = .nan }
  }
}

/// How the columns of an Arrow table become doubles.
enum ArrowColumn {
  typealias Reader =
    (_ data: UnsafeRawPointer, _ first: Int, _ count: Int, _ target: UnsafeMutablePointer<Double>)
    -> Void

  /// The reader for a format string of the Arrow C data interface; nil for what is not a number.
  static func reader(format: String) -> Reader? {
    switch format {
    case "b":
      return { data, first, count, target in
        for row in 0..<count { target[row] = bit(data, first + row) ? 1 : 0 }
      }
    case "c": return integers(Int8.self)
    case "C": return integers(UInt8.self)
    case "s": return integers(Int16.self)
    case "S": return integers(UInt16.self)
    case "i": return integers(Int32.self)
    case "I": return integers(UInt32.self)
    case "l": return integers(Int64.self)
    case "L": return integers(UInt64.self)
    case "f": return floats(Float.self)
    case "g": return floats(Double.self)
    default: return nil
    }
  }

  static func bit(_ bitmap: UnsafeRawPointer, _ index: Int) -> Bool {
    bitmap.load(fromByteOffset: index >> 3, as: UInt8.self) >> UInt8(index & 7) & 1 == 1
  }

  private static func integers<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type
  ) -> Reader {
    values(type) { Double($0) }
  }

  private static func floats<Value: BinaryFloatingPoint & BitwiseCopyable>(
    _ type: Value.Type
  ) -> Reader {
    values(type) { Double($0) }
  }

  @inline(__always)
  private static func values<Value: BitwiseCopyable>(
    _ type: Value.Type, _ double: @escaping (Value) -> Double
  ) -> Reader {
    { data, first, count, target in
      let source = data + first * MemoryLayout<Value>.size
      for row in 0..<count {
        target[row] = double(
          source.loadUnaligned(fromByteOffset: row * MemoryLayout<Value>.size, as: type))
      }
    }
  }
}
