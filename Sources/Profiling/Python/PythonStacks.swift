/// A Python frame as it stands in memory.
struct PythonFrame {
  var code: UInt64
  /// The byte of the code at which its instruction begins.
  var offset: Int
  /// Where it stands itself.
  var address: UInt64 = 0
}

/// The Python frames that one call of the interpreter's loop runs, innermost first.
struct PythonRun {
  var frames: [PythonFrame]
  /// Something that the loop's C frame holds: its place on the C stack tells which C frame that is. 0
  /// where the version has no such thing (up to 3.10).
  var stackAddress: UInt64
}

struct PythonThread {
  var osThread: Int32
  var interpreter: Int64
  var holdsLock: Bool
  var runs: [PythonRun]
  /// The chain led to memory that is no frame, or in a circle.
  var isBroken = false
}

/// Whether a chain of addresses comes back to one of its own (Brent's way: remember one, after twice as many steps
/// each time).
private struct Circle {
  private var remembered: UInt64 = 0
  private var steps = 0
  private var limit = 1

  mutating func closes(at address: UInt64) -> Bool {
    if address == remembered { return true }
    steps += 1
    if steps == limit {
      remembered = address
      steps = 0
      limit &*= 2
    }
    return false
  }
}

/// Reads the stacks of all threads of an interpreter. The process should stand still meanwhile; if it does
/// not, the frames may never have been there together, but nothing worse comes of it.
struct PythonStacks {
  let runtime: PythonRuntime
  let memory: ProcessMemory
  /// From the ids that threads have inside the process to those outside.
  let threadIDs: [Int32: Int32]
  var frameLimit = 100_000
  /// Of all interpreters together, and of all threads: what chains lead to may be anything.
  var threadLimit = 100_000
  var totalFrameLimit = 5_000_000

  private var layout: PythonLayout { runtime.layout }

  /// A thread as the interpreter has it.
  struct State {
    var address: UInt64
    var osThread: Int32
    var interpreter: Int64
    /// Where the interpreter says who holds its lock, and (or 0) whether it is held.
    var lockHolder: UInt64 = 0
    var lockFlag: UInt64 = 0
  }

  /// The states of the threads of this very process.
  func ownStates() -> [State] {
    var states: [State] = []
    forEachState { address, interpreter, id in
      guard states.count < threadLimit else { return false }
      var number: Int32?
      if let offset = layout.thread.nativeThreadID {
        number = memory.load(address &+ offset, as: UInt64.self).map { Int32(truncatingIfNeeded: $0) }
      } else if let description = memory.pointer(address &+ layout.thread.threadID), description != 0 {
        number = memory.load(description &+ 720)
      }
      guard let number, number > 0 else { return true }
      var state = State(address: address, osThread: number, interpreter: id)
      if let offset = layout.runtime.current {
        state.lockHolder = runtime.address &+ offset
      } else if let offset = layout.interpreter.gil, let lock = memory.pointer(interpreter &+ offset),
        lock != 0
      {
        state.lockHolder = lock &+ layout.interpreter.gilHolder
        state.lockFlag = lock &+ layout.interpreter.gilLocked
      }
      states.append(state)
      return true
    }
    return states
  }

  /// Until the body has had enough.
  private func forEachState(_ body: (_ state: UInt64, _ interpreter: UInt64, _ id: Int64) -> Bool) {
    var interpreter = memory.pointer(runtime.address &+ layout.runtime.interpreters) ?? 0
    var interpreters = 0
    var count = 0
    var circle = Circle()
    while interpreter != 0, interpreters < 1000, !circle.closes(at: interpreter) {
      let id: Int64 = memory.load(interpreter &+ layout.interpreter.id) ?? 0
      var state = memory.pointer(interpreter &+ layout.interpreter.threads) ?? 0
      var circle = Circle()
      while state != 0, count < threadLimit, !circle.closes(at: state) {
        if !body(state, interpreter, id) { return }
        state = memory.pointer(state &+ layout.thread.next) ?? 0
        count += 1
      }
      interpreter = memory.pointer(interpreter &+ layout.interpreter.next) ?? 0
      interpreters += 1
    }
  }

  func read() -> [PythonThread] {
    var threads: [PythonThread] = []
    var known: UInt64 = 0
    var holder: UInt64 = 0
    var framesLeft = totalFrameLimit
    forEachState { state, interpreter, id in
      guard threads.count < threadLimit, framesLeft > 0 else { return false }
      if interpreter != known {
        known = interpreter
        holder = lockHolder(interpreter)
      }
      if var thread = thread(state, limit: min(frameLimit, framesLeft)) {
        framesLeft -= thread.runs.reduce(1) { $0 + $1.frames.count + 1 }
        thread.interpreter = id
        if let attached = layout.thread.attached {
          thread.holdsLock = memory.load(state &+ attached, as: Int32.self) == 1
        } else {
          thread.holdsLock = state == holder
        }
        threads.append(thread)
      }
      return true
    }
    return threads
  }

  /// The thread state that holds the global interpreter lock, or 0.
  private func lockHolder(_ interpreter: UInt64) -> UInt64 {
    if let offset = layout.runtime.current { return memory.pointer(runtime.address &+ offset) ?? 0 }
    guard let offset = layout.interpreter.gil, let lock = memory.pointer(interpreter &+ offset),
      lock != 0, memory.load(lock &+ layout.interpreter.gilLocked, as: Int32.self) == 1
    else { return 0 }
    return memory.pointer(lock &+ layout.interpreter.gilHolder) ?? 0
  }

