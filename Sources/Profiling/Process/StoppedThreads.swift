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
    /// Not so when it was not asked to stop.
    fileprivate var isOurs = true

    init(tid: Int32, thread: TargetProcess.Thread, isOurs: Bool = true) {
      self.tid = tid
      self.thread = thread
      self.isOurs = isOurs
    }
  }
  private(set) var entries: [Entry] = []
  private var isHeld = true
  private static let tick: Int64 = 1_000_000

  /// Stop every thread: first all are asked, then all are waited for.
  init(_ process: TargetProcess) throws(ProfilingError) {
    cp_ticks(StoppedThreads.tick)
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
    entries.removeAll { $0.tid == 0 }
    if entries.isEmpty {
      _ = try TargetProcess(pid: process.pid)
      throw ProfilingError(.noProcess, "process \(process.pid) has ended")
    }
  }

  /// Stop these threads only. Ones that have ended are left out; ones that wait uninterruptibly are not
  /// asked. One that has been asked and does not stop in time goes to `lagging`: it stops when it can, and
  /// the caller must look for that soon and let it run on.
  init(
    _ process: TargetProcess, _ tids: [(tid: Int32, thread: TargetProcess.Thread)],
    lagging: inout [Int32]
  ) throws(ProfilingError) {
    cp_ticks(StoppedThreads.tick)
    for (tid, thread) in tids {
      if thread.state == UInt8(ascii: "D") || lagging.contains(tid) {
        entries.append(Entry(tid: tid, thread: thread, isOurs: false))
        continue
      }
      let error = cp_seize(tid)
      if error == ESRCH { continue }
      if error != 0 {
        release()
        throw process.refusal(error)
      }
      _ = cp_interrupt(tid)
      entries.append(Entry(tid: tid, thread: thread))
    }
    let late = wait(from: 0, patience: 20_000_000)
    for index in late {
      lagging.append(entries[index].tid)
      entries[index].isOurs = false
    }
    entries.removeAll { $0.tid == 0 }
  }

  deinit { release() }

  /// Wait until all have stopped: asleep in the kernel, which wakes us with the stop (in 6 us, where looking
  /// again after 10 us of sleep takes 30). The news of a stop may go to another thread of ours that waits for
  /// its children; then a tick ends the wait, and the thread is asked. Returns the ones that have not stopped
  /// in time.
  @discardableResult
  private func wait(from first: Int, patience: Int64 = 250_000_000) -> [Int] {
    var waiting = entries.indices.dropFirst(first).filter { entries[$0].isOurs }
    let begin = cp_now()
    while !waiting.isEmpty {
      var left = 0
      for index in waiting {
        var signal: Int32 = 0
        let found = cp_wait(entries[index].tid, &signal)
        if found == Int32(CP_RUNNING) {
          waiting[left] = index
          left += 1
        } else {
          note(found, signal, index)
        }
      }
      waiting.removeLast(waiting.count - left)
      if waiting.isEmpty || cp_now() - begin > patience { break }
    }
    return waiting
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
    } else {
      entries[index].tid = 0
    }
  }

  /// Let all run on; each gets the signal it was about to get.
  func release() {
    guard isHeld else { return }
    isHeld = false
    for entry in entries where entry.isOurs { _ = cp_detach(entry.tid, entry.signal) }
    cp_ticks(0)
  }
}

/// Let those that have stopped at last run on; the others stay in the list.
func releaseLagging(_ lagging: inout [Int32]) {
  lagging.removeAll { tid in
    var signal: Int32 = 0
    let found = cp_poll(tid, &signal)
    if found == Int32(CP_STOPPED) { _ = cp_detach(tid, signal) }
    return found != Int32(CP_RUNNING)
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
