import CElfutils
import CProfiling
import Glibc

/// The stacks of all threads of a process at one moment.
public struct Dump: Sendable {
  public struct Options: Sendable {
    /// Native frames too, merged with the Python ones.
    public var native = false
    /// Read the process while it runs. Stacks may then be of two moments at once; without `native` only.
    public var nonBlocking = false
    /// The local variables of Python frames too.
    public var locals = false

    public init() {}
  }

  public struct Thread: Sendable {
    public var id: Int32
    public var name: String
    /// On a processor, or ready for one, or waiting for a disk.
    public var isActive: Bool
    public var holdsLock: Bool
    public var interpreter: Int64?
    /// Innermost first.
    public var frames: [Frame]
    /// Why the stack is not whole; nil when it is.
    public var remark: String?
    /// Of each frame, where they were asked for.
    public var variables: [[Variable]] = []
  }

  public var pid: Int32
  public var command: String
  /// Of the interpreter, or nil when the process holds none.
  public var python: String?
  public var threads: [Thread]
  /// How long the process stood still, in nanoseconds.
  public var pause: Int64 = 0
  /// Whether local variables were asked for.
  public var hasVariables = false

  /// Take the stacks of a process. It is stopped meanwhile, as a whole, and runs on in any case.
  public init(pid: Int32, options: Options) throws(ProfilingError) {
    let process = try TargetProcess(pid: pid)
    if options.native { try Dump.requireNative() }
    if options.native && options.nonBlocking {
      throw ProfilingError(
        .invalidArgument, "native frames need registers, and those a stop: not both native and nonblocking")
    }
    let memory = try ProcessMemory(pid: pid)
    let modules = try ModuleMap(pid: pid, memory: memory)
    let runtime = try PythonRuntime.find(modules, memory)
    if runtime == nil && !options.native {
      throw ProfilingError(
        .notSupported,
        "process \(pid) (\(process.command)) runs no Python interpreter; ask for native frames to see its"
          + " stacks")
    }
    memory.forget()
    self =
      if options.nonBlocking {
        Dump(running: process, runtime, modules, memory, options)
      } else {
        try onTracingThread { () throws(ProfilingError) in
          try Dump(stopping: process, runtime, modules, memory, options)
        }
      }
  }

  /// What native frames need.
  static func requireNative() throws(ProfilingError) {
    #if !arch(x86_64)
      throw ProfilingError(.notSupported, "native frames can be read on x86-64 only")
    #else
      if let reason = ce_load() { throw ProfilingError(.notSupported, String(cString: reason)) }
    #endif
  }

  private init(
    running process: TargetProcess, _ runtime: PythonRuntime?, _ modules: ModuleMap,
    _ memory: ProcessMemory, _ options: Options
  ) {
    let tids = process.threadIDs
    let namer = DumpNamer(runtime, modules, memory, options)
    let python = namer.stacks(process, tids)
    self.init(process, runtime)
    hasVariables = options.locals
    for tid in tids {
      guard let thread = process.thread(tid) else { continue }
      threads.append(namer.thread(tid, thread, python[tid] ?? [], nil))
    }
  }

  private init(
    stopping process: TargetProcess, _ runtime: PythonRuntime?, _ modules: ModuleMap,
    _ memory: ProcessMemory, _ options: Options
  ) throws(ProfilingError) {
    let begin = cp_now()
    let stopped = try StoppedThreads(process)
    defer { stopped.release() }
    // Libraries may have been loaded since it was read first.
    try modules.refresh()
    let namer = DumpNamer(runtime, modules, memory, options)
    let python = namer.stacks(process, stopped.entries.map(\.tid))
    var copies: [Int32: StackCopy] = [:]
    var walks: [Int32: DumpNamer.Walk] = [:]
    if options.native {
      let unwinder = Unwinder(modules: modules, pid: process.pid, mayRead: true)
      for entry in stopped.entries {
        guard let registers = entry.registers,
          let copy = StackCopy(registers: registers, memory: memory, map: modules.map)
        else { continue }
        copies[entry.tid] = copy
        var frames: [NativeFrame] = []
        let end = unwinder.walk(copy, limit: 100_000, into: &frames)
        walks[entry.tid] = DumpNamer.Walk(frames: frames, end: end)
      }
    }
    stopped.release()
    let pause = cp_now() - begin
    self.init(process, runtime)
    self.pause = pause
    hasVariables = options.locals
    for entry in stopped.entries {
      let walk =
        options.native ? walks[entry.tid] ?? DumpNamer.Walk(frames: [], end: .broken) : nil
      threads.append(namer.thread(entry.tid, entry.thread, python[entry.tid] ?? [], walk))
    }
  }

