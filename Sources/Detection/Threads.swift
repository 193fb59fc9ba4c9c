import CKernels
import Glibc

/// How many threads a call may use when it does not say.
public enum ThreadLimit {
  nonisolated(unsafe) private static let limit: UnsafeMutablePointer<Int64> = {
    let memory = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    memory.initialize(to: 0)
    return memory
  }()

  /// 0: as many as the process may use processors.
  public static var setting: Int {
    get { Int(ck_load(limit)) }
    set { ck_store(limit, Int64(max(newValue, 0))) }
  }

  public static var current: Int {
    let setting = setting
    return setting > 0 ? setting : processors
  }

  private static let processors = Int(ck_usable_processors())
}

/// Threads that are made for a call block all signals, which are the host's, but this one: a profiler of this
/// process asks them by it what they do.
public enum WorkerSignals {
  nonisolated(unsafe) private static let number: UnsafeMutablePointer<Int64> = {
    let memory = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    memory.initialize(to: 0)
    return memory
  }()

  /// 0: none.
  public static var open: Int32 {
    get { Int32(truncatingIfNeeded: ck_load(number)) }
    set { ck_store(number, Int64(newValue)) }
  }
}

public func monotonicNanoseconds() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

/// What this thread has worked, whatever else the machine did meanwhile.
public func threadNanoseconds() -> UInt64 { nanoseconds(CLOCK_THREAD_CPUTIME_ID) }

private func nanoseconds(_ clock: clockid_t) -> UInt64 {
  var time = timespec()
  clock_gettime(clock, &time)
  return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

/// Run `body(chunk, worker)` for every chunk on at most `threads` threads, the calling one (worker 0)
/// among them. Threads are made for the call and joined before it returns: none stays behind, and a
/// forked child has nothing to miss. `teller` is asked on the calling thread; when it says stop,
/// or a body throws, no further chunk is begun.
public func forEachChunk(
  _ chunks: Int, threads: Int, teller: ProgressTeller?,
  body: (_ chunk: Int, _ worker: Int) throws(DetectionError) -> Void
) throws(DetectionError) {
  let workers = max(1, min(threads, chunks))
  if workers == 1 {
    for chunk in 0..<chunks {
      try body(chunk, 0)
      if let teller, !teller.tell(Double(chunk + 1) / Double(chunks)) { throw .cancelled }
    }
    return
  }
  var failure: DetectionError?
  withoutActuallyEscaping(body) { body in
    let team = Team(chunks: chunks, body: body)
    var handles: [pthread_t] = []
    // Signals of the host are for the host's threads.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    if WorkerSignals.open > 0 { sigdelset(&all, WorkerSignals.open) }
    pthread_sigmask(SIG_SETMASK, &all, &before)
    for worker in 1..<workers {
      let start = Unmanaged.passRetained(Start(team: team, worker: worker))
      var handle = pthread_t()
      let status = pthread_create(
        &handle, nil,
        { argument in
          let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
          start.team.work(start.worker, teller: nil)
          return nil
        }, start.toOpaque())
      guard status == 0 else {
        start.release()
        break
      }
      handles.append(handle)
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
    team.work(0, teller: teller)
    for handle in handles { pthread_join(handle, nil) }
    failure = team.failure
    team.body = nil
  }
  if let failure { throw failure }
}

private final class Start {
  let team: Team
  let worker: Int

  init(team: Team, worker: Int) {
    self.team = team
    self.worker = worker
  }
}

/// The chunks that several threads share out among themselves.
private final class Team: @unchecked Sendable {
  var body: ((Int, Int) throws(DetectionError) -> Void)?
  private let chunks: Int
  private let next: Buffer<Int64>?
  private var lock = pthread_mutex_t()
  private var firstFailure: (chunk: Int, error: DetectionError)?

  init(chunks: Int, body: @escaping (Int, Int) throws(DetectionError) -> Void) {
    self.chunks = chunks
    self.body = body
    next = try? Buffer(count: 1)
    pthread_mutex_init(&lock, nil)
  }

  deinit { pthread_mutex_destroy(&lock) }

  var failure: DetectionError? {
    next == nil ? .outOfMemory(bytes: 8) : firstFailure?.error
  }

  func work(_ worker: Int, teller: ProgressTeller?) {
    guard let next, let body else { return }
    while true {
      let chunk = Int(ck_fetch_add(next.base, 1))
      guard chunk < chunks else { return }
      do throws(DetectionError) {
        try body(chunk, worker)
        if let teller, !teller.tell(Double(chunk + 1) / Double(chunks)) { throw .cancelled }
      } catch {
        fail(chunk, error)
      }
    }
  }

  /// Keep the failure of the earliest chunk, whichever thread met it.
  private func fail(_ chunk: Int, _ error: DetectionError) {
    pthread_mutex_lock(&lock)
    if firstFailure.map({ chunk < $0.chunk }) ?? true { firstFailure = (chunk, error) }
    pthread_mutex_unlock(&lock)
    if let next { ck_store(next.base, Int64(chunks)) }
  }
}
