import CPynomaly
import Detection
import Glibc

@_cdecl("pyn_status_name") @implementation
public func pyn_status_name(_ status: pyn_status) -> UnsafePointer<CChar>? {
  let name: StaticString
  switch Status(rawValue: status) {
  case .ok: name = "PYN_OK"
  case .nullArgument: name = "PYN_ERROR_NULL_ARGUMENT"
  case .invalidArgument: name = "PYN_ERROR_INVALID_ARGUMENT"
  case .unknownDetector: name = "PYN_ERROR_UNKNOWN_DETECTOR"
  case .unknownOption: name = "PYN_ERROR_UNKNOWN_OPTION"
  case .invalidOption: name = "PYN_ERROR_INVALID_OPTION"
  case .invalidData: name = "PYN_ERROR_INVALID_DATA"
  case .shapeMismatch: name = "PYN_ERROR_SHAPE_MISMATCH"
  case .notFitted: name = "PYN_ERROR_NOT_FITTED"
  case .notSupported: name = "PYN_ERROR_NOT_SUPPORTED"
  case .cancelled: name = "PYN_ERROR_CANCELLED"
  case .outOfMemory: name = "PYN_ERROR_OUT_OF_MEMORY"
  case .io: name = "PYN_ERROR_IO"
  case .modelFormat: name = "PYN_ERROR_MODEL_FORMAT"
  case .modelVersion: name = "PYN_ERROR_MODEL_VERSION"
  case .internalFault: name = "PYN_ERROR_INTERNAL"
  case .plugin: name = "PYN_ERROR_PLUGIN"
  case .noProcess: name = "PYN_ERROR_NO_PROCESS"
  case .notPermitted: name = "PYN_ERROR_NOT_PERMITTED"
  case nil: name = "PYN_ERROR_UNKNOWN"
  }
  return cString(name)
}

/// Run a fallible body and turn what it throws into a status and the caller's pyn_error.
@inline(__always)
func status(
  _ error: UnsafeMutablePointer<pyn_error>?, _ body: () throws(DetectionError) -> Void
) -> pyn_status {
  do throws(DetectionError) {
    try body()
    return Status.ok.rawValue
  } catch let failure {
    report(failure, to: error)
    return failure.status.rawValue
  }
}

/// Fill as much of the caller's structure as its struct_size says is there.
func report(_ failure: DetectionError, to error: UnsafeMutablePointer<pyn_error>?) {
  guard let error else { return }
  let size = error.pointee.struct_size
  func has(_ field: PartialKeyPath<pyn_error>, _ bytes: Int) -> Bool {
    MemoryLayout<pyn_error>.offset(of: field).map { size >= $0 + bytes } ?? false
  }
  if has(\.code, 4) { error.pointee.code = failure.status.rawValue }
  if has(\.row, 8) { error.pointee.row = Int64(failure.row ?? -1) }
  if has(\.column, 8) { error.pointee.column = Int64(failure.column ?? -1) }
  guard let offset = MemoryLayout<pyn_error>.offset(of: \.message), size > offset else { return }
  let capacity = min(size - offset, Int(PYN_ERROR_MESSAGE_SIZE))
  let message = UnsafeMutableRawBufferPointer(
    start: UnsafeMutableRawPointer(error) + offset, count: capacity)
  copy(failure.message, to: message)
}

/// The pointer, or an error that names it.
@inline(__always)
func required<Pointer>(_ pointer: Pointer?, _ name: StaticString) throws(DetectionError) -> Pointer {
  if let pointer { return pointer }
  throw DetectionError(.nullArgument, "\(name) is NULL")
}

/// The text of a C string argument.
func text(_ pointer: UnsafePointer<CChar>?, _ name: StaticString) throws(DetectionError) -> String {
  let pointer = try required(pointer, name)
  let bytes = UnsafeRawBufferPointer(start: pointer, count: strlen(pointer))
  guard let text = String(validating: bytes, as: UTF8.self) else {
    throw DetectionError(.invalidArgument, "\(name) is not UTF-8 text")
  }
  return text
}

/// Sizes of structures that have grown since the first header of this ABI: programs compiled with that one
/// end there.
enum FirstSize {
  static let call = 48
  static let detectorInfo = 48
  static let profilerOptions = 56
  static let profilerStatistics = 104
}

/// Check the size that a caller's structure says it has.
@inline(__always)
func check(
  structSize size: Int, atLeast expected: Int, _ name: StaticString
) throws(DetectionError) {
  guard size >= expected else {
    throw DetectionError(
      .invalidArgument,
      "struct_size of \(name) is \(size); at least \(expected) is needed: initialise it with the"
        + " macro of pynomaly.h")
  }
}
