import CProfiling
import Glibc

/// Takes samples of one process. Lives on the sampling thread.
final class ProcessSampler {
  enum Outcome {
    case taken, torn, failed, gone
  }

  let process: TargetProcess
  let options: RecordingOptions
  let memory: ProcessMemory
  private let modules: ModuleMap
  private let queue: SampleQueue
  // The queue's, while anything of ours is in it.
  let unwinder: Unwinder
  let symbolizer: Symbolizer
  var names = Names()
  var walked: [NativeFrame] = []
  /// Of the frame for the process, where each has one.
  let title: String?

  /// The interpreter could not be read when it was looked for last.
  private var hasFailed = false
  private(set) var runtime: PythonRuntime? {
    didSet { insideLayout = runtime?.layout.inside }
  }
  // What ProcessSampler+Inside knows, of this very process.
  let inside: OwnThreads?
  private(set) var insideLayout: cp_python_layout?
  var statesRead: Int64 = 0
  var handlersRead: Int64 = 0
  /// The number of the moment, in the recording; and whether the last one was counted as taken.
  var moment: Int64 = 0
  var wasTaken = false
  private let isInner: Bool

  private struct Task {
    var tid: Int32
    var inner: Int32
    /// Of its stat file; inside, none is kept: how many there may be is the host's.
    var descriptor: Int32 = -1
    /// Inside: as it was found asleep, when, and the processor time it had used by then.
    var asleep: TargetProcess.Thread?
    var looked: Int64 = 0
    var time: Int64 = -1
  }
  private var tasks: [Task] = []
  /// The descriptors of those that the sample is of.
  private var watched: [Int32] = []
  /// A thread could not be looked at, for want of descriptors.
  private var isShort = false
  /// No thread is left, or only one that its parent has not collected.
  private var isDead = false
  /// Threads that were there at the last sample.
  private(set) var present = 0
  private var tasksRead: Int64 = 0
  private var mapsRead: Int64 = 0
  private var maps: [UInt8] = []
  private(set) var stackMap: MemoryMap

  // What ProcessSampler+Names knows.
  var codes: [UInt64: KnownCode] = [:]
  var sampleNumber: Int64 = 0
  /// Threads that were asked to stop and have not yet.
  private var lagging: [Int32] = []
  /// Code ran that is in no file known, or the program has another name: look at the map again.
  private var mapIsOld = false
  private var name = ""

  init(
    _ process: TargetProcess, _ options: RecordingOptions, _ queue: SampleQueue
  ) throws(ProfilingError) {
    self.process = process
    self.options = options
    self.queue = queue
    title = options.subprocesses ? "process \(process.pid): \(process.command)" : nil
    memory = try ProcessMemory(pid: process.pid)
    modules = try ModuleMap(pid: process.pid, memory: memory)
    stackMap = modules.map
    inside = process.pid == getpid() ? try OwnThreads(modules.map) : nil
    unwinder = Unwinder(modules: modules, pid: process.pid, mayRead: false)
    symbolizer = Symbolizer(modules: modules)
    // Before the interpreter is looked for: who may not read finds none.
    if let place = modules.map.mappings.first(where: { $0.isReadable }),
      let code = ProcessMemory.refusal(pid: process.pid, at: place.start)
    {
      throw process.refusal(code, memory: true)
    }
    runtime = try PythonRuntime.find(modules, memory)
    insideLayout = runtime?.layout.inside
    isInner = process.innerThreadID(process.pid) != process.pid
    if runtime == nil && !options.native {
      throw ProfilingError(
        .notSupported,
        "process \(process.pid) (\(process.command)) runs no Python interpreter; ask for native frames to"
          + " see its stacks")
    }
    mapsRead = cp_now()
    maps = ProcFile.read("/proc/\(process.pid)/maps") ?? []
  }

  deinit { for task in tasks where task.descriptor >= 0 { close(task.descriptor) } }

  /// Let those run on that stopped too late for their sample; whether some have not stopped yet.
  func releaseLaggards() -> Bool {
    if lagging.isEmpty { return false }
    Profiling.releaseLagging(&lagging)
    return !lagging.isEmpty
  }

