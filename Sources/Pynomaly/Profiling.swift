import CPynomaly
import Detection
import Glibc
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
      dumpOptions.locals = options.pointee.locals != 0
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

private func recording(_ profiler: OpaquePointer?) throws(DetectionError) -> Recording {
  Unmanaged<Recording>.fromOpaque(UnsafeRawPointer(try required(profiler, "profiler")))
    .takeUnretainedValue()
}

/// The caller's structure; members that an earlier header did not have are as if not given.
private func fields(
  _ pointer: UnsafePointer<pyn_profiler_options>
) throws(DetectionError) -> pyn_profiler_options {
  let size = pointer.pointer(to: \.struct_size)?.pointee ?? 0
  try check(structSize: size, atLeast: FirstSize.profilerOptions, "pyn_profiler_options")
  var fields = pyn_profiler_options()
  withUnsafeMutableBytes(of: &fields) { target in
    target.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: min(size, target.count)))
  }
  return fields
}

extension Recording.Slices {
  fileprivate init(_ options: pyn_profiler_options) throws(DetectionError) {
    let write = try required(options.slice_write, "slice_write")
    try known(options.slice_format)
    let context = options.slice_context
    let format = options.slice_format
    self.init(seconds: options.slice) { profile in
      guard let bytes = try? content(profile, format) else { return -1 }
      return bytes.withUnsafeBytes { write($0.baseAddress, $0.count, context) }
    }
  }
}

@_cdecl("pyn_profiler_start") @implementation
public func pyn_profiler_start(
  _ pid: Int32, _ options: UnsafePointer<pyn_profiler_options>?,
  _ profiler: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(profiler, "profiler")
    target.pointee = nil
    var chosen = RecordingOptions()
    var slices: Recording.Slices?
    if let options {
      let given = try fields(options)
      chosen.rate = given.rate
      chosen.duration = given.duration
      chosen.native = given.native != 0
      chosen.idle = given.idle != 0
      chosen.lockOnly = given.gil != 0
      chosen.threads = given.threads != 0
      chosen.functions = given.function != 0
      chosen.noLines = given.nolineno != 0
      chosen.subprocesses = given.subprocesses != 0
      chosen.nonBlocking = given.nonblocking != 0
      if given.slice != 0 { slices = try Recording.Slices(given) }
    }
    let recording = try profiling { () throws(ProfilingError) in
      try Recording(pid: pid == 0 ? getpid() : pid, options: chosen, slices: slices)
    }
    WorkerSignals.open = Recording.signal
    target.pointee = OpaquePointer(Unmanaged.passRetained(recording).toOpaque())
  }
}

@_cdecl("pyn_profiler_wait") @implementation
public func pyn_profiler_wait(
  _ profiler: OpaquePointer?, _ seconds: Double, _ running: UnsafeMutablePointer<Int32>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let recording = try recording(profiler)
    let running = try required(running, "running")
    guard seconds >= 0 else {
      throw DetectionError(.invalidArgument, "seconds is \(seconds); allowed are 0 and more")
    }
    running.pointee = recording.wait(seconds: seconds) ? 1 : 0
  }
}

@_cdecl("pyn_profiler_stop") @implementation
public func pyn_profiler_stop(
  _ profiler: OpaquePointer?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    try recording(profiler).stop()
    WorkerSignals.open = Recording.signal
  }
}

@_cdecl("pyn_profiler_pause") @implementation
public func pyn_profiler_pause(
  _ profiler: OpaquePointer?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in try recording(profiler).pause(true) }
}

@_cdecl("pyn_profiler_resume") @implementation
public func pyn_profiler_resume(
  _ profiler: OpaquePointer?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in try recording(profiler).pause(false) }
}

@_cdecl("pyn_profiler_get_statistics") @implementation
public func pyn_profiler_get_statistics(
  _ profiler: OpaquePointer?, _ statistics: UnsafeMutablePointer<pyn_profiler_statistics>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let found = try recording(profiler).statistics
    let target = try required(statistics, "statistics")
    let size = target.pointee.struct_size
    try check(structSize: size, atLeast: FirstSize.profilerStatistics, "pyn_profiler_statistics")
    var whole = pyn_profiler_statistics(
      struct_size: size, due: found.due, taken: found.taken, late: found.late,
      skipped: found.skipped, torn: found.torn, failed: found.failed, stacks: found.stacks,
      stops: found.stops, pause_ns: found.pause, own_ns: found.ownTime,
      duration_ns: found.duration, incomplete: found.incomplete, blocked: found.blocked,
      interrupted: found.interrupted, threads: found.threads, active: found.active, locked: found.locked)
    // As much of it as the caller's structure has.
    UnsafeMutableRawPointer(target).copyMemory(
      from: &whole, byteCount: min(size, MemoryLayout<pyn_profiler_statistics>.size))
  }
}

