import CPynomaly
import Detection
import Glibc

@_cdecl("pyn_detector_save_file") @implementation
public func pyn_detector_save_file(
  _ detector: OpaquePointer?, _ path: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let detector = try handle(detector).detector
    let path = try text(path, "path")
    try writeFile(path, ModelFile.bytes(of: detector))
  }
}

@_cdecl("pyn_detector_save_memory") @implementation
public func pyn_detector_save_memory(
  _ detector: OpaquePointer?, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
  _ size: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let detector = try handle(detector).detector
    let size = try required(size, "size")
    try copy(ModelFile.bytes(of: detector), to: buffer, capacity, size)
  }
}

/// Hand bytes over, or only their number where there is no buffer.
func copy(
  _ bytes: [UInt8], to buffer: UnsafeMutableRawPointer?, _ capacity: Int,
  _ size: UnsafeMutablePointer<Int>
) throws(DetectionError) {
  size.pointee = bytes.count
  guard let buffer else { return }
  // size_t: what does not fit a signed number is large enough.
  guard capacity < 0 || capacity >= bytes.count else {
    throw DetectionError(
      .shapeMismatch, "the buffer has room for \(capacity) bytes; \(bytes.count) are needed")
  }
  bytes.withUnsafeBytes {
    UnsafeMutableRawBufferPointer(start: buffer, count: bytes.count).copyMemory(from: $0)
  }
}

@_cdecl("pyn_detector_save_callback") @implementation
public func pyn_detector_save_callback(
  _ detector: OpaquePointer?, _ write: pyn_write_callback?, _ context: UnsafeMutableRawPointer?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let detector = try handle(detector).detector
    let write = try required(write, "write")
    let bytes = try ModelFile.bytes(of: detector)
    let result = bytes.withUnsafeBytes { write($0.baseAddress, $0.count, context) }
    guard result == 0 else {
      throw DetectionError(.io, "the write callback returned \(result)")
    }
  }
}

@_cdecl("pyn_detector_load_file") @implementation
public func pyn_detector_load_file(
  _ path: UnsafePointer<CChar>?, _ detector: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  load(detector, error) { () throws(DetectionError) in
    let path = try text(path, "path")
    return try readFile(path)
  }
}

@_cdecl("pyn_detector_load_memory") @implementation
public func pyn_detector_load_memory(
  _ data: UnsafeRawPointer?, _ size: Int, _ detector: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(detector, "detector")
    target.pointee = nil
    let found = try ModelFile.detector(from: bytes(data, size))
    target.pointee = DetectorHandle(found).retainedPointer
  }
}

@_cdecl("pyn_detector_load_callback") @implementation
public func pyn_detector_load_callback(
  _ read: pyn_read_callback?, _ context: UnsafeMutableRawPointer?,
  _ detector: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  load(detector, error) { () throws(DetectionError) in
    let read = try required(read, "read")
    return try collect {
      read($0.baseAddress, $0.count, context)
    } onFailure: {
      DetectionError(.io, "the read callback returned \($0)")
    }
  }
}

private func load(
  _ detector: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<pyn_error>?,
  _ bytes: () throws(DetectionError) -> [UInt8]
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(detector, "detector")
    target.pointee = nil
    let bytes = try bytes()
    var found: Detector?
    var failure: DetectionError?
    bytes.withUnsafeBytes { bytes in
      do throws(DetectionError) {
        found = try ModelFile.detector(from: bytes)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    target.pointee = found.map { DetectorHandle($0).retainedPointer }
  }
}

/// Fill the caller's structure with what a model file says of itself.
private func describe(
  _ bytes: UnsafeRawBufferPointer, _ info: UnsafeMutablePointer<pyn_model_info>
) throws(DetectionError) {
  let head = try ModelFile.head(of: bytes)
  let texts = [
    head.detector, head.origin.map { "\($0.version)" }, head.origin?.plugin,
    head.origin.map { "\($0.pluginVersion)" },
  ]
  let size = info.pointee.struct_size
  info.initialize(to: pyn_model_info())
  info.pointee.struct_size = size
  withUnsafeMutableBytes(of: &info.pointee.detector) { copy(texts[0], to: $0) }
  withUnsafeMutableBytes(of: &info.pointee.detector_version) { copy(texts[1], to: $0) }
  withUnsafeMutableBytes(of: &info.pointee.plugin) { copy(texts[2], to: $0) }
  withUnsafeMutableBytes(of: &info.pointee.plugin_version) { copy(texts[3], to: $0) }
}

private func checked(
  _ info: UnsafeMutablePointer<pyn_model_info>?
) throws(DetectionError) -> UnsafeMutablePointer<pyn_model_info> {
  let info = try required(info, "info")
  try check(
    structSize: info.pointee.struct_size, atLeast: MemoryLayout<pyn_model_info>.size,
    "pyn_model_info")
  return info
}

@_cdecl("pyn_model_get_info_file") @implementation
public func pyn_model_get_info_file(
  _ path: UnsafePointer<CChar>?, _ info: UnsafeMutablePointer<pyn_model_info>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let path = try text(path, "path")
    let info = try checked(info)
    let bytes = try readFile(path)
    try bytes.withUnsafeBufferPointer { (bytes) throws(DetectionError) in
      try describe(UnsafeRawBufferPointer(bytes), info)
    }
  }
}