  private func thread(_ state: UInt64, limit: Int) -> PythonThread? {
    guard let id = osThread(state) else { return nil }
    var thread = PythonThread(osThread: id, interpreter: 0, holdsLock: false, runs: [])
    if layout.hasFrameObjects {
      readFrameObjects(state, limit, &thread)
    } else {
      readFrames(state, limit, &thread)
    }
    return thread
  }

  /// Up to 3.10: a chain of objects on the heap.
  private func readFrameObjects(_ state: UInt64, _ limit: Int, _ thread: inout PythonThread) {
    guard var frame = memory.pointer(state &+ layout.thread.frame) else {
      thread.isBroken = true
      return
    }
    var circle = Circle()
    while frame != 0 {
      guard thread.runs.count < limit, !circle.closes(at: frame),
        let code = memory.pointer(frame &+ layout.frame.code), code != 0,
        let last: Int32 = memory.load(frame &+ layout.frame.instruction),
        let previous = memory.pointer(frame &+ layout.frame.previous)
      else {
        thread.isBroken = true
        return
      }
      let offset = layout.offset(UInt64(truncatingIfNeeded: last), of: code)
      thread.runs.append(
        PythonRun(frames: [PythonFrame(code: code, offset: offset, address: frame)], stackAddress: 0))
      frame = previous
    }
  }

  /// From 3.11: a chain of structures in chunks of memory of the thread, in generators, and (what begins a
  /// run of the loop from 3.12 on) on the C stack.
  private func readFrames(_ state: UInt64, _ limit: Int, _ thread: inout PythonThread) {
    guard var frame = memory.pointer(state &+ layout.thread.frame) else {
      thread.isBroken = true
      return
    }
    var cFrame: UInt64 = 0
    if let offset = layout.frame.cFrameCurrent {
      cFrame = frame
      guard let current = memory.pointer(cFrame &+ offset) else {
        thread.isBroken = true
        return
      }
      frame = current
    }
    let shimOwner: UInt8 = 3
    // The frame that is no call, but the end of every chain.
    let base = layout.thread.baseFrame.map { memory.pointer(state &+ $0) ?? 0 }
    var run = PythonRun(frames: [], stackAddress: 0)
    var count = 0
    var circle = Circle()
    while frame != 0 {
      if frame == base { break }
      guard count < limit, !circle.closes(at: frame),
        let executable = memory.pointer(frame &+ layout.frame.code),
        let previous = memory.pointer(frame &+ layout.frame.previous),
        let instruction = memory.pointer(frame &+ layout.frame.instruction),
        let owner: UInt8 = memory.load(frame &+ (layout.frame.owner ?? 0))
      else {
        thread.isBroken = true
        break
      }
      count += 1
      if layout.minor >= 12 && owner == shimOwner {
        run.stackAddress = frame
        thread.runs.append(run)
        run = PythonRun(frames: [], stackAddress: 0)
      } else if owner <= shimOwner {
        // From 3.14 on the lowest bits say who counts the reference.
        let code = executable & ~7
        let offset = layout.offset(inMainCopy(instruction, of: code, frame), of: code)
        run.frames.append(PythonFrame(code: code, offset: offset, address: frame))
        if let entry = layout.frame.isEntry, memory.load(frame &+ entry, as: UInt8.self) == 1 {
          run.stackAddress = cFrame
          thread.runs.append(run)
          run = PythonRun(frames: [], stackAddress: 0)
          cFrame = memory.pointer(cFrame &+ layout.frame.cFramePrevious) ?? 0
        }
      }
      frame = previous
    }
    // A chain that ends elsewhere was changed meanwhile.
    if let base, count > 0, frame != base { thread.isBroken = true }
    if !run.frames.isEmpty { thread.runs.append(run) }
  }

  /// The place in the code object itself of an instruction in the copy that the thread has of its code.
  private func inMainCopy(_ instruction: UInt64, of code: UInt64, _ frame: UInt64) -> UInt64 {
    guard let indexOffset = layout.frame.copyIndex, let copies = layout.code.copies,
      let index: Int32 = memory.load(frame &+ indexOffset), index > 0,
      let array = memory.pointer(code &+ copies), let size: Int64 = memory.load(array), index < size,
      let start = memory.pointer(array &+ 8 &+ 8 &* UInt64(index))
    else { return instruction }
    return instruction &- start &+ code &+ (layout.code.instructions ?? 0)
  }

  /// The kernel's number of the thread. Before 3.11 only the address of the C library's description of
  /// the thread is there, and the number somewhere in that.
  private func osThread(_ state: UInt64) -> Int32? {
    if let offset = layout.thread.nativeThreadID {
      guard let id: UInt64 = memory.load(state &+ offset) else { return nil }
      return threadIDs[Int32(truncatingIfNeeded: id)]
    }
    guard let description = memory.pointer(state &+ layout.thread.threadID), description != 0
    else { return nil }
    // glibc keeps it at 720, musl at 48 or 56.
    for offset in [720, 48, 56] as [UInt64] {
      if let id: Int32 = memory.load(description &+ offset), let outer = threadIDs[id] { return outer }
    }
    return nil
  }
}
