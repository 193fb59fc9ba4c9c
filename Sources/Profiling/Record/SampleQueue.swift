import CProfiling
import Glibc

/// Samples on their way from the thread that takes them to one that unwinds, names and counts them: reading a
/// library's symbols must not delay the next sample.
final class SampleQueue: @unchecked Sendable {
  struct Counts {
    var stacks: Int64 = 0
    var incomplete: Int64 = 0
    var ownTime: Int64 = 0
    var active: Int64 = 0
    var locked: Int64 = 0
  }

  private let owner = getpid()
  private var lock = pthread_mutex_t()
  private var wanted = pthread_cond_t()
  private var done = pthread_cond_t()
  private var thread: OpaquePointer?
  // Behind the lock.
  private var waiting: [Sample] = []
  private var bytes = 0
  private var isBusy = false
  private var isAwaited = false
  private var isClosed = false
  private var counts = Counts()
  /// Processes in which code ran that is in no file known.
  private var stale: Set<Int32> = []
  private var isSliceWanted = false
  private var slice: Profile?
  private var isEnded = false

  // The working thread's, until it has ended; then behind the lock.
  private var profile: Profile

  /// More than this is not kept back: the sampler waits.
  private static let limit = 64 << 20

  init(_ profile: Profile) throws(ProfilingError) {
    self.profile = profile
    pthread_mutex_init(&lock, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(&wanted, &attributes)
    pthread_cond_init(&done, &attributes)
    pthread_condattr_destroy(&attributes)
    let code = cp_start(
      { context in
        guard let context else { return }
        Unmanaged<SampleQueue>.fromOpaque(context).takeUnretainedValue().work()
      }, Unmanaged.passUnretained(self).toOpaque(), &thread)
    guard code == 0 else {
      throw ProfilingError(.outOfMemory, "cannot start a thread: \(String(cString: strerror(code)))")
    }
  }

  deinit {
    close()
    pthread_mutex_destroy(&lock)
    pthread_cond_destroy(&wanted)
    pthread_cond_destroy(&done)
  }

  /// Hand a sample over; whether the process's map should be looked at again. Nobody is woken for a sample:
  /// the worker looks every few milliseconds.
  func put(_ sample: Sample) -> Bool {
    pthread_mutex_lock(&lock)
    waiting.append(sample)
    bytes += sample.size
    let isStale = stale.remove(sample.sampler.process.pid) != nil
    let isFull = bytes > SampleQueue.limit
    pthread_mutex_unlock(&lock)
    if isFull { drain() }
    return isStale
  }

  /// Wait until all has been worked on. Then what the worker uses is the caller's, until the next `put`.
  func drain() {
    pthread_mutex_lock(&lock)
    while !waiting.isEmpty || isBusy {
      isAwaited = true
      pthread_cond_signal(&wanted)
      pthread_cond_wait(&done, &lock)
    }
    pthread_mutex_unlock(&lock)
  }

  /// Work on all that is left, and end.
  func close() {
    guard let thread, owner == getpid() else { return }
    pthread_mutex_lock(&lock)
    isClosed = true
    pthread_cond_signal(&wanted)
    pthread_mutex_unlock(&lock)
    cp_join(thread)
    self.thread = nil
  }

  /// What was counted since the beginning or the last slice; the next one begins empty. One caller at a time.
  func takeSlice() -> Profile {
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    isSliceWanted = true
    while isSliceWanted && !isEnded {
      pthread_cond_signal(&wanted)
      pthread_cond_wait(&done, &lock)
    }
    if isSliceWanted { cutSlice() }
    defer { slice = nil }
    return slice ?? profile
  }

  private func cutSlice() {
    isSliceWanted = false
    slice = profile
    profile = profile.next
  }

  /// Fill in what the worker counts.
  func complete(_ statistics: inout RecordingStatistics) {
    pthread_mutex_lock(&lock)
    statistics.stacks = counts.stacks
    statistics.incomplete = counts.incomplete
    statistics.ownTime = cp_thread_cpu_time() + counts.ownTime
    statistics.active = counts.active
    statistics.locked = counts.locked
    pthread_mutex_unlock(&lock)
  }

  private func work() {
    var mine = Counts()
    var pids: Set<Int32> = []
    pthread_mutex_lock(&lock)
    while true {
      let batch = waiting
      waiting = []
      bytes = 0
      isBusy = !batch.isEmpty
      isAwaited = false
      pthread_mutex_unlock(&lock)
      for sample in batch {
        let before = mine.incomplete
        sample.sampler.count(sample, into: &profile, &mine)
        if mine.incomplete > before { pids.insert(sample.sampler.process.pid) }
      }
      mine.ownTime = cp_thread_cpu_time()
      pthread_mutex_lock(&lock)
      counts = mine
      stale.formUnion(pids)
      pids.removeAll(keepingCapacity: true)
      isBusy = false
      if isSliceWanted { cutSlice() }
      pthread_cond_broadcast(&done)
      if !waiting.isEmpty && (isAwaited || isClosed) { continue }
      if isClosed { break }
      let until = cp_now() + 10_000_000
      var time = timespec(tv_sec: Int(until / 1_000_000_000), tv_nsec: Int(until % 1_000_000_000))
      // Asleep until there is something, but for those who wait or end it.
      pthread_cond_timedwait(&wanted, &lock, &time)
    }
    isEnded = true
    pthread_cond_broadcast(&done)
    pthread_mutex_unlock(&lock)
  }
}

/// What was read of a process at one moment.
struct Sample {
  typealias Thread = (tid: Int32, thread: TargetProcess.Thread)

  let sampler: ProcessSampler
  var threads: [Thread]
  var python: [PythonThread]
  /// Stacks to unwind; none where native frames are not asked for.
  var copies: [(tid: Int32, copy: StackCopy)] = []
  /// The code objects as they were then.
  var codes: [UInt64: ProcessSampler.KnownCode]
  var loop: [Range<UInt64>]
  /// Of a process that samples itself: what the threads answered.
  var own: [OwnAnswer] = []

  func answer(of tid: Int32) -> OwnAnswer? { own.first { $0.tid == tid } }

  var size: Int { copies.reduce(1024) { $0 + ($1.copy.bytes?.count ?? 0) } }
}
