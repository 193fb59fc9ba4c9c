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

  /// Stop these threads only, as fast as it goes; ones that have ended are left out, and ones that cannot
  /// be interrupted now are not asked.
  init(_ process: TargetProcess, _ tids: [(tid: Int32, thread: TargetProcess.Thread)]) throws(ProfilingError) {
    for (tid, thread) in tids {
      if thread.state == UInt8(ascii: "D") { continue }
      let error = cp_seize(tid)
      if error == ESRCH { continue }
      if error != 0 {
        release()
        throw process.refusal(error)
      }
      _ = cp_interrupt(tid)
      entries.append(Entry(tid: tid, thread: thread))
    }
    // Waiting is faster than asking again and again: it takes the processor at once when there is news.
    for index in entries.indices {
      var signal: Int32 = 0
      note(cp_await(entries[index].tid, &signal), signal, index)
    }
    entries.removeAll { $0.tid == 0 }
  }

  deinit { release() }

  private func wait(from first: Int) {
    var waiting = Array(entries.indices.dropFirst(first))
    let begin = cp_now()
    while !waiting.isEmpty {
      waiting.removeAll { index in
        var signal: Int32 = 0
        let found = cp_poll(entries[index].tid, &signal)
        note(found, signal, index)
        return found != Int32(CP_RUNNING)
      }
      let waited = cp_now() - begin
      if waiting.isEmpty || waited > 250_000_000 { break }
      if waited > 200_000 { usleep(50) } else { sched_yield() }
    }
    entries.removeAll { $0.tid == 0 }
  }

  private func note(_ found: Int32, _ signal: Int32, _ index: Int) {
    if found == Int32(CP_STOPPED) {
      var registers = cp_registers()
      entries[index].signal = signal
      if cp_get_registers(entries[index].tid, &registers) == 0 {
        entries[index].registers = withUnsafeBytes(of: &registers) {
          Array($0.bindMemory(to: UInt64.self))
        }
      }
    } else if found == Int32(CP_GONE) {
      entries[index].tid = 0
    }
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
