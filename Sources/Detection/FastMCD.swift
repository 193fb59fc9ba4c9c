/// The minimum covariance determinant (Rousseeuw, Van Driessen 1999, FastMCD): of all sets of `nearest`
/// rows one whose covariance has the least determinant, as far as many starts find it.
///
/// At most 5 groups of rows are drawn. In each, concentration steps from many small random sets give 10
/// candidates; on all groups together the best of these are brought to convergence, and on all rows the
/// best few of those. A candidate from the covariance of all rows takes part as well, and first: where
/// it comes to a determinant of 0 there is nothing left to look for.
struct FastMCD {
  let X: Matrix
  let frame: Frame
  let nearest: Int
  let seed: UInt64
  let call: Call
  let watch: Watch
  let passes: ScatterPasses

  private static let groupCount = 5

  /// Candidates that go on: 10, or as many more as a bounded amount of work on all rows allows.
  private var kept: Int {
    let step = Double(X.rows) * Double(frame.count * (frame.count + 8))
    return Int(max(10, min(60, 2e9 / (15 * step))))
  }

  /// Find it: afterwards the rows are chosen in `passes`, and this is their location and covariance.
  func search() throws(DetectionError) -> Scatter {
    guard nearest < X.rows else {
      passes.chooseAll()
      let scatter = try Scatter(frame)
      try passes.gather(into: scatter, fraction: 0.5)
      try passes.gather(into: scatter, fraction: 0.7)
      try passes.whitening.set(scatter.covariance.base, singular: .raised)
      scatter.logDeterminant = passes.whitening.logDeterminant
      return scatter
    }
    let whole = try Scatter(frame)
    passes.chooseAll()
    try passes.gather(into: whole, fraction: 0)
    if try passes.concentrate(whole, nearest: nearest, most: 200, fraction: 0) { return whole }
    var candidates = try candidatesFromGroups()
    for (index, candidate) in candidates.enumerated() {
      let fraction = 0.5 + 0.2 * Double(index) / Double(candidates.count)
      if try passes.concentrate(candidate, nearest: nearest, most: 3, fraction: fraction) {
        return candidate
      }
    }
    candidates = FastMCD.best(candidates + [whole], max(4, kept / 2))
    for (index, candidate) in candidates.enumerated() {
      let fraction = 0.7 + 0.2 * Double(index) / Double(candidates.count)
      if try passes.concentrate(candidate, nearest: nearest, most: 200, fraction: fraction) {
        return candidate
      }
    }
    // The last few are improved by exchanges too.
    candidates = FastMCD.best(candidates, 4)
    for candidate in candidates {
      _ = try passes.concentrate(candidate, nearest: nearest, most: 1, fraction: 0.9)
      try exchange(candidate, fraction: 0.9)
    }
    let winner = FastMCD.best(candidates, 1)[0]
    // Once more, for the rows that it chose.
    _ = try passes.concentrate(winner, nearest: nearest, most: 1, fraction: 0.9)
    return winner
  }

  /// The best `count`, the least determinant first, leaving out those that are the same as another.
  private static func best(_ candidates: [Scatter], _ count: Int) -> [Scatter] {
    var found: [Scatter] = []
    for index in order(candidates.map(\.logDeterminant)) {
      let candidate = candidates[index]
      if let last = found.last,
        abs(last.logDeterminant - candidate.logDeterminant) <= 1e-9 * max(1, abs(last.logDeterminant))
      {
        continue
      }
      found.append(candidate)
      if found.count == count { break }
    }
    return found
  }

  private static func order(_ values: [Double]) -> [Int] {
    values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
  }

