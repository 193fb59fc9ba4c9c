import CProfiling
import Glibc

/// The threads of this very process: asked by a signal, they answer by themselves. Lives on the sampling thread.
final class OwnThreads {
  /// By their numbers.
  private var threads: [OwnThread] = []
  private var idle: [OpaquePointer] = []
  private let pid = getpid()
  private var isBegun = false
  private let signal: Int32
  /// Stacks that were not taken because their threads block the signal.
  private var blocked: Int64 = 0
  private let callsBefore: Int64
  /// Answers, and of some of them what they took the threads.
  private var count: Int64 = 0
  private var timed: Int64 = 0
  private var time: Int64 = 0
  private var told: (count: Int64, pause: Int64) = (0, 0)

  /// Of the first thread.
  private let stack: Mapping?

  init(_ map: MemoryMap) throws(ProfilingError) {
    stack = map.mappings.last { $0.path == "[stack]" }
    callsBefore = OwnThreads.interruptedCalls
    let code = cp_inside_begin()
    signal = cp_inside_signal()
    if code == ENOSYS {
      throw ProfilingError(.notSupported, "a process can sample itself on x86-64 only")
    }
    guard code == 0 else {
      throw ProfilingError(.notSupported, "every real-time signal has a handler, and sampling needs one")
    }
    isBegun = true
  }

  deinit { end() }

  func end() {
    for thread in threads { thread.release() }
    for slot in idle { cp_slot_release(slot) }
    threads = []
    idle = []
    if isBegun { cp_inside_end() }
    isBegun = false
  }

  private static var interruptedCalls: Int64 {
    var restarted: Int64 = 0
    var interrupted: Int64 = 0
    cp_inside_interrupted(&restarted, &interrupted)
    return interrupted
  }

  /// Fill in what has come since it was asked last.
  func complete(_ statistics: inout RecordingStatistics) {
    statistics.blocked = blocked
    // System calls that returned EINTR for our signal's sake.
    statistics.interrupted = OwnThreads.interruptedCalls - callsBefore
    // What all answers took the threads, by the mean of those that were looked at.
    let pause = timed > 0 ? Int64(Double(time) / Double(timed) * Double(count)) : 0
    statistics.stops += count - told.count
    statistics.pause += pause - told.pause
    told = (count, pause)
  }

  var isWaiting: Bool { threads.contains { $0.slot != nil } }

  /// The thread with the number; made where there is none yet.
  func thread(_ tid: Int32) -> OwnThread {
    var low = 0
    var high = threads.count
    while low < high {
      let middle = (low + high) / 2
      if threads[middle].tid < tid { low = middle + 1 } else { high = middle }
    }
    if low < threads.count, threads[low].tid == tid { return threads[low] }
    let made = OwnThread(tid: tid, stack: tid == pid ? stack : nil)
    threads.insert(made, at: low)
    return made
  }

  /// Ask a thread that runs; whether that could be done.
  func ask(
    _ asked: OwnThread, _ thread: TargetProcess.Thread, _ layout: cp_python_layout?,
    native: Bool, now: Int64
  ) -> Bool {
    if asked.slot != nil {
      if let (slot, missed) = asked.waitOn(now, signal: signal) {
        blocked += missed
        idle.append(slot)
      }
      return true
    }
    if asked.isDeaf(now) {
      blocked += 1
      return true
    }
    guard let slot = idle.popLast() ?? cp_slot_acquire() else { return false }
    let error = asked.ask(
      slot, thread, layout, native: native, isFirst: asked.tid == pid, now: now)
    if error != 0 { idle.append(slot) }
    return error == 0 || error == ESRCH
  }

  /// The answers that have come.
  func answers(_ layout: PythonLayout?, _ map: (UInt64) -> Mapping?) -> [OwnAnswer] {
    var answers: [OwnAnswer] = []
    for thread in threads {
      guard let (slot, answer) = thread.takeAnswer(layout, isFirst: thread.tid == pid, map) else { continue }
      idle.append(slot)
      answers.append(answer)
      count += 1
      if answer.time >= 0 {
        timed += 1
        time += answer.time
      }
    }
    return answers
  }

  /// Threads that have ended answer no more.
  func keep(_ tids: Set<Int32>) {
    threads.removeAll { thread in
      if tids.contains(thread.tid) { return false }
      thread.release()
      return true
    }
  }

  /// What the interpreter knows of them now.
  func know(_ states: [PythonStacks.State]) {
    for thread in threads { thread.states = [] }
    for state in states { thread(state.osThread).states.append(state) }
  }
}
