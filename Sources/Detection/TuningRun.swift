import CKernels
import Glibc

/// One run over all configurations. A unit of work is one configuration's fit and scoring of one fold: units
/// are shared among the threads, each working alone; only when there are fewer units than threads do several
/// threads work on one.
final class TuningRun: @unchecked Sendable {
  struct Outcome {
    var folds: [Double]
    var fitSeconds: Double
    var scoreSeconds: Double
    var sameAs: Int?
    var error: DetectionError?
  }

  /// Configurations that differ in nothing but the threshold: one fit serves them all.
  private struct Group {
    let options: Options
    var values: [Double]
    var fitSeconds = 0.0
    var scoreSeconds = 0.0
    var error: DetectionError?
  }

  private struct Unit {
    var value = 0.0
    var fitSeconds = 0.0
    var scoreSeconds = 0.0
    var error: DetectionError?
    /// Of the sampled rows, for stability; until the group's last fold has ended.
    var ranks: Buffer<Double>?
  }

  private let detectorClass: any DetectorClass
  private let plan: TuningPlan
  private let criterion: TuningPlan.Criterion
  private var groups: [Group] = []
  /// Of each configuration, its group and the first configuration of that.
  private var membership: [(group: Int, first: Int)] = []
  private let foldsPerRound: Int
  /// Why configurations that do not take missing values cannot be fitted.
  private let notFinite: DetectionError?
  private let state: Buffer<Int64>  // units begun, units ended, whether to stop

  init(
    _ detectorClass: any DetectorClass, _ configurations: [Options], fixed: Set<Int>,
    places: [[Int]], plan: TuningPlan, criterion: TuningPlan.Criterion, X: Matrix
  ) throws(DetectionError) {
    self.detectorClass = detectorClass
    self.plan = plan
    self.criterion = criterion
    // Stability compares models: one held-out part has two, of the rows with and of the rows without it.
    foldsPerRound = plan.holdout == nil ? plan.folds : 1
    state = try Buffer(count: 3)
    if X.isFinite {
      notFinite = nil
    } else {
      if let infinite = X.firstNotFinite(nanAllowed: true) { throw infinite }
      notFinite = X.firstNotFinite(nanAllowed: false)
    }
    var known: [[Int]: (group: Int, first: Int)] = [:]
    for (index, configuration) in configurations.enumerated() {
      let key = places[index].indices.map { fixed.contains($0) ? 0 : places[index][$0] }
      if let earlier = known[key] {
        membership.append(earlier)
        continue
      }
      known[key] = (groups.count, index)
      membership.append((groups.count, index))
      groups.append(Group(options: configuration, values: []))
    }
  }

  func outcomes() -> [Outcome] {
    membership.enumerated().map { index, member in
      let group = groups[member.group]
      return Outcome(
        folds: group.values, fitSeconds: group.fitSeconds, scoreSeconds: group.scoreSeconds,
        sameAs: member.first == index ? nil : member.first, error: group.error)
    }
  }

  func measure(
    _ X: Matrix, labels: UnsafeBufferPointer<Int32>?, call: Call
  ) throws(DetectionError) {
    let needsTwo = criterion == .stability && plan.holdout != nil
    guard !needsTwo || plan.repeats > 1 else {
      throw DetectionError(
        .invalidArgument,
        "stability compares models of different rows; with a holdout it needs repeats of 2 or more")
    }
    for round in 0..<plan.repeats {
      let part = 1 / Double(plan.repeats)
      let data = try TuningRound(X, labels: labels, plan: plan, round: round)
      try self.round(
        data, number: round, X: X, call.part(Double(round) * part...Double(round + 1) * part))
    }
    if needsTwo { try compareRounds() }
  }

  /// The ranks of the sampled rows by the models of earlier rounds, where rounds are compared.
  private var kept: [[Buffer<Double>]] = []

  private func round(
    _ data: TuningRound, number: Int, X: Matrix, _ call: Call
  ) throws(DetectionError) {
    let alive = groups.indices.filter { groups[$0].error == nil }
    let count = alive.count * foldsPerRound
    guard count > 0 else { return }
    try Memory.require(count, of: MemoryLayout<Unit>.stride)
    let units = UnsafeMutablePointer<Unit>.allocate(capacity: count)
    units.initialize(repeating: Unit(), count: count)
    defer {
      units.deinitialize(count: count)
      units.deallocate()
    }
    for slot in 0..<2 { state[slot] = 0 }
    let ended = try Buffer<Int64>(count: alive.count)
    let teller = ProgressTeller(call, "tune")
    let inner = max(1, call.threads / count)
    // Rounds of a holdout are compared on rows that all of them know in the same order.
    let sample =
      plan.holdout == nil
      ? try data.sample(atMost: Tuning.sampleRows) : try every(X, atMost: Tuning.sampleRows)
    try forEachChunk(count, threads: call.threads, teller: teller) {
      (index, worker) throws(DetectionError) in
      _ = ck_fetch_add(self.state.base, 1)
      let ask: Call.Progress = { fraction, _ in
        let done = Double(ck_load(self.state.base + 1)) + (worker == 0 ? fraction : 0)
        if worker == 0, !teller.tell(min(1, done / Double(count))) { ck_store(self.state.base + 2, 1) }
        return ck_load(self.state.base + 2) == 0
      }
      defer { _ = ck_fetch_add(self.state.base + 1, 1) }
      let group = alive[index / self.foldsPerRound]
      let fold = index % self.foldsPerRound
      do throws(DetectionError) {
        units[index] = try self.unit(
          self.groups[group].options, data, fold, round: number, sample: sample,
          Call(threads: inner, progress: ask))
      } catch {
        // What one configuration cannot do is its result; what ends the whole run does.
        if error.status == .cancelled || error.status == .internalFault { throw error }
        units[index].error = error
      }
      // The last of a group's folds to end compares them, and frees their ranks.
      let place = index / self.foldsPerRound
      if ck_fetch_add(ended.base + place, 1) == Int64(self.foldsPerRound - 1) {
        self.compare(
          UnsafeMutableBufferPointer(
            start: units + place * self.foldsPerRound, count: self.foldsPerRound))
      }
      if worker == 0 { try self.waitForOthers(count, ask) }
    }
    for (place, group) in alive.enumerated() {
      let own = UnsafeMutableBufferPointer(start: units + place * foldsPerRound, count: foldsPerRound)
      take(own, into: group)
    }
  }

