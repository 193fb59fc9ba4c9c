import CPynomaly
import Detection
import Profiling

extension DetectionError {
  init(_ error: ProfilingError) {
    let status: Status =
      switch error.kind {
      case .invalidArgument: .invalidArgument
      case .notSupported: .notSupported
      case .noProcess: .noProcess
      case .notPermitted: .notPermitted
      case .outOfMemory: .outOfMemory
      case .cancelled: .cancelled
      case .io: .io
      }
    self.init(status, error.message)
  }
}

/// Run a body of the profiler and let its errors be the library's.
func profiling<Result>(
  _ body: () throws(ProfilingError) -> Result
) throws(DetectionError) -> Result {
  do throws(ProfilingError) { return try body() } catch { throw DetectionError(error) }
}

/// Hand all bytes to the caller.
func hand(
  _ bytes: [UInt8], to write: pyn_write_callback, _ context: UnsafeMutableRawPointer?
) throws(DetectionError) {
  let answer = bytes.withUnsafeBytes { write($0.baseAddress, $0.count, context) }
  guard answer == 0 else {
    throw DetectionError(.io, "the write callback failed: it returned \(answer)")
  }
}

@_cdecl("pyn_profiler_dump") @implementation
public func pyn_profiler_dump(
  _ pid: Int32, _ options: UnsafePointer<pyn_dump_options>?, _ write: pyn_write_callback?,
  _ context: UnsafeMutableRawPointer?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let write = try required(write, "write")
    var dumpOptions = Dump.Options()
    var format = Int32(PYN_DUMP_TEXT)
    if let options {
      try check(
        structSize: options.pointee.struct_size, atLeast: MemoryLayout<pyn_dump_options>.size,
        "pyn_dump_options")
      format = options.pointee.format
      dumpOptions.native = options.pointee.native != 0
      dumpOptions.nonBlocking = options.pointee.nonblocking != 0
    }
    guard format == Int32(PYN_DUMP_TEXT) || format == Int32(PYN_DUMP_JSON) else {
      throw DetectionError(
        .invalidArgument, "format is \(format); allowed are PYN_DUMP_TEXT (1) and PYN_DUMP_JSON (2)")
    }
    let dump = try profiling { () throws(ProfilingError) in
      try Dump(pid: pid, options: dumpOptions)
    }
    try hand(format == Int32(PYN_DUMP_JSON) ? dump.json : dump.text, to: write, context)
  }
}
