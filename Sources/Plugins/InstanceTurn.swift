import Detection
import Glibc

/// Calls of an instance that must come one at a time. A call from inside another (a progress callback that
/// scores by the same detector) is refused, since it would wait for itself; and a forked child, whose parent's
/// other threads are gone, begins anew.
final class InstanceTurn: @unchecked Sendable {
  /// Whether calls may come at the same time.
  let shared: Bool
  private var lock = pthread_mutex_t()
  private var process = getpid()

  init(shared: Bool) {
    self.shared = shared
    InstanceTurn.make(&lock)
  }

  deinit { pthread_mutex_destroy(&lock) }

  private static func make(_ lock: UnsafeMutablePointer<pthread_mutex_t>) {
    var attributes = pthread_mutexattr_t()
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ERRORCHECK))
    pthread_mutex_init(lock, &attributes)
    pthread_mutexattr_destroy(&attributes)
  }

  @inline(__always)
  func take<Result>(
    _ detector: @autoclosure () -> String, _ body: () throws(DetectionError) -> Result
  ) throws(DetectionError) -> Result {
    if shared { return try body() }
    if process != getpid() {
      InstanceTurn.make(&lock)
      process = getpid()
    }
    guard pthread_mutex_lock(&lock) == 0 else {
      throw DetectionError(
        .notSupported,
        "\(detector()): this detector is in use by the call that this call comes from, and its plugin takes"
          + " one at a time")
    }
    defer { pthread_mutex_unlock(&lock) }
    return try body()
  }
}
