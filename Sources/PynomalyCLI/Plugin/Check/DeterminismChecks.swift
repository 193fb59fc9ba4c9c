import CPynomaly
import Glibc

extension CheckContext {
  /// The same bits again, for any number of threads, in this process and (by the fingerprint) in another.
  func checkDeterminism() throws -> String {
    pyn_set_thread_limit(8)
    let data = TestData(rows: max(rows, 3000), columns: columns, seed: 1)
    let X = try data.matrix()
    let scored = try TestData(rows: 3000, columns: columns, seed: 2).matrix()
    var first: (scores: [Double], model: [UInt8])?
    for threads in [1, 1, 2, 3, 8] {
      let subject = try make()
      try subject.fit(X, training(data, threads: threads))
      let scores = try subject.score(scored, threads: threads)
      let model = try subject.save()
      guard let before = first else {
        first = (scores, model)
        continue
      }
      let words =
        threads == 1
        ? "a second fit with the same options, seed and data is another"
        : "a fit and score with \(threads) threads is another than with 1"
      try checkSame(before.scores, scores) { "\(words): row \($0) scores" }
      if let place = firstDifference(before.model, model) {
        throw CheckFailure("\(words): the saved model differs from byte \(place) on"
          + " (memory that was never set?)")
      }
    }
    guard let first else { return "" }
    report.fact("scores", fingerprint(first.scores.map(\.bitPattern)))
    report.fact("model", fingerprint(first.model.map { UInt64($0) }))
    guard hasSeed else { return "2 fits, 1 to 8 threads, 2 processes; no random_state" }
    let other = try make(seed: 8)
    try other.fit(X, training(data))
    let differs = firstDifference(first.scores, try other.score(scored)) != nil
    return "2 fits, 1 to 8 threads, 2 processes; another seed gives \(differs ? "other" : "the same") scores"
  }

  /// Several threads score with one detector at the same time.
  func checkThreads() throws -> String {
    let subject = try fitted()
    let data = TestData(rows: 1000, columns: columns, seed: 3)
    let X = try data.matrix()
    let expected = try subject.score(X)
    report.step("score from 4 threads at the same time")
    let crowd = Crowd(4) { index in
      for round in 0..<25 {
        let size = 1 + (index * 37 + round * 91) % data.rows
        let scores = try subject.score(X.rows(data.rows - size, data.rows), threads: 1 + round % 2)
        if let row = firstDifference(Array(expected[(data.rows - size)...]), scores) {
          throw CheckFailure(
            "row \(data.rows - size + row) scores otherwise while other threads score with the same"
              + " detector: \(Number.shortest(expected[data.rows - size + row])) and"
              + " \(Number.shortest(scores[row]))")
        }
      }
    }
    if let failure = crowd.run() { throw failure }
    return "4 threads, 100 calls"
  }

  private func fingerprint(_ words: [UInt64]) -> String {
    var sum: UInt64 = 14_695_981_039_346_656_037
    for word in words { sum = (sum ^ word) &* 1_099_511_628_211 }
    return String(sum, radix: 16)
  }
}

func firstDifference(_ first: [UInt8], _ second: [UInt8]) -> Int? {
  if let place = zip(first, second).enumerated().first(where: { $1.0 != $1.1 }) {
    return place.offset
  }
  return first.count == second.count ? nil : min(first.count, second.count)
}

/// Threads that do the same work together; the first failure counts.
private final class Crowd: @unchecked Sendable {
  private let work: (Int) throws -> Void
  private let count: Int
  private var failures: [(any Error)?]
  private var started = 0
  private var lock = pthread_mutex_t()

  init(_ count: Int, _ work: @escaping (Int) throws -> Void) {
    self.work = work
    self.count = count
    failures = Array(repeating: nil, count: count)
    pthread_mutex_init(&lock, nil)
  }

  func run() -> (any Error)? {
    var threads: [pthread_t] = []
    for _ in 0..<count {
      var thread = pthread_t()
      let context = Unmanaged.passRetained(self).toOpaque()
      let status = pthread_create(
        &thread, nil,
        { context in
          if let context { Unmanaged<Crowd>.fromOpaque(context).takeRetainedValue().one() }
          return nil
        }, context)
      if status == 0 { threads.append(thread) }
    }
    for thread in threads { pthread_join(thread, nil) }
    return failures.compactMap { $0 }.first
  }

  private func one() {
    pthread_mutex_lock(&lock)
    let index = started
    started += 1
    pthread_mutex_unlock(&lock)
    do {
      try work(index)
    } catch {
      pthread_mutex_lock(&lock)
      failures[index] = error
      pthread_mutex_unlock(&lock)
    }
  }
}
