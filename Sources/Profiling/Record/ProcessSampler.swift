import CProfiling
import Glibc

/// Takes samples of one process. Lives on the sampling thread.
final class ProcessSampler {
  enum Outcome {
    case taken, torn, failed, gone
  }

  let process: TargetProcess
  private let options: RecordingOptions
  private let memory: ProcessMemory
  private let modules: ModuleMap
  private let unwinder: Unwinder
  private let symbolizer: Symbolizer
  private var runtime: PythonRuntime?
  private let isInner: Bool

  private struct Task {
    var tid: Int32
    var inner: Int32
    var descriptor: Int32
  }
  private var tasks: [Task] = []
  /// No thread is left, or only one that its parent has not collected.
  private var isDead = false
  private var tasksRead: Int64 = 0
  private var mapsRead: Int64 = 0
  private var maps: [UInt8] = []

  private struct Code {
    var code: PythonCode
    var name: UInt64
    var lines: UInt64
    var uses = 0
  }
  private var codes: [UInt64: Code?] = [:]
  private struct Place: Hashable {
    var code: UInt64
    var offset: Int
  }
  private var pythonNumbers: [Place: Int32] = [:]
  private var nativeNumbers: [UInt64: [Int32]] = [:]
  private var headNumbers: [Int32: Int32] = [:]
  private var walked: [NativeFrame] = []

  init(_ process: TargetProcess, _ options: RecordingOptions) throws(ProfilingError) {
    self.process = process
    self.options = options
    memory = try ProcessMemory(pid: process.pid)
    modules = try ModuleMap(pid: process.pid, memory: memory)
    unwinder = Unwinder(modules: modules, pid: process.pid, mayRead: false)
    symbolizer = Symbolizer(modules: modules)
    runtime = try PythonRuntime.find(modules, memory)
    isInner = process.innerThreadID(process.pid) != process.pid
    if runtime == nil && !options.native {
      throw ProfilingError(
        .notSupported,
        "process \(process.pid) (\(process.command)) runs no Python interpreter; ask for native frames to"
          + " see its stacks")
    }
    mapsRead = cp_now()
    maps = ProcFile.read("/proc/\(process.pid)/maps") ?? []
    if let place = modules.map.mappings.first(where: { $0.isReadable }),
      let code = ProcessMemory.refusal(pid: process.pid, at: place.start)
    {
      throw process.refusal(code)
    }
  }

  deinit { for task in tasks { close(task.descriptor) } }

  /// Take one sample of every thread that should be sampled.
  func sample(
    into tree: inout CallTree, _ frames: inout FrameTable, _ statistics: inout RecordingStatistics,
    head: Int32?
  ) -> Outcome {
    let now = cp_now()
    if now - tasksRead > 20_000_000 { readTasks(now) }
    if now - mapsRead > 500_000_000 { readMaps(now) }
    let chosen = choose()
    if chosen.isEmpty {
      return isDead || cp_process_cpu_time(process.pid) < 0 ? .gone : .taken
    }
    if let active = chosen.first(where: { $0.thread.isActive }), active.thread.processor >= 0,
      active.thread.processor != cp_processor()
    {
      _ = cp_pin(active.thread.processor)
    }
    if options.native { return sampleNative(chosen, &tree, &frames, &statistics, head) }

    // While the process's clock stands still, what is read is of one moment. On the processor that the
    // thread runs on, reading it is what makes it stand still.
    for _ in 0..<3 {
      memory.forget()
      let before = cp_process_cpu_time(process.pid)
      let threads = readPython(chosen)
      let after = cp_process_cpu_time(process.pid)
      if before < 0 || after < 0 { return .gone }
      if before == after {
        count(threads, chosen, &tree, &frames, &statistics, head)
        return .taken
      }
      if let thread = chosen.first(where: { $0.thread.isActive }).flatMap({ process.thread($0.tid) }),
        thread.processor >= 0
      {
        _ = cp_pin(thread.processor)
      }
    }
    // It runs on: hold it.
    do throws(ProfilingError) {
      let begin = cp_now()
      let stopped = try StoppedThreads(process, chosen.map { ($0.tid, $0.thread) })
      memory.forget()
      let threads = readPython(chosen)
      let isWhole = stopped.entries.allSatisfy { $0.registers != nil }
      stopped.release()
      statistics.stops += 1
      statistics.pause += cp_now() - begin
      guard isWhole else { return .torn }
      count(threads, chosen, &tree, &frames, &statistics, head)
      return .taken
    } catch {
      return error.kind == .noProcess ? .gone : .torn
    }
  }

