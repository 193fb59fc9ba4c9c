import CPynomaly
import Glibc
import Tables

/// Hands the chunks of a table to the library as an Arrow C stream, without a copy: a batch borrows
/// its chunk until the library releases it.
final class ChunkArrowStream {
  /// Called with each chunk the library has done with.
  typealias Release = (Chunk) -> Void

  private let chunks: ChunkStream
  private let names: [String]
  private let release: Release
  private let advanced: (ChunkStream) -> Void
  /// What went wrong behind the stream: the library is told it in words only.
  private(set) var failure: (any Error)?
  private var message: UnsafeMutablePointer<CChar>?

  init(
    _ chunks: ChunkStream, names: [String], advanced: @escaping (ChunkStream) -> Void,
    release: @escaping Release
  ) {
    self.chunks = chunks
    self.names = names
    self.advanced = advanced
    self.release = release
  }

  deinit { free(message) }

  /// The C side of the stream. It keeps this object until it is released.
  func export() -> ArrowArrayStream {
    var stream = ArrowArrayStream()
    stream.private_data = Unmanaged.passRetained(self).toOpaque()
    stream.get_schema = { stream, out in
      guard let this = ChunkArrowStream.from(stream), let out else { return EINVAL }
      out.pointee = this.schema()
      return 0
    }
    stream.get_next = { stream, out in
      guard let this = ChunkArrowStream.from(stream), let out else { return EINVAL }
      return this.next(out)
    }
    stream.get_last_error = { stream in
      ChunkArrowStream.from(stream)?.message.map { UnsafePointer($0) }
    }
    stream.release = { stream in
      guard let stream, let context = stream.pointee.private_data else { return }
      stream.pointee.release = nil
      stream.pointee.private_data = nil
      Unmanaged<ChunkArrowStream>.fromOpaque(context).release()
    }
    return stream
  }

  private static func from(_ stream: UnsafeMutablePointer<ArrowArrayStream>?) -> ChunkArrowStream? {
    stream?.pointee.private_data.map {
      Unmanaged<ChunkArrowStream>.fromOpaque($0).takeUnretainedValue()
    }
  }

  private func next(_ out: UnsafeMutablePointer<ArrowArray>) -> Int32 {
    out.pointee = ArrowArray()
    do {
      while let chunk = try chunks.next() {
        advanced(chunks)
        if chunk.rows > 0 {
          out.pointee = Batch(chunk, columns: names.count, release: release).export()
          return 0
        }
        release(chunk)
      }
      return 0
    } catch {
      failure = error
      free(message)
      message = strdup("\(error)")
      return EIO
    }
  }

  private func schema() -> ArrowSchema { SchemaStore(names: names).export() }
}

/// The memory behind one exported batch. Parent and children hold it in common, because a consumer may
/// keep a child longer than its parent.
private final class Batch {
  private let chunk: Chunk
  private let release: ChunkArrowStream.Release
  private let columns: Int
  private let children: UnsafeMutablePointer<ArrowArray>
  private let childPointers: UnsafeMutablePointer<UnsafeMutablePointer<ArrowArray>?>
  private let buffers: UnsafeMutablePointer<UnsafeRawPointer?>

  init(_ chunk: Chunk, columns: Int, release: @escaping ChunkArrowStream.Release) {
    self.chunk = chunk
    self.columns = columns
    self.release = release
    children = .allocate(capacity: columns)
    childPointers = .allocate(capacity: columns)
    buffers = .allocate(capacity: 2 * columns + 1)
    buffers.initialize(repeating: nil, count: 2 * columns + 1)
  }

  deinit {
    children.deallocate()
    childPointers.deallocate()
    buffers.deallocate()
    release(chunk)
  }

  func export() -> ArrowArray {
    for column in 0..<columns {
      buffers[2 * column + 1] = UnsafeRawPointer(chunk.values + column * chunk.stride)
      var child = array(buffers: buffers + 2 * column, count: 2)
      child.release = { array in
        guard let array, let context = array.pointee.private_data else { return }
        array.pointee.release = nil
        Unmanaged<Batch>.fromOpaque(context).release()
      }
      (children + column).initialize(to: child)
      (childPointers + column).initialize(to: children + column)
    }
    var parent = array(buffers: buffers + 2 * columns, count: 1)
    parent.n_children = Int64(columns)
    parent.children = childPointers
    parent.release = { array in
      guard let array, let context = array.pointee.private_data else { return }
      for index in 0..<Int(array.pointee.n_children) {
        if let child = array.pointee.children[index], let release = child.pointee.release {
          release(child)
        }
      }
      array.pointee.release = nil
      Unmanaged<Batch>.fromOpaque(context).release()
    }
    return parent
  }

  private func array(
    buffers: UnsafeMutablePointer<UnsafeRawPointer?>, count: Int64
  ) -> ArrowArray {
    var array = ArrowArray()
    array.length = Int64(chunk.rows)
    array.n_buffers = count
    array.buffers = buffers
    array.private_data = Unmanaged.passRetained(self).toOpaque()
    return array
  }
}

/// The memory behind the exported schema: a struct of float64 columns.
private final class SchemaStore {
  private var strings: [UnsafeMutablePointer<CChar>?] = []
  private let columns: Int
  private let children: UnsafeMutablePointer<ArrowSchema>
  private let childPointers: UnsafeMutablePointer<UnsafeMutablePointer<ArrowSchema>?>

  init(names: [String]) {
    columns = names.count
    children = .allocate(capacity: names.count)
    childPointers = .allocate(capacity: names.count)
    strings = names.map { strdup($0) } + [strdup("g"), strdup("+s")]
  }

  deinit {
    strings.forEach { free($0) }
    children.deallocate()
    childPointers.deallocate()
  }

  func export() -> ArrowSchema {
    for column in 0..<columns {
      var child = ArrowSchema()
      child.format = UnsafePointer(strings[columns])
      child.name = UnsafePointer(strings[column])
      child.flags = Int64(ARROW_FLAG_NULLABLE)
      child.private_data = Unmanaged.passRetained(self).toOpaque()
      child.release = { schema in
        guard let schema, let context = schema.pointee.private_data else { return }
        schema.pointee.release = nil
        Unmanaged<SchemaStore>.fromOpaque(context).release()
      }
      (children + column).initialize(to: child)
      (childPointers + column).initialize(to: children + column)
    }
    var parent = ArrowSchema()
    parent.format = UnsafePointer(strings[columns + 1])
    parent.n_children = Int64(columns)
    parent.children = childPointers
    parent.private_data = Unmanaged.passRetained(self).toOpaque()
    parent.release = { schema in
      guard let schema, let context = schema.pointee.private_data else { return }
      for index in 0..<Int(schema.pointee.n_children) {
        if let child = schema.pointee.children[index], let release = child.pointee.release {
          release(child)
        }
      }
      schema.pointee.release = nil
      Unmanaged<SchemaStore>.fromOpaque(context).release()
    }
    return parent
  }
}
