import CPynomaly

/// A recording of the library's.
final class ProcessRecording {
  private var profiler: OpaquePointer?

  /// A command that has just begun may not have become an interpreter yet.
  init(_ pid: Int32, _ options: pyn_profiler_options, _ child: SampledCommand?) throws {
    var options = options
    for attempt in 1... {
      do {
        try callLibrary { pyn_profiler_start(pid, &options, &profiler, $0) }
        break
      } catch let error as LibraryError where Int(error.status) == PYN_ERROR_NOT_SUPPORTED {
        guard let child, attempt < 400 else { throw error }
        child.collect()
        if child.isEnded { throw Failure("the command ended before it could be sampled") }
        SampledCommand.pause(milliseconds: 5)
      }
    }
  }

  deinit { pyn_profiler_free(profiler) }

  /// Wait for its end, at most so many seconds; whether it still runs.
  func wait(seconds: Double) throws -> Bool {
    var running: Int32 = 0
    try callLibrary { pyn_profiler_wait(profiler, seconds, &running, $0) }
    return running != 0
  }

  func stop() throws { try callLibrary { pyn_profiler_stop(profiler, $0) } }

  func statistics() throws -> pyn_profiler_statistics {
    var found = pyn_profiler_statistics()
    found.struct_size = MemoryLayout<pyn_profiler_statistics>.size
    try callLibrary { pyn_profiler_get_statistics(profiler, &found, $0) }
    return found
  }

  func content(_ format: Int) throws -> [UInt8] {
    let sink = TextSink()
    try callLibrary {
      pyn_profiler_write(profiler, Int32(format), TextSink.write, sink.context, $0)
    }
    return sink.bytes
  }

  /// The stacks since the last slice, a line each.
  func slice() throws -> [UInt8] {
    let sink = TextSink()
    try callLibrary {
      pyn_profiler_take_slice(profiler, Int32(PYN_PROFILE_RAW), TextSink.write, sink.context, $0)
    }
    return sink.bytes
  }

  /// How it went, and why it ended.
  func summary() throws -> String {
    String(decoding: try content(PYN_PROFILE_SUMMARY), as: UTF8.self)
  }
}
