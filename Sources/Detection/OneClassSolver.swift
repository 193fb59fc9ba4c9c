/// The dual of the one-class support vector machine (Schölkopf and others 2001, in libsvm's form): the
/// least half a' K a with 0 <= a <= bound and the sum of a nu times that of the bounds.
///
/// A sample of the rows is solved first, and says which multipliers begin at their bounds. Then sets of the
/// rows that violate optimality most, so many as a whole square of kernel values fits into the cache, are
/// minimised over, one after another.
final class OneClassSolver {
  let rows: KernelRows
  let multipliers: Buffer<Double>
  let bounds: Buffer<Double>
  /// K times the multipliers.
  let gradient: Buffer<Double>
  private(set) var steps = 0
  /// By how much the worst pair violates optimality at the end.
  private(set) var violation = 0.0
  private let plan: Plan
  private let watch: Watch
  private let threads: Int

  struct Plan {
    var nu: Double
    var tolerance: Double
    var shrinking: Bool
    var cacheBytes: Int
    var mostSteps: Int
  }

  init(
    _ rows: KernelRows, bounds: Buffer<Double>, plan: Plan, call: Call, watch: Watch
  ) throws(DetectionError) {
    self.rows = rows
    self.bounds = bounds
    self.plan = plan
    self.watch = watch
    threads = call.threads
    multipliers = try Buffer(count: rows.padded)
    gradient = try Buffer(count: rows.padded)
  }

  /// Rows of which the whole square of kernel values fits into the cache.
  private var most: Int {
    max(64, Int((Double(plan.cacheBytes) / 4).squareRoot()) & ~7)
  }

  func solve() throws(DetectionError) {
    let order = try startingOrder()
    var left = plan.nu * total(bounds, rows.count)
    for place in 0..<rows.count where left > 0 {
      let row = order.map { $0[place] } ?? place
      multipliers[row] = min(bounds[row], left)
      left -= multipliers[row]
    }
    let held = (0..<rows.count).filter { multipliers[$0] > 0 }
    try addToGradient(held, held.map { multipliers[$0] }, except: nil, 0.2...0.5)
    try improve()
  }

  private func total(_ values: Buffer<Double>, _ count: Int) -> Double {
    var sum = 0.0
    for row in 0..<count { sum += values[row] }
    return sum
  }

  // MARK: - Where to begin

  /// The rows in the order in which multipliers are filled, the most anomalous first, by a machine fitted
  /// on a sample; nil for the order of the rows.
  private func startingOrder() throws(DetectionError) -> [Int]? {
    let count = rows.count
    let sampled = min(max(1500, count / 16), 5000, most)
    guard count >= 4 * sampled, sampled >= 1024, plan.mostSteps == Int.max else { return nil }
    try Memory.require(count, of: 32)
    let chosen = try Buffer<Int>(count: sampled)
    Permutation(size: count, seed: 0, stream: 0).map(from: 0, count: sampled, into: chosen.base)
    let sample = try KernelRows(rows.kernel, features: rows.features, count: sampled)
    let sampleBounds = try Buffer<Double>(count: sample.padded)
    for place in 0..<sampled {
      sample.copy(place, from: rows, chosen[place])
      sampleBounds[place] = bounds[chosen[place]]
    }
    var call = Call(threads: threads)
    call.progress = nil
    var rough = plan
    rough.tolerance = max(plan.tolerance, 1e-3 * plan.nu * total(sampleBounds, sampled))
    let solver = try OneClassSolver(
      sample, bounds: sampleBounds, plan: rough, call: call, watch: watch)
    try solver.solve()
    steps += solver.steps
    let held = (0..<sampled).filter { solver.multipliers[$0] > 0 }
    let values = try Buffer<Double>(count: rows.padded)
    try add(
      held.map { chosen[$0] }, held.map { solver.multipliers[$0] }, except: nil, to: values,
      0.1...0.2)
    return (0..<count).sorted { (values[$0], $0) < (values[$1], $1) }
  }

  // MARK: - Sets of rows