  private func candidatesFromGroups() throws(DetectionError) -> [Scatter] {
    let size = frame.count
    let groupRows = min(X.rows, max(300, 5 * size))
    let groups = max(1, min(FastMCD.groupCount, X.rows / groupRows))
    let rows = groups == 1 ? min(X.rows, 2 * groupRows) : groups * groupRows
    let each = rows / groups
    let data = try load(rows)
    // So many starts as a bounded amount of work allows.
    let work = 2 * (2 * Double(each) * Double(size * size) + Double(size) * Double(size * size))
    let starts = Int(max(10, min(500, 2e10 / work))) / groups
    let threads = max(1, min(call.threads, starts * groups))
    var workers: [(steps: ConcentrationSteps, scatter: Scatter)] = []
    for worker in 0..<threads {
      workers.append(
        (try ConcentrationSteps(frame, most: rows, watch: watch, worker: worker), try Scatter(frame)))
    }
    let share = Double(nearest) / Double(X.rows)
    let near = { (count: Int) in min(count, max(1, Int((Double(count) * share).rounded(.up)))) }

    func run(
      _ start: Int, _ steps: ConcentrationSteps, _ scatter: Scatter, _ fraction: Double
    ) throws(DetectionError) {
      let group = data.base + (start / starts) * each * frame.width
      try steps.start(
        group, chosen: draw(start, from: each, nearest: near(each)), into: scatter)
      try steps.run(
        group, count: each, nearest: near(each), scatter: scatter, most: 2, fraction: fraction)
    }
    let determinants = try Buffer<Double>(count: starts * groups)
    try forEachChunk(starts * groups, threads: threads, teller: nil) {
      (start, worker) throws(DetectionError) in
      try run(
        start, workers[worker].steps, workers[worker].scatter,
        0.4 * Double(start) / Double(starts * groups))
      determinants[start] = workers[worker].scatter.logDeterminant
    }
    // The best are computed again: less memory than keeping all.
    var chosen: [Int] = []
    for group in 0..<groups {
      let values = (0..<starts).map { determinants[group * starts + $0] }
      chosen += FastMCD.order(values).prefix(kept).map { group * starts + $0 }
    }
    var candidates: [Scatter] = []
    for _ in chosen { candidates.append(try Scatter(frame)) }
    try forEachChunk(chosen.count, threads: threads, teller: nil) {
      (index, worker) throws(DetectionError) in
      let steps = workers[worker].steps
      try run(chosen[index], steps, candidates[index], 0.4)
      try steps.run(
        data.base, count: rows, nearest: near(rows), scatter: candidates[index], most: 2,
        fraction: 0.45)
    }
    candidates = FastMCD.best(candidates, kept)
    try forEachChunk(candidates.count, threads: threads, teller: nil) {
      (index, worker) throws(DetectionError) in
      try workers[worker].steps.run(
        data.base, count: rows, nearest: near(rows), scatter: candidates[index], most: 30,
        fraction: 0.5)
    }
    return FastMCD.best(candidates, kept)
  }

  /// Rows drawn without replacement, loaded one after another.
  private func load(_ count: Int) throws(DetectionError) -> Buffer<Double> {
    let data = try Buffer<Double>(count: ((count + 3) & ~3) * frame.width)
    let numbers = try Buffer<Int>(count: count)
    let sampler = try RowSampler(rows: X.rows, count: count, replace: false, weights: nil)
    var random = Random(seed: seed, stream: 0)
    var seen = RowSet(capacity: 0)
    sampler.draw(tree: 0, seed: seed, &random, into: numbers.base, seen: &seen)
    try frame.load(X, from: 0, rowNumbers: numbers.base, rows: count, into: data.base)
    return data
  }

  /// The rows of a start: as few as make a covariance, twice as many, or as many as are sought.
  private func draw(_ start: Int, from count: Int, nearest: Int) -> [Int] {
    let few = frame.count + 1
    let wanted = min(nearest, start % 4 == 3 ? nearest : start % 4 == 2 ? 2 * few : few)
    var random = Random(seed: seed, stream: UInt64(start) + 1)
    var rows = Array(0..<count)
    for index in 0..<wanted { rows.swapAt(index, index + random.below(count - index)) }
    return Array(rows[0..<wanted])
  }
}