  /// Stability of the folds of one round.
  private func compare(_ units: UnsafeMutableBufferPointer<Unit>) {
    guard criterion == .stability, plan.holdout == nil else { return }
    let ranks = units.compactMap(\.ranks)
    if ranks.count == units.count {
      for (fold, value) in TuningRun.stability(ranks).enumerated() { units[fold].value = value }
    }
    for fold in units.indices { units[fold].ranks = nil }
  }

  /// The calling thread asks the caller while the last units are still with other threads.
  private func waitForOthers(_ count: Int, _ ask: Call.Progress) throws(DetectionError) {
    while ck_load(state.base) >= Int64(count), ck_load(state.base + 1) < Int64(count - 1) {
      guard ask(0, "tune") else { throw .cancelled }
      usleep(2000)
    }
  }

  private func take(_ units: UnsafeMutableBufferPointer<Unit>, into group: Int) {
    if let failed = units.first(where: { $0.error != nil }) {
      groups[group].error = failed.error
      return
    }
    for unit in units {
      groups[group].fitSeconds += unit.fitSeconds
      groups[group].scoreSeconds += unit.scoreSeconds
    }
    groups[group].values += units.map(\.value)
    guard criterion == .stability, plan.holdout != nil else { return }
    while kept.count < groups.count { kept.append([]) }
    kept[group] += units.compactMap(\.ranks)
  }

  private func compareRounds() throws(DetectionError) {
    for group in groups.indices where groups[group].error == nil {
      groups[group].values = TuningRun.stability(kept[group])
    }
  }

  /// Of each model, the mean rank correlation with the others.
  private static func stability(_ ranks: [Buffer<Double>]) -> [Double] {
    ranks.indices.map { model in
      var sum = 0.0
      for other in ranks.indices where other != model {
        // The same bits for (a, b) and (b, a).
        let (a, b) = (ranks[min(model, other)], ranks[max(model, other)])
        sum += RankCorrelation.ofRanks(a.base, b.base, a.count)
      }
      return sum / Double(ranks.count - 1)
    }
  }

  private func every(_ X: Matrix, atMost count: Int) throws(DetectionError) -> Matrix {
    let step = max(1, (X.rows + count - 1) / count)
    return try Matrix(
      base: X.base, element: X.element, rows: (X.rows + step - 1) / step, columns: X.columns,
      rowStride: step * X.rowStride, columnStride: X.columnStride)
  }

  private func unit(
    _ options: Options, _ data: TuningRound, _ fold: Int, round: Int, sample: Matrix, _ call: Call
  ) throws(DetectionError) -> Unit {
    if let notFinite, options.string("missing_values") ?? "error" == "error" { throw notFinite }
    var unit = Unit()
    let begin = monotonicNanoseconds()
    let model = try detectorClass.fit(
      data.training(fold), options: seeded(options, round * foldsPerRound + fold), previous: nil,
      call: call.part(0...0.5))
    let fitted = monotonicNanoseconds()
    let X = criterion == .stability ? sample : try data.heldOut(fold)
    let scores = try Buffer<Double>(count: X.rows, zeroed: false)
    try model.score(X, call: call.part(0.5...1), into: scores.base)
    unit.fitSeconds = Double(fitted - begin) * 1e-9
    unit.scoreSeconds = Double(monotonicNanoseconds() - fitted) * 1e-9
    if criterion == .stability {
      let ranks = try Buffer<Double>(count: X.rows, zeroed: false)
      try RankCorrelation.rank(scores.base, X.rows, into: ranks.base)
      unit.ranks = ranks
    } else if let labels = data.heldOutLabels(fold) {
      let found = UnsafeBufferPointer(start: scores.base, count: X.rows)
      unit.value =
        try criterion == .rocAUC
        ? RankingMeasure.rocAUC(found, labels) : RankingMeasure.averagePrecision(found, labels)
    }
    return unit
  }

  /// Each fold has a seed of its own, the same for all configurations.
  private func seeded(_ options: Options, _ fold: Int) -> Options {
    guard options.specs.contains(where: { $0.name == "random_state" }) else { return options }
    var options = options
    let seed = options.int("random_state").map { UInt64(bitPattern: Int64($0)) } ?? plan.seed
    try? options.set(
      "random_state", .int(Int(truncatingIfNeeded: (seed &+ UInt64(fold)) >> 0 & 0x7fff_ffff_ffff_ffff)))
    return options
  }
}
