public struct RecordingOptions: Sendable {
  /// Samples a second.
  public var rate = 100.0
  /// Seconds; 0 for until it is stopped or the process ends.
  public var duration = 0.0
  /// Native frames too.
  public var native = false
  /// Threads that wait, too.
  public var idle = false
  /// Only threads that hold the interpreter's lock.
  public var lockOnly = false
  /// A frame for each thread under its stacks.
  public var threads = false
  /// Functions only: the line where a function begins instead of the one that runs.
  public var functions = false
  /// No lines at all.
  public var noLines = false
  /// Children too, with a frame for each process.
  public var subprocesses = false

  /// Never stop the process: drop what changed while it was read.
  public var nonBlocking = false

  public init() {}

  func check() throws(ProfilingError) {
    if native && nonBlocking {
      throw ProfilingError(
        .invalidArgument,
        "native frames need registers, and those a stop: not both native and nonblocking")
    }
    guard rate >= 0.1, rate <= 10_000 else {
      throw ProfilingError(.invalidArgument, "the rate is \(rate); allowed are 0.1 to 10000 samples a second")
    }
    guard duration >= 0, duration <= 1e8 else {
      throw ProfilingError(
        .invalidArgument, "the duration is \(duration); allowed are 0 to 100000000 seconds")
    }
  }
}

/// How the sampling went.
public struct RecordingStatistics: Sendable {
  /// Moments at which a sample was due.
  public var due: Int64 = 0
  /// Moments at which all that should be sampled was.
  public var taken: Int64 = 0
  /// Of these, later than a tenth of the interval.
  public var late: Int64 = 0
  /// Moments that had passed before the sampler came to them.
  public var skipped: Int64 = 0
  /// Moments at which a stack changed under the reader each time it was tried; it was dropped.
  public var torn: Int64 = 0
  /// Moments at which a process or thread could not be read, or be stopped.
  public var failed: Int64 = 0
  /// Stacks counted.
  public var stacks: Int64 = 0
  /// Of these, native ones that end where there is no unwinding information, short of the outermost frame.
  public var incomplete: Int64 = 0
  /// Times that threads were stopped to be read.
  public var stops: Int64 = 0
  /// Nanoseconds that threads stood still for it, and that the sampler worked itself.
  public var pause: Int64 = 0
  public var ownTime: Int64 = 0
  public var duration: Int64 = 0
  // Of a process that samples itself:
  /// Stacks that were not taken because their threads block the signal.
  public var blocked: Int64 = 0
  /// System calls that returned EINTR because of the signal.
  public var interrupted: Int64 = 0
  /// Threads that were there at the last moment.
  public var threads: Int64 = 0
  /// Threads that ran or could, added up over the moments.
  public var active: Int64 = 0
  /// Moments at which a thread that was sampled held the interpreter's lock.
  public var locked: Int64 = 0

  /// What has come since then.
  func since(_ earlier: RecordingStatistics) -> RecordingStatistics {
    var rest = self
    rest.due -= earlier.due
    rest.taken -= earlier.taken
    rest.late -= earlier.late
    rest.skipped -= earlier.skipped
    rest.torn -= earlier.torn
    rest.failed -= earlier.failed
    rest.stacks -= earlier.stacks
    rest.incomplete -= earlier.incomplete
    rest.stops -= earlier.stops
    rest.pause -= earlier.pause
    rest.ownTime -= earlier.ownTime
    rest.duration -= earlier.duration
    rest.blocked -= earlier.blocked
    rest.interrupted -= earlier.interrupted
    rest.active -= earlier.active
    rest.locked -= earlier.locked
    return rest
  }
}