@_cdecl("pyn_model_get_info_memory") @implementation
public func pyn_model_get_info_memory(
  _ data: UnsafeRawPointer?, _ size: Int, _ info: UnsafeMutablePointer<pyn_model_info>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let info = try checked(info)
    try describe(try bytes(data, size), info)
  }
}

/// The model that the caller has in memory.
func bytes(
  _ data: UnsafeRawPointer?, _ size: Int
) throws(DetectionError) -> UnsafeRawBufferPointer {
  let data = try required(data, "data")
  guard size >= 0 else {
    throw DetectionError(.invalidArgument, "the size of the model is beyond the address space")
  }
  return UnsafeRawBufferPointer(start: data, count: size)
}

/// Read to the end. `read` returns how many bytes it wrote, 0 at the end.
private func collect(
  _ read: (UnsafeMutableRawBufferPointer) -> Int64, onFailure: (Int64) -> DetectionError
) throws(DetectionError) -> [UInt8] {
  var bytes: [UInt8] = []
  var block = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = block.withUnsafeMutableBytes { read($0) }
    guard count >= 0, count <= Int64(block.count) else { throw onFailure(count) }
    if count == 0 { return bytes }
    try bytes.makeRoom(for: bytes.count + Int(count))
    bytes += block[0..<Int(count)]
  }
}

private func systemFailure(_ doing: String, _ path: String) -> DetectionError {
  DetectionError(.io, "cannot \(doing) \(path): \(String(cString: strerror(errno)))")
}

private func readFile(_ path: String) throws(DetectionError) -> [UInt8] {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw systemFailure("open", path) }
  defer { close(file) }
  return try collect { block in
    var count = Glibc.read(file, block.baseAddress, block.count)
    while count < 0 && errno == EINTR { count = Glibc.read(file, block.baseAddress, block.count) }
    return Int64(count)
  } onFailure: { _ in
    systemFailure("read", path)
  }
}

/// Write beside the file, sync, rename: a failure leaves what was there. What is no plain file is written to.
func writeFile(_ path: String, _ bytes: [UInt8]) throws(DetectionError) {
  var there = stat()
  let isSpecial = stat(path, &there) == 0 && there.st_mode & S_IFMT != S_IFREG
  let temporary = isSpecial ? path : "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
  let file = open(
    temporary, O_WRONLY | O_CLOEXEC | (isSpecial ? 0 : O_CREAT | O_EXCL), 0o666)
  guard file >= 0 else { throw systemFailure("create", temporary) }
  func fail(_ doing: String) -> DetectionError {
    let failure = systemFailure(doing, path)
    if !isSpecial { unlink(temporary) }
    return failure
  }
  var written = 0
  while written < bytes.count {
    let count = bytes.withUnsafeBytes {
      Glibc.write(file, $0.baseAddress.map { $0 + written }, bytes.count - written)
    }
    if count < 0 {
      if errno == EINTR { continue }
      let failure = fail("write")
      close(file)
      throw failure
    }
    written += count
  }
  let synced = fsync(file)
  if synced != 0, errno != EINVAL {
    let failure = fail("sync")
    close(file)
    throw failure
  }
  guard close(file) == 0 else { throw fail("close") }
  guard !isSpecial else { return }
  guard rename(temporary, path) == 0 else { throw fail("rename to") }
}