  /// Take one sample of every thread that should be sampled.
  func sample(_ statistics: inout RecordingStatistics) -> Outcome {
    let now = cp_now()
    sampleNumber += 1
    if now - tasksRead > 20_000_000 { readTasks(now) }
    if let inside {
      if now - mapsRead > (mapIsOld ? 5_000_000 : 500_000_000) { readMaps(now) }
      let outcome = sampleInside(inside, &statistics)
      return isShort && outcome == .taken ? .failed : outcome
    }
    var chosen: [Chosen] = []
    choose { chosen.append($0) }
    if now - mapsRead > (mapIsOld ? 5_000_000 : 500_000_000) { readMaps(now) }
    if chosen.isEmpty {
      if isShort { return .failed }
      return isDead || cp_process_cpu_time(process.pid) < 0 ? .gone : .taken
    }
    let outcome = sampleOutside(chosen, &statistics)
    return isShort && outcome == .taken ? .failed : outcome
  }

  private func sampleOutside(
    _ chosen: [Chosen], _ statistics: inout RecordingStatistics
  ) -> Outcome {
    if options.native { return sampleStopped(chosen, &statistics) }

    // On the processor that a thread would run on, reading it is what makes it stand still.
    for _ in 0..<2 {
      if let active = chosen.first(where: { $0.thread.isActive }), active.thread.processor >= 0,
        active.thread.processor != cp_processor()
      {
        _ = cp_pin(active.thread.processor)
      }
      memory.forget()
      let switches = cp_thread_switches()
      let before = cp_process_cpu_time(process.pid)
      let threads = readPython(chosen)
      let fresh = know(threads)
      let isStill = standsStill(since: switches)
      let after = cp_process_cpu_time(process.pid)
      if before < 0 || after < 0 { return .gone }
      if isStill && before == after && !threads.contains(where: \.isBroken) {
        put(chosen, threads)
        return .taken
      }
      // What was learnt may be wrong.
      for address in fresh { forget(code: address) }
    }
    if options.nonBlocking { return .torn }
    return sampleStopped(chosen, &statistics)
  }

  typealias Chosen = Sample.Thread

  func put(_ sample: Sample) { if queue.put(sample, meanwhile: releaseLaggards) { mapIsOld = true } }

  private func put(
    _ threads: [Chosen], _ python: [PythonThread], _ copies: [(tid: Int32, copy: StackCopy)] = []
  ) {
    let sample = Sample(
      sampler: self, moment: moment, threads: threads, python: python, copies: copies, codes: codes,
      loop: runtime?.loop ?? [])
    put(sample)
  }

  /// The mapping of a stack. One of a thread that is new may not be in the map yet; the rest of that can wait.
  private func stackMapping(at address: UInt64) -> Mapping? {
    if let mapping = stackMap.stack(at: address) { return mapping }
    mapIsOld = true
    stackMap = MemoryMap(ProcFile.read("/proc/\(process.pid)/maps") ?? [])
    return stackMap.stack(at: address)
  }

  /// Hold the threads while they are read.
  private func sampleStopped(
    _ chosen: [Chosen], _ statistics: inout RecordingStatistics
  ) -> Outcome {
    let begin = cp_now()
    let stopped: StoppedThreads
    do throws(ProfilingError) {
      stopped = try StoppedThreads(process, chosen, lagging: &lagging)
    } catch {
      return error.kind == .noProcess ? .gone : .failed
    }
    memory.forget()
    let python = readPython(chosen)
    _ = know(python)
    var copies: [(tid: Int32, copy: StackCopy)] = []
    if options.native {
      for entry in stopped.entries {
        guard let registers = entry.registers else { continue }
        _ = stackMapping(at: registers[StackCopy.rsp])
        if let copy = StackCopy(registers: registers, memory: memory, map: stackMap) {
          copies.append((entry.tid, copy))
        }
      }
    }
    stopped.release()
    statistics.stops += 1
    statistics.pause += cp_now() - begin
    let held = chosen.filter { one in
      stopped.entries.contains { $0.tid == one.tid && $0.registers != nil }
    }
    if python.contains(where: \.isBroken) { return .torn }
    if !held.isEmpty { put(held, python, copies) }
    // A thread that waits uninterruptibly, or one that has ended, is not an error of ours if it is the
    // only one; but it was not read.
    return held.count == stopped.entries.count ? .taken : .failed
  }

  func readPython(_ chosen: [Chosen]) -> [PythonThread] {
    guard let runtime else { return [] }
    var ids: [Int32: Int32] = [:]
    if isInner {
      let known = Set(chosen.map(\.tid))
      for task in tasks where known.contains(task.tid) { ids[task.inner] = task.tid }
    } else {
      for (tid, _) in chosen { ids[tid] = tid }
    }
    return PythonStacks(runtime: runtime, memory: memory, threadIDs: ids).read()
  }

