import CProfiling

/// A thread of this very process, which is asked by a signal what it does.
final class OwnThread {
  let tid: Int32
  private var thread: TargetProcess.Thread?
  /// As the interpreter knows it.
  var states: [PythonStacks.State] = []
  /// Where a question was put, while it has not been answered.
  private(set) var slot: OpaquePointer?
  private var asked: Int64 = 0
  private var moments: Int64 = 0
  /// When it was found to block the signal; 0: it does not.
  private var deaf: Int64 = 0
  /// The mapping in which its stack was found.
  private var stackStart: UInt64 = 0
  private var stackEnd: UInt64 = 0

  init(tid: Int32, stack: Mapping? = nil) {
    self.tid = tid
    stackStart = stack?.start ?? 0
    stackEnd = stack?.end ?? 0
  }

  /// Whether it blocks the signal, as was found less than a second ago.
  func isDeaf(_ now: Int64) -> Bool { deaf != 0 && now - deaf < 1_000_000_000 }

  /// It has not answered yet, and so stands where it stood. Gives the slot back, and how many moments were missed,
  /// where it turns out to block the signal.
  func waitOn(_ now: Int64, signal: Int32) -> (slot: OpaquePointer, missed: Int64)? {
    moments += 1
    guard now - asked > 100_000_000, let slot else { return nil }
    asked = now
    guard let status = ProcFile.text("/proc/self/task/\(tid)/status"),
      let word = ProcFile.field("SigBlk", of: status)?.first, let mask = UInt64(word, radix: 16),
      mask >> UInt64(signal - 1) & 1 == 1, cp_slot_cancel(slot) != 0
    else { return nil }
    deaf = now
    self.slot = nil
    return (slot, moments)
  }

  /// Returns an errno.
  func ask(
    _ slot: OpaquePointer, _ thread: TargetProcess.Thread, _ layout: cp_python_layout?,
    native: Bool, isFirst: Bool, now: Int64
  ) -> Int32 {
    guard let answer = cp_slot_answer(slot) else { return 0 }
    answer.pointee.tid = tid
    answer.pointee.wants_stack = native ? 1 : 0
    answer.pointee.is_first = isFirst ? 1 : 0
    answer.pointee.stack_start = stackStart
    answer.pointee.stack_end = stackEnd
    if let layout { answer.pointee.layout = layout }
    func state(_ index: Int) -> PythonStacks.State? {
      layout != nil && index < states.count ? states[index] : nil
    }
    answer.pointee.thread_states = (
      state(0)?.address ?? 0, state(1)?.address ?? 0, state(2)?.address ?? 0, state(3)?.address ?? 0
    )
    func holder(_ index: Int) -> UInt64 { state(index)?.lockHolder ?? 0 }
    func flag(_ index: Int) -> UInt64 { state(index)?.lockFlag ?? 0 }
    answer.pointee.lock_holder = (holder(0), holder(1), holder(2), holder(3))
    answer.pointee.lock_flag = (flag(0), flag(1), flag(2), flag(3))
    let error = cp_slot_ask(slot)
    if error == 0 {
      self.slot = slot
      self.thread = thread
      asked = now
      moments = 1
    }
    return error
  }

  func release() {
    cp_slot_release(slot)
    slot = nil
  }