  private typealias Chosen = (tid: Int32, thread: TargetProcess.Thread)

  private func sampleNative(
    _ chosen: [Chosen], _ tree: inout CallTree, _ frames: inout FrameTable,
    _ statistics: inout RecordingStatistics, _ head: Int32?
  ) -> Outcome {
    var outcome = Outcome.taken
    do throws(ProfilingError) {
      let begin = cp_now()
      let stopped = try StoppedThreads(process, chosen.map { ($0.tid, $0.thread) })
      memory.forget()
      let python = readPython(chosen)
      var copies: [(tid: Int32, copy: StackCopy)] = []
      for entry in stopped.entries {
        if let registers = entry.registers,
          let copy = StackCopy(registers: registers, memory: memory, map: modules.map)
        {
          copies.append((entry.tid, copy))
        } else {
          outcome = .failed
        }
      }
      // Code objects are read while they cannot go away.
      for thread in python { for run in thread.runs { for frame in run.frames { _ = code(frame.code) } } }
      stopped.release()
      statistics.stops += 1
      statistics.pause += cp_now() - begin
      for (tid, copy) in copies {
        let mine = python.filter { $0.osThread == tid }
        if options.lockOnly && !mine.contains(where: \.holdsLock) { continue }
        _ = unwinder.walk(copy, limit: 10_000, into: &walked)
        let runs = sorted(mine)
        var stack: [Int32] = []
        for item in StackMerger.merge(walked, runs, loop: runtime?.loop ?? []) {
          switch item {
          case .native(let index): stack += numbers(walked[index].address, &frames)
          case .python(let frame): if let number = number(frame, &frames) { stack.append(number) }
          }
        }
        add(stack, tid, chosen, &tree, &frames, &statistics, head)
      }
    } catch {
      return error.kind == .noProcess ? .gone : .failed
    }
    return outcome
  }

  private func sorted(_ threads: [PythonThread]) -> [PythonRun] {
    let runs = threads.flatMap(\.runs)
    return threads.count > 1 && runs.allSatisfy { $0.stackAddress != 0 }
      ? runs.sorted { $0.stackAddress < $1.stackAddress } : runs
  }

  private func readPython(_ chosen: [Chosen]) -> [PythonThread] {
    guard let runtime else { return [] }
    var ids: [Int32: Int32] = [:]
    for (tid, _) in chosen {
      ids[tasks.first { $0.tid == tid }?.inner ?? tid] = tid
    }
    return PythonStacks(runtime: runtime, memory: memory, threadIDs: ids).read()
  }

  private func count(
    _ threads: [PythonThread], _ chosen: [Chosen], _ tree: inout CallTree, _ frames: inout FrameTable,
    _ statistics: inout RecordingStatistics, _ head: Int32?
  ) {
    for (tid, _) in chosen {
      let mine = threads.filter { $0.osThread == tid }
      if mine.isEmpty || options.lockOnly && !mine.contains(where: \.holdsLock) { continue }
      let stack = sorted(mine).flatMap(\.frames).compactMap { number($0, &frames) }
      if !stack.isEmpty { add(stack, tid, chosen, &tree, &frames, &statistics, head) }
    }
  }

  /// stack: innermost first.
  private func add(
    _ stack: [Int32], _ tid: Int32, _ chosen: [Chosen], _ tree: inout CallTree,
    _ frames: inout FrameTable, _ statistics: inout RecordingStatistics, _ head: Int32?
  ) {
    var heads: [Int32] = head.map { [$0] } ?? []
    if options.threads, let name = chosen.first(where: { $0.tid == tid })?.thread.name {
      let known =
        headNumbers[tid]
        ?? frames.number(
          Frame(kind: .thread, function: "thread \(tid): \(name)", file: nil, line: nil, module: nil))
      headNumbers[tid] = known
      heads.append(known)
    }
    tree.add(heads + stack.reversed())
    statistics.stacks += 1
  }