  private init(_ process: TargetProcess, _ runtime: PythonRuntime?) {
    pid = process.pid
    command = process.command
    python = runtime?.version
    threads = []
  }
}

/// Turns what was read into names.
private final class DumpNamer {
  struct Walk {
    var frames: [NativeFrame]
    var end: Unwinder.End
  }
  private let runtime: PythonRuntime?
  private let memory: ProcessMemory
  private let symbolizer: Symbolizer
  private var codes: [UInt64: PythonCode?] = [:]
  private let hasVariables: Bool
  private var reader: PythonVariables?
  /// By the frame's address.
  private var variables: [UInt64: [Variable]] = [:]
  /// Threads with more than that, and the frames that have none therefore.
  private static let variableLimit = 5000
  private var withoutVariables: [Int32: Int] = [:]

  init(
    _ runtime: PythonRuntime?, _ modules: ModuleMap, _ memory: ProcessMemory, _ options: Dump.Options
  ) {
    hasVariables = options.locals
    if hasVariables, let runtime { reader = PythonVariables(runtime.layout, memory) }
    self.runtime = runtime
    self.memory = memory
    symbolizer = Symbolizer(modules: modules)
  }

  /// The Python stacks by thread; a thread may have one in each of several interpreters. Code objects are
  /// read at once, while the process stands still.
  func stacks(_ process: TargetProcess, _ tids: [Int32]) -> [Int32: [PythonThread]] {
    guard let runtime else { return [:] }
    let isInner = process.innerThreadID(process.pid) != process.pid
    var ids: [Int32: Int32] = [:]
    for tid in tids { ids[isInner ? process.innerThreadID(tid) : tid] = tid }
    let threads = PythonStacks(runtime: runtime, memory: memory, threadIDs: ids).read()
    for thread in threads {
      var count = 0
      for frame in thread.runs.lazy.flatMap(\.frames) {
        guard code(frame.code) != nil, reader != nil else { continue }
        if count >= DumpNamer.variableLimit {
          withoutVariables[thread.osThread, default: 0] += 1
        } else {
          let found = reader?.read(frame) ?? []
          variables[frame.address] = found
          count += found.count
        }
      }
    }
    return Dictionary(grouping: threads, by: \.osThread)
  }

  private func code(_ address: UInt64) -> PythonCode? {
    if let known = codes[address] { return known }
    let code = runtime.flatMap {
      PythonCode(address, $0.layout, memory, codeType: $0.codeType)
    }
    codes[address] = .some(code)
    return code
  }

  func thread(
    _ tid: Int32, _ thread: TargetProcess.Thread, _ python: [PythonThread], _ walk: Walk?
  ) -> Dump.Thread {
    var result = Dump.Thread(
      id: tid, name: thread.name, isActive: thread.isActive,
      holdsLock: python.contains(where: \.holdsLock),
      interpreter: python.first(where: { $0.interpreter != 0 })?.interpreter, frames: [])
    // A thread in several interpreters: the one it entered last has its frames further in on the stack.
    let runs = python.flatMap(\.runs)
    let sorted =
      python.count > 1 && runs.allSatisfy { $0.stackAddress != 0 }
      ? runs.sorted { $0.stackAddress < $1.stackAddress } : runs
    if let walk {
      if walk.frames.isEmpty {
        result.remark = "the kernel did not stop it: it waits where it cannot be interrupted"
      } else if walk.end == .broken {
        result.remark = "the native stack ends where there is no unwinding information"
      }
      for item in StackMerger.merge(walk.frames, sorted, loop: runtime?.loop ?? []) {
        switch item {
        case .native(let index):
          result.frames += symbolizer.frames(at: walk.frames[index].address)
        case .python(let frame): append(frame, &result)
        }
      }
    } else {
      for frame in sorted.lazy.flatMap(\.frames) { append(frame, &result) }
    }
    while hasVariables && result.variables.count < result.frames.count { result.variables.append([]) }
    if let count = withoutVariables[tid] {
      result.remark = "the variables of the \(count) outermost frames are left out"
    }
    if python.contains(where: \.isBroken) {
      result.remark = "the Python stack changed while it was read, and is not whole"
    }
    return result
  }

  private func append(_ frame: PythonFrame, _ thread: inout Dump.Thread) {
    guard let code = code(frame.code) else { return }
    if hasVariables {
      while thread.variables.count < thread.frames.count { thread.variables.append([]) }
      thread.variables.append(variables[frame.address] ?? [])
    }
    thread.frames.append(
      Frame(
        kind: .python, function: code.function, file: code.file, line: code.line(at: frame.offset),
        module: nil))
  }
}