  /// What was found, once the slot has it; the slot is free then.
  func takeAnswer(
    _ layout: PythonLayout?, isFirst: Bool, _ map: (UInt64) -> Mapping?
  ) -> (slot: OpaquePointer, answer: OwnAnswer)? {
    guard let slot, cp_slot_poll(slot) != 0, let found = cp_slot_answer(slot), let thread else { return nil }
    self.slot = nil
    var answer = OwnAnswer(tid: tid, thread: thread, moments: moments)
    answer.isTorn = found.pointee.is_broken != 0
    answer.isCut = found.pointee.is_cut != 0
    answer.time = found.pointee.time
    if let labels = found.pointee.labels {
      for index in 0..<Int(found.pointee.label_count) {
        var label = labels[index]
        let place = label.frame == 0 ? label.place : 0
        var name = ""
        if let immortal = label.immortal {
          name = String(cString: immortal)
        } else {
          name = withUnsafeBytes(of: &label.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        answer.labels.append(OwnAnswer.Label(name: name, place: place))
      }
    }
    if let layout { answer.readPython(found, states, layout) }
    if found.pointee.wants_stack != 0 {
      var registers = found.pointee.registers
      let values = withUnsafeBytes(of: &registers) { Array($0.bindMemory(to: UInt64.self)) }
      let sp = values[StackCopy.rsp]
      if sp < stackStart || sp >= stackEnd {
        stackEnd = 0
        // The first thread may run on another stack, of its own making.
        if let mapping = map(sp), !isFirst || mapping.path == "[stack]" {
          (stackStart, stackEnd) = (mapping.start, mapping.end)
        }
      }
      var size = Int(clamping: found.pointee.stack_size)
      if sp >= stackStart, sp < stackEnd { size = min(size, Int(clamping: stackEnd - sp)) }
      answer.copy = StackCopy(registers: values, bytes: found.pointee.stack, count: size)
    }
    return (slot, answer)
  }
}

/// What a thread of this process was found to do.
struct OwnAnswer {
  /// A label as it was set: by its place on the C stack, or by a Python frame, in which case `place` is 0.
  struct Label {
    var name: String
    var place: UInt64
  }
  /// What the thread saw of a code object.
  struct Seen {
    var code: UInt64
    var mark: CodeMark
  }

  /// Marks a frame that is a label: the rest of the number says which.
  static let label: UInt64 = 1 << 63

  var tid: Int32
  var thread: TargetProcess.Thread
  /// Moments that it stands for: a thread that waits for a processor does not move.
  var moments: Int64
  var copy: StackCopy?
  var python: [PythonThread] = []
  var seen: [Seen] = []
  var labels: [Label] = []
  /// The chain of its frames led to nothing.
  var isTorn = false
  /// Outer frames are missing.
  var isCut = false
  var time: Int64 = -1

  init(tid: Int32, thread: TargetProcess.Thread, moments: Int64) {
    self.tid = tid
    self.thread = thread
    self.moments = moments
  }

  fileprivate mutating func readPython(
    _ found: UnsafeMutablePointer<cp_answer>, _ states: [PythonStacks.State], _ layout: PythonLayout
  ) {
    guard let frames = found.pointee.frames else { return }
    var state: Int32 = -1
    var run = PythonRun(frames: [], stackAddress: 0)
    for index in 0..<Int(found.pointee.frame_count) {
      let frame = frames[index]
      if frame.interpreter != state {
        state = frame.interpreter
        let interpreter = Int(state) < states.count ? states[Int(state)].interpreter : 0
        python.append(
          PythonThread(
            osThread: tid, interpreter: interpreter, holdsLock: found.pointee.holds_lock != 0, runs: []))
      }
      if frame.code == 0 {
        run.stackAddress = frame.instruction
        python[python.count - 1].runs.append(run)
        run = PythonRun(frames: [], stackAddress: 0)
        continue
      }
      if frame.label > 0, let labels = found.pointee.labels {
        // All that belong to the frame, the one set last innermost.
        let place = labels[Int(frame.label - 1)].frame
        for index in (0..<Int(frame.label)).reversed() where labels[index].frame == place {
          run.frames.append(PythonFrame(code: OwnAnswer.label | UInt64(index), offset: 0))
        }
      }
      let mark = CodeMark(name: frame.name, lines: frame.lines, check: frame.check)
      if seen.last?.code != frame.code { seen.append(Seen(code: frame.code, mark: mark)) }
      run.frames.append(
        PythonFrame(code: frame.code, offset: layout.offset(frame.instruction, of: frame.code)))
    }
  }
}
