import CProfiling
import Glibc

/// The threads of this very process: asked by a signal, they answer by themselves. Lives on the sampling thread.
final class OwnThreads {
  /// A label as it was set: by its place on the C stack, or by a Python frame, in which case `place` is 0.
  struct Label {
    var name: String
    var place: UInt64
  }

  /// What a thread was found to do.
  struct Answer {
    var tid: Int32
    var thread: TargetProcess.Thread
    /// Moments that it stands for: a thread that waits for a processor does not move.
    var moments: Int64
    var copy: StackCopy?
    var python: [PythonThread] = []
    /// Of each code object: what tells it from another one in its place.
    var marks: [UInt64: CodeMark] = [:]
    var labels: [Label] = []
    var isTorn = false
    var isCut = false
  }

  private struct Question {
    var slot: OpaquePointer
    var thread: TargetProcess.Thread
    var interpreters: [Int64]
    var asked: Int64
    var moments: Int64 = 1
  }

  private var questions: [Int32: Question] = [:]
  private var idle: [OpaquePointer] = []
  /// Threads that block the signal, and when that was found.
  private var deaf: [Int32: Int64] = [:]
  /// Where stacks were found to be.
  private var stacks: [Int32: Range<UInt64>] = [:]
  private var isBegun = false
  private(set) var signal: Int32 = 0
  /// Stacks that were not taken because their threads block the signal.
  private var blocked: Int64 = 0
  private let callsBefore: Int64
  /// Answers, and of some of them what they took the threads.
  private var count: Int64 = 0
  private var timed: Int64 = 0
  private var time: Int64 = 0

  init() throws(ProfilingError) {
    callsBefore = OwnThreads.interruptedCalls
    let code = cp_inside_begin()
    if code == ENOSYS {
      throw ProfilingError(.notSupported, "a process can sample itself on x86-64 only")
    }
    guard code == 0 else {
      throw ProfilingError(.notSupported, "every real-time signal has a handler, and sampling needs one")
    }
    isBegun = true
    signal = cp_inside_signal()
  }

  deinit { end() }

