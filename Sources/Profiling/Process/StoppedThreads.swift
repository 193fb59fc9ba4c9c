import CProfiling
import Glibc

/// Threads of another process, held still. Used on a thread of the library's own (`onTracingThread`): when
/// that ends, however it ends, the kernel lets them all run on.
final class StoppedThreads {
  struct Entry {
    var tid: Int32
    /// Before it was stopped.
    var thread: TargetProcess.Thread
    /// Nil for a thread that the kernel does not let stop now (it waits uninterruptibly).
    var registers: [UInt64]?
    fileprivate var signal: Int32 = 0
  }
  private(set) var entries: [Entry] = []
  private var isHeld = true

  /// Stop every thread: first all are asked, then all are waited for.
  init(_ process: TargetProcess) throws(ProfilingError) {
    var asked: Set<Int32> = []
    // Threads may be born meanwhile, of ones that had not stopped yet.
    for _ in 0..<8 {
      var fresh: [Entry] = []
      for tid in process.threadIDs where !asked.contains(tid) {
        guard let thread = process.thread(tid), thread.state != UInt8(ascii: "Z") else { continue }
        let error = cp_seize(tid)
        if error == ESRCH { continue }
        if error != 0 {
          release()
          throw process.refusal(error)
        }
        asked.insert(tid)
        _ = cp_interrupt(tid)
        fresh.append(Entry(tid: tid, thread: thread))
      }
      if fresh.isEmpty { break }
      let first = entries.count
      entries += fresh
      wait(from: first)
    }
    if entries.isEmpty {
      _ = try TargetProcess(pid: process.pid)
      throw ProfilingError(.noProcess, "process \(process.pid) has ended")
    }
  }

  deinit { release() }

  private func wait(from first: Int) {
    var waiting = Array(entries.indices.dropFirst(first))
    let begin = cp_now()
    while !waiting.isEmpty {
      waiting.removeAll { index in
        var signal: Int32 = 0
        let tid = entries[index].tid
        switch cp_poll(tid, &signal) {
        case Int32(CP_STOPPED):
          var registers = cp_registers()
          entries[index].signal = signal
          if cp_get_registers(tid, &registers) == 0 {
            entries[index].registers = withUnsafeBytes(of: &registers) {
              Array($0.bindMemory(to: UInt64.self))
            }
          }
          return true
        case Int32(CP_GONE):
          entries[index].tid = 0
          return true
        default:
          return false
        }
      }
      let waited = cp_now() - begin
      if waiting.isEmpty || waited > 250_000_000 { break }
      if waited > 200_000 { usleep(50) } else { sched_yield() }
    }
    entries.removeAll { $0.tid == 0 }
  }

  /// Let all run on; each gets the signal it was about to get.
  func release() {
    guard isHeld else { return }
    isHeld = false
    for entry in entries { _ = cp_detach(entry.tid, entry.signal) }
  }
}

/// Run a body on a new thread, so that what it traces is let go at its end.
func onTracingThread<Result>(
  _ body: () throws(ProfilingError) -> Result
) throws(ProfilingError) -> Result {
  var result: Swift.Result<Result, ProfilingError>?
  var code: Int32 = 0
  withoutActuallyEscaping(body) { body in
    var call: () -> Void = {
      do throws(ProfilingError) { result = .success(try body()) } catch { result = .failure(error) }
    }
    code = withUnsafeMutablePointer(to: &call) { pointer in
      cp_on_new_thread({ $0?.assumingMemoryBound(to: (() -> Void).self).pointee() }, pointer)
    }
  }
  guard let result else {
    throw ProfilingError(.outOfMemory, "cannot start a thread: \(String(cString: strerror(code)))")
  }
  return try result.get()
}
