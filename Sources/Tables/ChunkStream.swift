import Glibc

/// The chunks of a table in order, made by several threads ahead of the one that asks for them.
///
/// Cutting is done by one thread at a time, under the lock, because where a chunk begins depends on
/// the one before. What each chunk holds depends on the file alone, so the number of threads changes
/// nothing but the time.
public final class ChunkStream: @unchecked Sendable {
  /// Done to every chunk after parsing, on the thread that parsed it.
  public typealias Work = @Sendable (Chunk) throws -> Void

  private let parser: ChunkParser
  private let work: Work
  private let interrupted: ByteSource.Interruption
  private let readAhead: Int
  private var cutter: ChunkCutter
  private var kept: ArraySlice<Chunk>
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var threads: [pthread_t] = []

  // Behind the lock.
  private var spare: [Chunk] = []
  private var finished: [Int: Chunk] = [:]
  private var cutCount = 0
  private var cutAll = false
  private var stopped = false
  private var turn = 0

  /// Rows of the chunks handed out so far, and how far into the file they reach.
  public private(set) var rows = 0
  public private(set) var offset: Int64

  init(
    kept: [Chunk], cutter: ChunkCutter, parser: ChunkParser, threads count: Int,
    interrupted: @escaping ByteSource.Interruption, work: @escaping Work
  ) {
    self.kept = kept[...]
    self.cutter = cutter
    self.parser = parser
    self.work = work
    self.interrupted = interrupted
    offset = cutter.offset
    readAhead = count + 1
    pthread_mutex_init(lock, nil)
    pthread_cond_init(changed, nil)
    // With one thread the asking one does the work. So it does when no thread can be had.
    guard count > 1 else { return }
    for _ in 0..<count {
      var thread = pthread_t()
      // The stream outlives its threads: stop() joins them.
      let context = Unmanaged.passUnretained(self).toOpaque()
      let code = pthread_create(
        &thread, nil,
        { context in
          if let context { Unmanaged<ChunkStream>.fromOpaque(context).takeUnretainedValue().run() }
          return nil
        }, context)
      if code == 0 { threads.append(thread) }
    }
  }

  deinit {
    stop()
    pthread_mutex_destroy(lock)
    pthread_cond_destroy(changed)
    lock.deallocate()
    changed.deallocate()
  }

  /// The next chunk, or nil at the end. Give it back with `recycle`.
  public func next() throws -> Chunk? {
    if interrupted() { throw TableError.interrupted }
    guard let chunk = threads.isEmpty ? makeHere() : takeTurn() else { return nil }
    if let failure = chunk.failure { throw failure }
    chunk.firstRow = rows
    rows += chunk.rows
    offset = chunk.endOffset
    return chunk
  }

  /// The chunk may be filled anew.
  public func recycle(_ chunk: Chunk) {
    guard !chunk.isParsed else { return }
    pthread_mutex_lock(lock)
    spare.append(chunk)
    pthread_mutex_unlock(lock)
  }

  /// Ends the threads. Chunks that were handed out stay whole.
  public func stop() {
    pthread_mutex_lock(lock)
    stopped = true
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(lock)
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }

  private func makeHere() -> Chunk? {
    pthread_mutex_lock(lock)
    let chunk = stopped ? nil : cut()
    pthread_mutex_unlock(lock)
    if let chunk { fill(chunk) }
    return chunk
  }

  private func takeTurn() -> Chunk? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while true {
      if let chunk = finished.removeValue(forKey: turn) {
        turn += 1
        pthread_cond_broadcast(changed)
        return chunk
      }
      if (cutAll && turn == cutCount) || stopped { return nil }
      pthread_cond_wait(changed, lock)
    }
  }

  private func run() {
    pthread_mutex_lock(lock)
    while !stopped && !cutAll {
      if cutCount - turn >= readAhead {
        pthread_cond_wait(changed, lock)
        continue
      }
      let number = cutCount
      guard let chunk = cut() else { break }
      cutCount += 1
      pthread_mutex_unlock(lock)
      fill(chunk)
      pthread_mutex_lock(lock)
      finished[number] = chunk
      pthread_cond_broadcast(changed)
    }
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(lock)
  }

  /// Cuts the next chunk; one that failed carries its failure and is the last.
  private func cut() -> Chunk? {
    guard !cutAll else { return nil }
    if let chunk = kept.popFirst() { return chunk }
    let chunk = spare.popLast() ?? Chunk()
    chunk.failure = nil
    chunk.rows = 0
    do {
      if try cutter.next(chunk) { return chunk }
      cutAll = true
      return nil
    } catch {
      cutAll = true
      chunk.failure = error
      return chunk
    }
  }

  private func fill(_ chunk: Chunk) {
    guard chunk.failure == nil, !interrupted() else { return }
    do {
      if !chunk.isParsed { try parser.parse(chunk) }
      try work(chunk)
    } catch {
      chunk.failure = error
    }
  }
}
