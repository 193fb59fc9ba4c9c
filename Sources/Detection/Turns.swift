import Glibc

/// Lets chunks that several threads have made ready go on one after another, in their order.
final class Turns: @unchecked Sendable {
  private var lock = pthread_mutex_t()
  private var moved = pthread_cond_t()
  private var next = 0
  private var isBroken = false

  init() {
    pthread_mutex_init(&lock, nil)
    pthread_cond_init(&moved, nil)
  }

  deinit {
    pthread_cond_destroy(&moved)
    pthread_mutex_destroy(&lock)
  }

  /// Wait for the turn of a chunk; false when an earlier one failed. Every chunk that waits must
  /// ``pass()`` afterwards.
  func wait(for chunk: Int) -> Bool {
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    while next != chunk, !isBroken { pthread_cond_wait(&moved, &lock) }
    return !isBroken
  }

  /// The next chunk's turn.
  func pass() { change { next += 1 } }

  /// No further chunk has a turn.
  func fail() { change { isBroken = true } }

  private func change(_ body: () -> Void) {
    pthread_mutex_lock(&lock)
    body()
    pthread_cond_broadcast(&moved)
    pthread_mutex_unlock(&lock)
  }
}