  private func improve() throws(DetectionError) {
    var rounds = 0
    // libsvm's own limit, for what no tolerance ends.
    let limit = min(
      plan.mostSteps, max(10_000_000, rows.count.multipliedReportingOverflow(by: 100).partialValue))
    while steps < limit {
      let (least, greatest) = border()
      violation = max(0, greatest - least)
      guard violation >= SequentialMinimiser.reachable(plan.tolerance, least, greatest) else { return }
      let fraction = min(0.99, 0.5 + 0.1 * Double(rounds))
      try watch.check(0, fraction)
      let whole = !plan.shrinking || rows.count <= most
      let set = whole ? Array(0..<rows.count) : worst(most)
      let part = try KernelRows(rows.kernel, features: rows.features, count: set.count)
      let minimiser = try SequentialMinimiser(part, cacheBytes: plan.cacheBytes)
      for (place, row) in set.enumerated() {
        part.copy(place, from: rows, row)
        minimiser.set(
          place, multiplier: multipliers[row], bound: bounds[row], gradient: gradient[row])
      }
      let taken = try minimiser.run(
        tolerance: whole ? plan.tolerance : max(plan.tolerance, 0.02 * violation),
        most: limit - steps
      ) { () throws(DetectionError) in try watch.check(0, fraction) }
      steps += taken
      rounds += 1
      guard taken > 0 else { return }
      var changed: [Int] = []
      var changes: [Double] = []
      let isMember = try Buffer<UInt8>(count: rows.count)
      for (place, row) in set.enumerated() {
        isMember[row] = 1
        let change = minimiser.multipliers[place] - multipliers[row]
        if change != 0 {
          changed.append(row)
          changes.append(change)
        }
        multipliers[row] = minimiser.multipliers[place]
        gradient[row] = minimiser.gradient[place]
      }
      if !whole { try addToGradient(changed, changes, except: isMember, fraction...fraction) }
    }
    let (least, greatest) = border()
    violation = max(0, greatest - least)
  }

  /// The least gradient of a multiplier that may rise, and the greatest of one that may fall.
  func border() -> (least: Double, greatest: Double) {
    var (least, greatest) = (Double.infinity, -Double.infinity)
    for row in 0..<rows.count {
      if multipliers[row] < bounds[row] { least = min(least, gradient[row]) }
      if multipliers[row] > 0 { greatest = max(greatest, gradient[row]) }
    }
    return (least, greatest)
  }

  /// The rows that violate optimality most, half of them from either side.
  private func worst(_ count: Int) -> [Int] {
    let rising = (0..<rows.count).filter { multipliers[$0] < bounds[$0] }
      .sorted { (gradient[$0], $0) < (gradient[$1], $1) }
    let falling = (0..<rows.count).filter { multipliers[$0] > 0 }
      .sorted { (-gradient[$0], $0) < (-gradient[$1], $1) }
    var taken = [Bool](repeating: false, count: rows.count)
    var set: [Int] = []
    var (i, j) = (0, 0)
    while set.count < count, i < rising.count || j < falling.count {
      if i < rising.count {
        if !taken[rising[i]] {
          taken[rising[i]] = true
          set.append(rising[i])
        }
        i += 1
      }
      if j < falling.count, set.count < count {
        if !taken[falling[j]] {
          taken[falling[j]] = true
          set.append(falling[j])
        }
        j += 1
      }
    }
    return set.sorted()
  }

  // MARK: - Products with all rows

  private func addToGradient(
    _ members: [Int], _ coefficients: [Double], except: Buffer<UInt8>?, _ range: ClosedRange<Double>
  ) throws(DetectionError) {
    try add(members, coefficients, except: except, to: gradient, range)
  }

  /// Add to `target` the kernel values of all rows with some, times coefficients.
  private func add(
    _ members: [Int], _ coefficients: [Double], except: Buffer<UInt8>?, to target: Buffer<Double>,
    _ range: ClosedRange<Double>
  ) throws(DetectionError) {
    guard !members.isEmpty else { return }
    // So many at a time that a chunk takes some milliseconds.
    let limit = 16384
    for start in stride(from: 0, to: members.count, by: limit) {
      let own = start..<min(start + limit, members.count)
      let part = try KernelRows(rows.kernel, features: rows.features, count: own.count)
      let weights = try Buffer<Double>(count: part.padded)
      for (place, index) in own.enumerated() {
        part.copy(place, from: rows, members[index])
        weights[place] = coefficients[index]
      }
      let chunkRows = 32
      let chunks = (rows.count + chunkRows - 1) / chunkRows
      let threads = max(1, min(self.threads, chunks))
      var scratches: [KernelRows.Scratch] = []
      for _ in 0..<threads { scratches.append(try KernelRows.Scratch(part)) }
      let done = Double(start) / Double(members.count)
      let share = Double(own.count) / Double(members.count)
      try forEachChunk(chunks, threads: threads, teller: nil) {
        (chunk, worker) throws(DetectionError) in
        let within = done + share * Double(chunk) / Double(chunks)
        try watch.check(
          worker, range.lowerBound + (range.upperBound - range.lowerBound) * within)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 4) { sums in
          guard let sums = sums.baseAddress else { return }
          var row = chunk * chunkRows
          let end = min(row + chunkRows, rows.count)
          while row < end {
            part.sums(
              of: rows, from: row, coefficients: weights.base, scratches[worker], into: sums)
            for lane in 0..<min(4, end - row) where except.map({ $0[row + lane] == 0 }) ?? true {
              target[row + lane] += sums[lane]
            }
            row += 4
          }
        }
      }
    }
  }
}
