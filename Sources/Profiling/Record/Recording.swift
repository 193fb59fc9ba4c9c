import CProfiling
import Glibc

/// Samples a process on a thread of its own until it is stopped, the time is over, or the process has
/// ended.
public final class Recording: @unchecked Sendable {
  public let pid: Int32
  public let options: RecordingOptions

  private let owner = getpid()
  private var lock = pthread_mutex_t()
  private var changed = pthread_cond_t()
  private var thread: OpaquePointer?
  // Behind the lock.
  private var shouldStop = false
  private var isPaused = false
  private var refusal = ""
  private var isEnded = false
  private var result = RecordingStatistics()

  // The sampling thread's, until it has ended.
  private var samplers: [ProcessSampler]
  private let queue: SampleQueue

  /// Held while a slice is taken, around `lock`.
  private var sliceLock = pthread_mutex_t()
  /// What came after the last slice; whole when it has ended.
  private var rest = Profile()
  /// As they were when the last slice was taken.
  private var earlier = RecordingStatistics()

  /// What happens to slices, and on which thread.
  public struct Slices: @unchecked Sendable {
    /// Between them.
    public var seconds: Double
    /// Other than 0: the recording ends.
    public var hand: (Profile) -> Int32

    public init(seconds: Double, hand: @escaping (Profile) -> Int32) {
      self.seconds = seconds
      self.hand = hand
    }
  }
  private let slices: Slices?
  private var sliceThread: OpaquePointer?
  private var sliceThreadID: Int32 = 0