  /// The threads to sample, by the state they are in.
  private func choose() -> [Chosen] {
    var chosen: [Chosen] = []
    isDead = true
    withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { buffer in
      for task in tasks {
        let got = pread(task.descriptor, buffer.baseAddress, buffer.count, 0)
        guard got > 0,
          let thread = TargetProcess.Thread(stat: UnsafeRawBufferPointer(buffer)[..<got]),
          thread.state != UInt8(ascii: "Z"), thread.state != UInt8(ascii: "X")
        else { continue }
        isDead = false
        guard options.idle || thread.isActive else { continue }
        chosen.append((task.tid, thread))
      }
    }
    return chosen
  }

  private func readTasks(_ now: Int64) {
    tasksRead = now
    let ids = process.threadIDs
    let present = Set(ids)
    tasks.removeAll { task in
      if present.contains(task.tid) { return false }
      close(task.descriptor)
      return true
    }
    let known = Set(tasks.map(\.tid))
    for tid in ids where !known.contains(tid) {
      let descriptor = open("/proc/\(process.pid)/task/\(tid)/stat", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      tasks.append(
        Task(tid: tid, inner: isInner ? process.innerThreadID(tid) : tid, descriptor: descriptor))
    }
  }

  /// Libraries come and go, and exec puts another program in the place of the first.
  private func readMaps(_ now: Int64) {
    mapsRead = now
    guard let fresh = ProcFile.read("/proc/\(process.pid)/maps"), fresh != maps else { return }
    let code = { (bytes: [UInt8]) in MemoryMap(bytes).mappings.filter(\.isExecutable).map { ($0.start, $0.path) } }
    let isSame = code(maps).elementsEqual(code(fresh)) { $0 == $1 }
    maps = fresh
    do throws(ProfilingError) {
      try modules.refresh()
      if isSame { return }
      unwinder.forget()
      symbolizer.forget()
      nativeNumbers.removeAll()
      codes.removeAll()
      pythonNumbers.removeAll()
      memory.forget()
      runtime = try PythonRuntime.find(modules, memory)
    } catch {
      runtime = nil
    }
  }

  private func code(_ address: UInt64) -> PythonCode? {
    guard let runtime else { return nil }
    if let index = codes.index(forKey: address) {
      guard var known = codes.values[index] else { return nil }
      known.uses &+= 1
      // Another code object may have come to where one was.
      if known.uses & 15 != 0
        || memory.pointer(address &+ runtime.layout.code.name) == known.name
          && memory.pointer(address &+ runtime.layout.code.lines) == known.lines
      {
        codes.values[index] = known
        return known.code
      }
      pythonNumbers = pythonNumbers.filter { $0.key.code != address }
    }
    let fresh = PythonCode(address, runtime.layout, memory, codeType: runtime.codeType).map {
      Code(
        code: $0, name: memory.pointer(address &+ runtime.layout.code.name) ?? 0,
        lines: memory.pointer(address &+ runtime.layout.code.lines) ?? 0)
    }
    codes[address] = .some(fresh)
    return fresh?.code
  }

  private func number(_ frame: PythonFrame, _ frames: inout FrameTable) -> Int32? {
    guard let code = code(frame.code) else { return nil }
    let place = Place(code: frame.code, offset: options.functions || options.noLines ? 0 : frame.offset)
    if let known = pythonNumbers[place] { return known }
    let line = options.noLines ? nil : options.functions ? code.firstLine : code.line(at: frame.offset)
    let number = frames.number(
      Frame(kind: .python, function: code.function, file: code.file, line: line, module: nil))
    pythonNumbers[place] = number
    return number
  }

  private func numbers(_ address: UInt64, _ frames: inout FrameTable) -> [Int32] {
    if let known = nativeNumbers[address] { return known }
    let found = symbolizer.frames(at: address).map { frame in
      var frame = frame
      if options.functions || options.noLines { frame.line = nil }
      return frames.number(frame)
    }
    nativeNumbers[address] = found
    return found
  }
}