  func end() {
    for question in questions.values { cp_slot_release(question.slot) }
    for slot in idle { cp_slot_release(slot) }
    questions = [:]
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

  /// System calls that returned EINTR for our signal's sake.
  private var interrupted: Int64 { OwnThreads.interruptedCalls - callsBefore }

  private var told: (count: Int64, pause: Int64) = (0, 0)

  /// Fill in what has come since it was asked last.
  func complete(_ statistics: inout RecordingStatistics) {
    statistics.blocked = blocked
    statistics.interrupted = interrupted
    statistics.stops += count - told.count
    statistics.pause += pause - told.pause
    told = (count, pause)
  }

  /// What all answers took the threads, by the mean of those that were looked at.
  private var pause: Int64 { timed > 0 ? Int64(Double(time) / Double(timed) * Double(count)) : 0 }

  var isWaiting: Bool { !questions.isEmpty }

  /// Ask a thread that runs. One that has not answered yet stands where it stood.
  func ask(
    _ tid: Int32, _ thread: TargetProcess.Thread, _ states: [PythonStacks.State],
    _ layout: cp_python_layout?, native: Bool, lock: Bool, now: Int64
  ) -> Bool {
    if questions[tid] != nil {
      questions[tid]?.moments += 1
      return !isDeaf(tid, now)
    }
    if let found = deaf[tid] {
      blocked += 1
      if now - found < 1_000_000_000 { return true }
      deaf[tid] = nil
    }
    guard let slot = idle.popLast() ?? cp_slot_acquire(), let answer = cp_slot_answer(slot) else {
      return false
    }
    answer.pointee.tid = tid
    answer.pointee.wants_stack = native ? 1 : 0
    answer.pointee.is_first = tid == getpid() ? 1 : 0
    answer.pointee.stack_start = stacks[tid]?.lowerBound ?? 0
    answer.pointee.stack_end = stacks[tid]?.upperBound ?? 0
    if let layout { answer.pointee.layout = layout }
    func state(_ index: Int) -> PythonStacks.State? {
      layout != nil && index < states.count ? states[index] : nil
    }
    answer.pointee.thread_states = (
      state(0)?.address ?? 0, state(1)?.address ?? 0, state(2)?.address ?? 0, state(3)?.address ?? 0
    )
    func holder(_ index: Int) -> UInt64 { lock ? state(index)?.lockHolder ?? 0 : 0 }
    func flag(_ index: Int) -> UInt64 { state(index)?.lockFlag ?? 0 }
    answer.pointee.lock_holder = (holder(0), holder(1), holder(2), holder(3))
    answer.pointee.lock_flag = (flag(0), flag(1), flag(2), flag(3))
    let error = cp_slot_ask(slot)
    guard error == 0 else {
      idle.append(slot)
      return error == ESRCH
    }
    questions[tid] = Question(
      slot: slot, thread: thread, interpreters: states.map(\.interpreter), asked: now)
    return true
  }

  /// Whether a thread that has not answered for long blocks the signal.
  private func isDeaf(_ tid: Int32, _ now: Int64) -> Bool {
    guard let question = questions[tid], now - question.asked > 100_000_000 else { return false }
    questions[tid]?.asked = now
    guard let status = ProcFile.text("/proc/self/task/\(tid)/status"),
      let word = ProcFile.field("SigBlk", of: status)?.first, let mask = UInt64(word, radix: 16),
      mask >> UInt64(signal - 1) & 1 == 1
    else { return false }
    if cp_slot_cancel(question.slot) != 0 {
      blocked += question.moments
      questions[tid] = nil
      idle.append(question.slot)
      deaf[tid] = now
    }
    return true
  }

  /// The answers that have come.
  func answers(_ layout: PythonLayout?, _ map: (UInt64) -> Mapping?) -> [Answer] {
    var answers: [Answer] = []
    for (tid, question) in questions where cp_slot_poll(question.slot) != 0 {
      questions[tid] = nil
      idle.append(question.slot)
      guard let found = cp_slot_answer(question.slot) else { continue }
      answers.append(read(found, question, tid, layout, map))
    }
    return answers
  }

  /// Threads that have ended answer no more.
  func keep(_ tids: Set<Int32>) {
    for (tid, question) in questions where !tids.contains(tid) {
      questions[tid] = nil
      cp_slot_release(question.slot)
    }
    stacks = stacks.filter { tids.contains($0.key) }
    deaf = deaf.filter { tids.contains($0.key) }
  }

  private func read(
    _ found: UnsafeMutablePointer<cp_answer>, _ question: Question, _ tid: Int32, _ layout: PythonLayout?,
    _ map: (UInt64) -> Mapping?
  ) -> Answer {
    var answer = Answer(tid: tid, thread: question.thread, moments: question.moments)
    answer.isTorn = found.pointee.is_broken != 0
    answer.isCut = found.pointee.is_cut != 0
    count += 1
    if found.pointee.time >= 0 {
      timed += 1
      time += found.pointee.time
    }
    if found.pointee.label_count > 0, let labels = found.pointee.labels {
      for index in 0..<Int(found.pointee.label_count) {
        var label = labels[index]
        let name = withUnsafeBytes(of: &label.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        answer.labels.append(Label(name: name, place: label.frame == 0 ? label.place : 0))
      }
    }
    if let layout { readPython(found, question, layout, &answer) }
    if found.pointee.wants_stack != 0 {
      var registers = found.pointee.registers
      let values = withUnsafeBytes(of: &registers) { Array($0.bindMemory(to: UInt64.self)) }
      let sp = values[StackCopy.rsp]
      if stacks[tid].map({ !$0.contains(sp) }) ?? true {
        stacks[tid] = map(sp).flatMap { mapping in
          // The first thread may run on another stack of its own making.
          tid == getpid() && mapping.path != "[stack]"
            ? nil : mapping.start..<max(mapping.end, mapping.start)
        }
      }
      var size = Int(clamping: found.pointee.stack_size)
      if let stack = stacks[tid], sp >= stack.lowerBound, sp < stack.upperBound {
        size = min(size, Int(clamping: stack.upperBound - sp))
      }
      answer.copy = StackCopy(registers: values, bytes: found.pointee.stack, count: size)
    }
    return answer
  }

  private func readPython(
    _ found: UnsafeMutablePointer<cp_answer>, _ question: Question, _ layout: PythonLayout,
    _ answer: inout Answer
  ) {
    guard let frames = found.pointee.frames else { return }
    var thread: PythonThread?
    var state: Int32 = -1
    var run = PythonRun(frames: [], stackAddress: 0)
    for index in 0..<Int(found.pointee.frame_count) {
      let frame = frames[index]
      if frame.interpreter != state {
        if let thread { answer.python.append(thread) }
        state = frame.interpreter
        let interpreter = Int(state) < question.interpreters.count ? question.interpreters[Int(state)] : 0
        thread = PythonThread(
          osThread: answer.tid, interpreter: interpreter, holdsLock: found.pointee.holds_lock != 0, runs: [])
      }
      if frame.code == 0 {
        run.stackAddress = frame.instruction
        thread?.runs.append(run)
        run = PythonRun(frames: [], stackAddress: 0)
        continue
      }
      if frame.label > 0 {
        run.frames.append(PythonFrame(code: Sample.label | UInt64(frame.label - 1), offset: 0))
      }
      answer.marks[frame.code] = CodeMark(name: frame.name, lines: frame.lines)
      run.frames.append(
        PythonFrame(code: frame.code, offset: layout.offset(frame.instruction, of: frame.code)))
    }
    if let thread { answer.python.append(thread) }
  }
}