  public init(pid: Int32, options: RecordingOptions, slices: Slices? = nil) throws(ProfilingError) {
    try options.check()
    if let slices, !(slices.seconds >= 0.01 && slices.seconds <= 1e8) {
      throw ProfilingError(
        .invalidArgument,
        "the slice is \(slices.seconds); allowed are 0 (none) and 0.01 to 100000000 seconds")
    }
    self.slices = slices
    self.pid = pid
    self.options = options
    let process = try TargetProcess(pid: pid)
    rest.command = process.command
    rest.rate = options.rate
    if options.native { try Dump.requireNative() }
    queue = try SampleQueue(rest)
    samplers = [try ProcessSampler(process, options, queue)]
    pthread_mutex_init(&lock, nil)
    pthread_mutex_init(&sliceLock, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(&changed, &attributes)
    pthread_condattr_destroy(&attributes)
    let code = cp_start(
      { context in
        guard let context else { return }
        Unmanaged<Recording>.fromOpaque(context).takeUnretainedValue().run()
      }, Unmanaged.passUnretained(self).toOpaque(), &thread)
    guard code == 0 else {
      throw ProfilingError(.outOfMemory, "cannot start a thread: \(String(cString: strerror(code)))")
    }
    guard slices != nil else { return }
    let second = cp_start(
      { context in
        guard let context else { return }
        Unmanaged<Recording>.fromOpaque(context).takeUnretainedValue().handSlices()
      }, Unmanaged.passUnretained(self).toOpaque(), &sliceThread)
    guard second == 0 else {
      stop()
      throw ProfilingError(.outOfMemory, "cannot start a thread: \(String(cString: strerror(second)))")
    }
  }

  deinit {
    stop()
    pthread_mutex_destroy(&lock)
    pthread_mutex_destroy(&sliceLock)
    pthread_cond_destroy(&changed)
  }

  /// In a child that was forked while it ran: the sampling thread is not there, and what it worked on may be
  /// half done.
  public var isForeign: Bool { getpid() != owner }

  /// By which this process is sampled from inside, or 0.
  public static var signal: Int32 { cp_inside_signal() }

  private func locked<Value>(_ body: () -> Value) -> Value {
    if isForeign { return body() }
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    return body()
  }

  public var statistics: RecordingStatistics { locked { result } }

  /// What an ended recording has counted: since the last slice, where slices were taken.
  public var profile: Profile {
    pthread_mutex_lock(&sliceLock)
    defer { pthread_mutex_unlock(&sliceLock) }
    return rest
  }

  /// What was counted since it began or the last slice was taken; the next one begins with nothing. Of an
  /// ended recording: the rest.
  public func takeSlice() -> Profile {
    pthread_mutex_lock(&sliceLock)
    defer { pthread_mutex_unlock(&sliceLock) }
    if locked({ isEnded }) {
      let slice = rest
      rest = slice.next
      rest.ending = slice.ending
      return slice
    }
    return cut(statistics)
  }

  private func cut(_ now: RecordingStatistics) -> Profile {
    var slice = queue.takeSlice()
    slice.statistics = now.since(earlier)
    // The thread that counts is behind the one that samples, or before what that has told.
    slice.statistics.stacks = slice.tree.totals[0]
    earlier = now
    return slice
  }

  /// Wait for its end, at most so many seconds; whether it still runs.
  public func wait(seconds: Double) -> Bool {
    wait(until: cp_now() + Int64(max(0, min(seconds, 1e8)) * 1e9))
  }

  private func wait(until: Int64) -> Bool {
    if isForeign { return false }
    return locked {
      while !isEnded {
        let left = until - cp_now()
        if left <= 0 { break }
        var time = timespec(tv_sec: Int(until / 1_000_000_000), tv_nsec: Int(until % 1_000_000_000))
        pthread_cond_timedwait(&changed, &lock, &time)
      }
      return !isEnded
    }
  }

  /// End it, and wait until it has.
  public func stop() {
    if isForeign { return }
    locked {
      shouldStop = true
      pthread_cond_broadcast(&changed)
    }
    // Whoever is handed a slice cannot wait for the end of what hands it.
    if locked({ sliceThreadID }) == cp_thread_id() { return }
    let threads = [self.thread, sliceThread]
    self.thread = nil
    sliceThread = nil
    for thread in threads { cp_join(thread) }
  }

  /// Take no samples for a while.
  public func pause(_ isPaused: Bool) {
    if isForeign { return }
    locked {
      self.isPaused = isPaused
      pthread_cond_broadcast(&changed)
    }
  }

  /// Wait while it is paused, at most until then; how long that was.
  private func pausedTime(until end: Int64) -> Int64 {
    guard locked({ isPaused }) else { return 0 }
    let begin = cp_now()
    locked {
      while isPaused && !shouldStop && cp_now() < end {
        let until = min(end, cp_now() + 1_000_000_000)
        var time = timespec(tv_sec: Int(until / 1_000_000_000), tv_nsec: Int(until % 1_000_000_000))
        pthread_cond_timedwait(&changed, &lock, &time)
      }
    }
    return cp_now() - begin
  }

  /// Body of a thread of its own, so that who gets the slices may take his time.
  private func handSlices() {
    guard let slices else { return }
    locked { sliceThreadID = cp_thread_id() }
    let step = Int64(slices.seconds * 1e9)
    var due = cp_now() + step
    while true {
      let isLast = !wait(until: due)
      let answer = slices.hand(takeSlice())
      if isLast { return }
      if answer != 0 {
        locked {
          shouldStop = true
          refusal = "the slice callback returned \(answer)"
          pthread_cond_broadcast(&changed)
        }
        return
      }
      due = max(due + step, cp_now())
    }
  }

  private func run() {
    let interval = Int64(1e9 / options.rate)
    cp_hurry()
    var isHurried = true
    let begin = cp_now()
    let end = options.duration > 0 ? begin + Int64(options.duration * 1e9) : Int64.max
    var statistics = RecordingStatistics()
    var due = begin
    var childrenRead = begin
    var why = ""
    var paused: Int64 = 0
    while true {
      sleep(until: due)
      let pause = pausedTime(until: end)
      if pause > 0 {
        paused += pause
        due = cp_now()
      }
      let now = cp_now()
      if locked({ shouldStop }) { why = locked { refusal.isEmpty ? "it was stopped" : refusal } }
      if now >= end { why = "the time is over" }
      if !why.isEmpty { break }
      statistics.due += 1
      let isLate = now - due > interval / 10
      var outcome = ProcessSampler.Outcome.taken
      statistics.threads = 0
      samplers.removeAll { sampler in
        let one = sampler.sample(&statistics)
        switch one {
        case .gone: return true
        case .torn, .failed: outcome = one
        case .taken: break
        }
        statistics.threads += Int64(sampler.present)
        return false
      }
      if samplers.isEmpty {
        why = "the process has ended"
        statistics.due -= 1
        break
      }
      switch outcome {
      case .torn: statistics.torn += 1
      case .failed: statistics.failed += 1
      default:
        statistics.taken += 1
        if isLate { statistics.late += 1 }
      }
      if options.subprocesses && now - childrenRead > 50_000_000 {
        childrenRead = now
        adoptChildren()
      }
      due += interval
      let after = cp_now()
      if due < after {
        let missed = (after - due) / interval
        statistics.due += missed
        statistics.skipped += missed
        due += missed * interval
      }
      statistics.duration = after - begin - paused
      queue.complete(&statistics)
      // Who comes before all others must not take much.
      if isHurried && statistics.due > 100 && cp_thread_cpu_time() > statistics.duration / 4 {
        isHurried = false
        cp_calm()
      }
      locked { result = statistics }
    }
    for sampler in samplers { sampler.finish(&statistics) }
    statistics.duration = cp_now() - begin - paused
    queue.close()
    queue.complete(&statistics)
    samplers = []
    pthread_mutex_lock(&sliceLock)
    rest = cut(statistics)
    rest.ending = why
    locked {
      result = statistics
      isEnded = true
      pthread_cond_broadcast(&changed)
    }
    pthread_mutex_unlock(&sliceLock)
  }

  /// A thread that stopped later than it was waited for must not stand still until then. And somebody who
  /// asks for an end does not want to wait for a moment far away.
  private func sleep(until due: Int64) {
    while true {
      let now = cp_now()
      var isLagging = false
      for sampler in samplers { isLagging = sampler.releaseLaggards() || isLagging }
      if due <= now || locked({ shouldStop }) { return }
      cp_sleep_until(min(due, now + (isLagging ? 500_000 : 20_000_000)))
    }
  }

  private func adoptChildren() {
    var known = Set(samplers.map(\.process.pid))
    var index = 0
    var pids = Array(known)
    while index < pids.count, pids.count < 1000 {
      let pid = pids[index]
      index += 1
      for tid in TargetProcess.threadIDs(of: pid) {
        for word in (ProcFile.text("/proc/\(pid)/task/\(tid)/children") ?? "").split(separator: " ") {
          guard let child = Int32(word), known.insert(child).inserted else { continue }
          pids.append(child)
          do throws(ProfilingError) {
            samplers.append(try ProcessSampler(try TargetProcess(pid: child), options, queue))
          } catch {
            // Not (yet) a process with an interpreter, or gone already: it is asked again next time.
          }
        }
      }
    }
  }
}