  /// The threads to sample, by the state they are in: each is handed on as soon as that is known.
  func choose(_ take: (Chosen) -> Void) {
    isDead = true
    present = 0
    watched.removeAll(keepingCapacity: true)
    for index in tasks.indices {
      let task = tasks[index]
      if inside != nil && cp_is_own_thread(task.tid) != 0 { continue }
      guard let thread = inside == nil ? thread(task.descriptor) : look(index),
        thread.state != UInt8(ascii: "Z"),
        thread.state != UInt8(ascii: "X")
      else { continue }
      isDead = false
      present += 1
      if task.tid == process.pid && thread.name != name {
        // exec gives a process a new name, and all is elsewhere then.
        if !name.isEmpty { mapsRead = 0 }
        name = thread.name
      }
      guard options.idle || thread.isActive else { continue }
      if inside == nil { watched.append(task.descriptor) }
      take((task.tid, thread))
    }
  }

  /// What a thread of this process does. One that slept when it was looked at, and has not run since, still does: its
  /// clock costs a tenth of what /proc does. (One that is woken and has not run yet counts as asleep, a second long at
  /// most.)
  private func look(_ index: Int) -> TargetProcess.Thread? {
    let now = cp_now()
    let time = cp_cpu_time_of(tasks[index].tid)
    if let asleep = tasks[index].asleep, time >= 0, time == tasks[index].time,
      now - tasks[index].looked < 1_000_000_000
    {
      return asleep
    }
    let descriptor = open("/proc/self/task/\(tasks[index].tid)/stat", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno != ENOENT && errno != ESRCH { isShort = true }
      return nil
    }
    defer { close(descriptor) }
    let found = thread(descriptor)
    tasks[index].asleep = found?.isActive == false ? found : nil
    tasks[index].looked = now
    tasks[index].time = time
    return found
  }

  private func thread(_ descriptor: Int32) -> TargetProcess.Thread? {
    withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { buffer in
      let got = pread(descriptor, buffer.baseAddress, buffer.count, 0)
      return got > 0 ? TargetProcess.Thread(stat: UnsafeRawBufferPointer(buffer)[..<got]) : nil
    }
  }

  /// Whether none of the threads can have run since this thread had been switched so many times, as long as
  /// the process's clock shows the same. The clock alone does not say so: of a thread that runs on another
  /// processor the kernel adds up the time only when its tick or a switch comes.
  private func standsStill(since switches: Int64) -> Bool {
    let processor = cp_processor()
    for descriptor in watched {
      if let thread = thread(descriptor), thread.state == UInt8(ascii: "R"),
        thread.processor != processor
      {
        return false
      }
    }
    return cp_thread_switches() == switches
  }

  private func readTasks(_ now: Int64) {
    tasksRead = now
    isShort = false
    let ids = process.threadIDs
    let present = Set(ids)
    tasks.removeAll { task in
      if present.contains(task.tid) { return false }
      if task.descriptor >= 0 { close(task.descriptor) }
      return true
    }
    inside?.keep(present)
    let known = Set(tasks.map(\.tid))
    for tid in ids where !known.contains(tid) {
      var task = Task(tid: tid, inner: isInner ? process.innerThreadID(tid) : tid)
      if inside == nil {
        task.descriptor = open("/proc/\(process.pid)/task/\(tid)/stat", O_RDONLY | O_CLOEXEC)
        guard task.descriptor >= 0 else {
          if errno == EMFILE || errno == ENFILE { isShort = true }
          continue
        }
      }
      tasks.append(task)
    }
  }

  /// Libraries come and go, and exec puts another program in the place of the first.
  private func readMaps(_ now: Int64) {
    mapsRead = now
    mapIsOld = false
    guard let fresh = ProcFile.read("/proc/\(process.pid)/maps"), fresh != maps else { return }
    let code = { (bytes: [UInt8]) in
      MemoryMap(bytes).mappings.filter(\.isExecutable).map { ($0.start, $0.path) }
    }
    let isSame = code(maps).elementsEqual(code(fresh)) { $0 == $1 }
    maps = fresh
    // What was sampled before is of the old map.
    queue.drain(releaseLaggards)
    do throws(ProfilingError) {
      try modules.refresh()
      stackMap = modules.map
      if isSame && !hasFailed { return }
      unwinder.forget()
      symbolizer.forget()
      names = Names(slice: names.slice)
      codes.removeAll()
      statesRead = 0
      memory.forget()
      runtime = try PythonRuntime.find(modules, memory)
      hasFailed = false
    } catch {
      // Not to be read now, as while a program starts: the next look may find it.
      runtime = nil
      hasFailed = true
    }
  }
}