private func checkOwner(_ recording: Recording) throws(DetectionError) {
  guard !recording.isForeign else {
    throw DetectionError(
      .notSupported, "the recording is that of the process that this one was forked from")
  }
}

private func ended(_ recording: Recording) throws(DetectionError) -> Profile {
  try checkOwner(recording)
  guard !recording.wait(seconds: 0) else {
    throw DetectionError(.invalidArgument, "the recording has not ended: stop it first")
  }
  return recording.profile
}

/// A profile in one of the formats.
private func content(_ profile: Profile, _ format: Int32) throws(DetectionError) -> [UInt8] {
  switch format {
  case Int32(PYN_PROFILE_FLAMEGRAPH): return profile.flameGraph
  case Int32(PYN_PROFILE_SPEEDSCOPE): return profile.speedscope
  case Int32(PYN_PROFILE_RAW): return profile.folded
  case Int32(PYN_PROFILE_PPROF): return profile.pprof
  case Int32(PYN_PROFILE_CHROMETRACE): return profile.chromeTrace
  case Int32(PYN_PROFILE_SUMMARY):
    let ending = profile.ending.isEmpty ? "it still runs" : "ended because \(profile.ending)"
    return Array("\(profile.summary); \(ending)".utf8)
  default: throw wrong(format)
  }
}

private func wrong(_ format: Int32) -> DetectionError {
  DetectionError(
    .invalidArgument,
    "format is \(format); allowed are PYN_PROFILE_FLAMEGRAPH (1) to PYN_PROFILE_CHROMETRACE (6)")
}

private func known(_ format: Int32) throws(DetectionError) {
  guard (Int32(PYN_PROFILE_FLAMEGRAPH)...Int32(PYN_PROFILE_CHROMETRACE)).contains(format) else {
    throw wrong(format)
  }
}

@_cdecl("pyn_profiler_write") @implementation
public func pyn_profiler_write(
  _ profiler: OpaquePointer?, _ format: Int32, _ write: pyn_write_callback?,
  _ context: UnsafeMutableRawPointer?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let recording = try recording(profiler)
    let write = try required(write, "write")
    try hand(content(ended(recording), format), to: write, context)
  }
}

@_cdecl("pyn_profiler_write_file") @implementation
public func pyn_profiler_write_file(
  _ profiler: OpaquePointer?, _ format: Int32, _ path: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let recording = try recording(profiler)
    let path = try text(path, "path")
    try writeFile(path, content(ended(recording), format))
  }
}

@_cdecl("pyn_profiler_take_slice") @implementation
public func pyn_profiler_take_slice(
  _ profiler: OpaquePointer?, _ format: Int32, _ write: pyn_write_callback?,
  _ context: UnsafeMutableRawPointer?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let recording = try recording(profiler)
    let write = try required(write, "write")
    try checkOwner(recording)
    try known(format)
    try hand(content(recording.takeSlice(), format), to: write, context)
  }
}

@_cdecl("pyn_profiler_free") @implementation
public func pyn_profiler_free(_ profiler: OpaquePointer?) {
  guard let profiler else { return }
  let recording = Unmanaged<Recording>.fromOpaque(UnsafeRawPointer(profiler))
  if recording.takeUnretainedValue().isForeign { return }
  recording.takeUnretainedValue().stop()
  WorkerSignals.open = Recording.signal
  recording.release()
}

@_cdecl("pyn_profiler_compare") @implementation
public func pyn_profiler_compare(
  _ base: UnsafePointer<CChar>?, _ baseSize: Int, _ recording: UnsafePointer<CChar>?, _ recordingSize: Int,
  _ title: UnsafePointer<CChar>?, _ write: pyn_write_callback?, _ context: UnsafeMutableRawPointer?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let base = try required(base, "base")
    let recording = try required(recording, "recording")
    let write = try required(write, "write")
    guard baseSize >= 0, recordingSize >= 0 else {
      throw DetectionError(.invalidArgument, "a size is beyond what memory can hold")
    }
    let picture = try profiling { () throws(ProfilingError) in
      try Profile.difference(
        base: UnsafeRawBufferPointer(start: base, count: baseSize),
        recording: UnsafeRawBufferPointer(start: recording, count: recordingSize),
        title: title.map { String(cString: $0) } ?? "")
    }
    try hand(picture, to: write, context)
  }
}
