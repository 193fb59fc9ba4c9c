import CProcesses
import CPynomaly

extension CheckContext {
  /// Milliseconds that a cancelled call may go on.
  private static let patience = 100.0

  /// A call that takes long ends within 100 ms of being asked to.
  func checkCancellation() throws -> String {
    var words: [String] = []
    // A fit that takes a while, found by doubling the rows.
    var rows = max(rows, 1000)
    var fitTime = try time(fitOf: rows)
    while fitTime < 400, rows * columns < 4 << 20 {
      rows *= fitTime < 40 ? 4 : 2
      fitTime = try time(fitOf: rows)
    }
    if fitTime < 200 {
      words.append("fit takes \(milliseconds(fitTime)) for \(Number.grouped(rows)) rows, too short to cancel")
    } else {
      let data = TestData(manyRows: rows, columns: columns)
      let X = try data.matrix()
      words.append(
        try cancel("fit", rows: rows, whole: fitTime) { watch in
          var training = training(data)
          training.watch = watch
          try make().fit(X, training)
        })
    }

    let subject = try fitted()
    rows = 10_000
    var X = try TestData(manyRows: rows, columns: columns, seed: 2).matrix()
    var scoreTime = try time { _ = try subject.score(X) }
    while scoreTime < 400, rows * columns < 8 << 20 {
      rows *= scoreTime < 40 ? 4 : 2
      X = try TestData(manyRows: rows, columns: columns, seed: 2).matrix()
      scoreTime = try time { _ = try subject.score(X) }
    }
    if scoreTime < 200 {
      words.append(
        "score takes \(milliseconds(scoreTime)) for \(Number.grouped(rows)) rows, too short to cancel")
    } else {
      words.append(
        try cancel("score", rows: rows, whole: scoreTime) { watch in
          _ = try subject.score(X, watch: watch)
        })
    }
    return words.joined(separator: "; ")
  }

  private func time(fitOf rows: Int) throws -> Double {
    let data = TestData(manyRows: rows, columns: columns)
    let X = try data.matrix()
    let subject = try make()
    return try time { try subject.fit(X, training(data)) }
  }

  private func time(_ body: () throws -> Void) throws -> Double {
    let begun = cprocesses_now()
    try body()
    return Double(cprocesses_now() - begun) / 1e6
  }

  /// Asks a call to end after 30 ms, and measures how long it goes on: the best of five tries, since
  /// other programs may have been in the way.
  private func cancel(
    _ name: String, rows: Int, whole: Double, _ body: (Subject.Watch) throws -> Void
  ) throws -> String {
    var best = Double.infinity
    var finished = false
    var calls = 0
    for _ in 0..<5 where best > CheckContext.patience {
      let watch = Subject.Watch()
      let asked = cprocesses_now() + 30_000_000
      watch.progress = { _ in cprocesses_now() >= asked ? 1 : 0 }
      do {
        try body(watch)
        finished = true
      } catch let error as LibraryError {
        guard error.isCancelled else {
          throw CheckFailure(
            "\(name): cancelled, it fails with \(error.words); PYN_ERROR_CANCELLED is asked for")
        }
        finished = false
      }
      best = min(best, Double(cprocesses_now() - asked) / 1e6)
      calls = watch.calls
    }
    guard best <= CheckContext.patience else {
      throw CheckFailure(
        "\(name) of \(Number.grouped(rows)) rows goes on for \(milliseconds(best)) after it is asked to stop"
          + (finished ? " and ignores it" : "")
          + (calls == 0 ? "; host->progress was never called" : "; host->progress was called \(calls) times")
          + " (call it at least every 50 ms, and return PYN_ERROR_CANCELLED within 100 ms when it is not 0)")
    }
    guard !finished else {
      throw CheckFailure(
        "\(name) of \(Number.grouped(rows)) rows ignores that it is asked to stop: it succeeds"
          + " (return PYN_ERROR_CANCELLED when host->progress is not 0)")
    }
    return "\(name) stops after \(milliseconds(best)) of \(milliseconds(whole))"
  }

  private func milliseconds(_ value: Double) -> String { "\(Number.fixed(value, value < 10 ? 1 : 0)) ms" }

  /// Each step again and again: the memory in use stays level.
  func checkLeaks() throws -> String {
    let data = TestData(rows: rows, columns: columns, seed: 1)
    let X = try data.matrix()
    let scored = try scoringData.matrix()
    let subject = try fitted()
    let bytes = try subject.save()
    var partial = training(data)
    partial.isPartial = true
    let broken = SavedModel(bytes).bytes(Array(SavedModel(bytes).payload.dropLast()))
    let narrow = try TestMatrix([1], columns: 1)
    // The simple ones first, since the others are made of them.
    var steps: [(String, () throws -> Void)] = [
      ("create and destroy", { _ = try make() }),
      ("load and destroy", { _ = try load(bytes) }),
      ("save", { _ = try subject.save() }),
      ("score", { _ = try subject.score(scored) }),
    ]
    if can("explain") { steps.append(("explain", { _ = try subject.explain(scored) })) }
    steps += [
      ("fit and destroy", { try make().fit(X, self.training(data)) }),
      ("a load that fails", { _ = try? load(broken) }),
      ("a fit that fails", { try? make().fit(narrow, self.training(TestData(rows: 1, columns: 1))) }),
    ]
    let cancelled = Subject.Watch()
    cancelled.progress = { _ in 1 }
    var ended = training(data)
    ended.watch = cancelled
    let training = ended
    steps.append(("a fit that is cancelled", { try? make().fit(X, training) }))
    if can("partial_fit") {
      let training = partial
      steps.append(("partial_fit and destroy", { try make().fit(X, training) }))
    }
    var rounds = 0
    for (name, step) in steps {
      report.step("\(name), again and again")
      rounds += try checkLevel(name, step)
    }
    return "\(steps.map(\.0).joined(separator: ", ")): level over \(Number.grouped(rounds)) rounds"
  }

  /// Four stretches of rounds; what grows in each of the last three leaks.
  private func checkLevel(_ name: String, _ step: () throws -> Void) throws -> Int {
    for _ in 0..<3 { try step() }
    let begun = cprocesses_now()
    try step()
    let one = max(cprocesses_now() - begun, 1)
    let rounds = min(max(Int(150_000_000 / one), 8), 200)
    var heap: [Int] = []
    var resident: [Int] = []
    var blocks: [Int] = []
    for _ in 0..<4 {
      for _ in 0..<rounds { try step() }
      heap.append(cprocesses_heap())
      resident.append(cprocesses_resident())
      blocks.append(PluginDescription.allocatedBlocks)
    }
    func growth(_ sizes: [Int]) -> [Int] { zip(sizes.dropFirst(), sizes).map { $0 - $1 } }
    let kept = growth(blocks).min() ?? 0
    guard kept < max(rounds / 2, 1) else {
      throw CheckFailure(
        "\(name): \(Number.rounded(Double(kept) / Double(rounds), 2)) blocks of host->allocate more each time"
          + " are not given back with host->release")
    }
    let leaked = growth(heap).min() ?? 0
    guard leaked < 8 * rounds else {
      throw CheckFailure(
        "\(name): \(Number.grouped(leaked / rounds)) bytes more each time are not given back"
          + " (malloc or new without free or delete)")
    }
    let mapped = growth(resident).min() ?? 0
    guard mapped < max(2048 * rounds, 256 << 10) else {
      throw CheckFailure(
        "\(name): the process grows by \(Number.grouped(mapped / rounds)) bytes each time")
    }
    return 4 * rounds
  }

  /// How fast it scores. Nothing is asked here, it is told.
  func checkSpeed() throws -> String {
    let subject = try fitted()
    let many = try TestData(rows: 20_000, columns: columns, seed: 2).matrix()
    var scores = [Double](repeating: 0, count: many.rows)
    pyn_set_thread_limit(1)
    let (best, fastest) = try scores.withUnsafeMutableBufferPointer { scores in
      guard let base = scores.baseAddress else { return (0.0, 0.0) }
      report.step("score of \(many.words)")
      var rows = many.matrix
      let best = try shortest(nanoseconds: 500_000_000, calls: 1) {
        try subject.score(&rows, into: base, count: many.rows)
      }
      report.step("score of 1 row")
      var one = many.rows(0, 1)
      let fastest = try shortest(nanoseconds: 200_000_000, calls: 50) {
        try subject.score(&one, into: base, count: 1)
      }
      return (best, fastest)
    }
    report.fact("nanoseconds_per_row", Number.rounded(best / Double(many.rows), 4))
    report.fact("nanoseconds_one_row", Number.rounded(fastest, 4))
    return "\(Number.rounded(best / Double(many.rows), 3)) ns a row of \(Number.grouped(many.rows))"
      + " by 1 thread; one row alone \(Number.rounded(fastest / 1000, 3)) us"
  }

  /// Nanoseconds of one call: the least of many stretches of calls.
  private func shortest(
    nanoseconds: Int64, calls: Int, _ body: () throws -> Void
  ) throws -> Double {
    var best = Double.infinity
    let end = cprocesses_now() + nanoseconds
    repeat {
      let begun = cprocesses_now()
      for _ in 0..<calls { try body() }
      best = min(best, Double(cprocesses_now() - begun) / Double(calls))
    } while cprocesses_now() < end
    return best
  }
}
