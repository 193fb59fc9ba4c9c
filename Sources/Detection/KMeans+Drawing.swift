import Glibc

extension KMeans {
  /// The first centre at random; then, of some rows drawn in proportion to their squared distances from the
  /// centres there are, the one that leaves the least sum of these.
  func draw(_ most: Int, _ seed: UInt64) throws(DetectionError) {
    var random = Random(seed: seed, stream: 0)
    let trials = 2 + Int(log(Double(most)))
    let drawing = try Drawing(self, trials: trials)
    copy(random.below(panels.rows), to: centres.base)
    count = 1
    while count < most {
      try watch.check(0, 0.4 * Double(count) / Double(most))
      let total = try drawing.bringCloser()
      // All rows are where a centre is.
      guard total > 0 else { return }
      for trial in 0..<trials {
        copy(drawing.find(random.unit() * total), to: drawing.candidates.base + trial * panels.columns)
      }
      let best = try drawing.best()
      (centres.base + count * panels.columns).update(
        from: drawing.candidates.base + best * panels.columns, count: panels.columns)
      count += 1
    }
  }

  private func copy(_ row: Int, to target: UnsafeMutablePointer<Double>) {
    for column in 0..<panels.columns { target[column] = panels.value(row, column) }
  }
}

/// The squared distances from the centres drawn so far: in single precision, until these are so small that it
/// tells them no more.
private final class Drawing {
  private let means: KMeans
  private let panels: RowPanels
  private let singles: SingleRows
  private let trials: Int
  /// A row each, of a multiple of four.
  let candidates: Buffer<Double>
  private let partial: Buffer<Double>
  private let potentials: Buffer<Double>
  /// Four candidates at a time as the kernels take them, and the squares of their lengths.
  private let packed: Buffer<Float>
  private let lengths: Buffer<Float>
  private let closest: Buffer<Float>
  private var isExact = false
  private let least: Double

  private var groups: Int { (trials + 3) / 4 }

  init(_ means: KMeans, trials: Int) throws(DetectionError) {
    self.means = means
    self.trials = trials
    panels = means.panels
    singles = means.singles
    let groups = (trials + 3) / 4
    candidates = try Buffer(count: 4 * groups * panels.columns)
    partial = try Buffer(count: panels.chunks * 4 * groups)
    potentials = try Buffer(count: panels.chunks)
    packed = try Buffer(count: 8 * groups * panels.columns)
    lengths = try Buffer(count: 4 * groups)
    closest = try Buffer(count: 8 * panels.count)
    closest.base.update(repeating: .infinity, count: panels.rows)
    least = 50 * SingleRows.error(columns: panels.columns) * singles.sumOfSquares
  }

  /// Take the last centre in; returns the sum of the distances.
  func bringCloser() throws(DetectionError) -> Double {
    let newest = means.count - 1
    if isExact { return try bringExactlyCloser(newest) }
    let length = pack(means.centres.base + newest * panels.columns, 0)
    let (packed, closest, singles, panels) = (packed, closest, singles, panels)
    let potentials = potentials
    try panels.forEachChunkOfPanels(threads: means.threads) { (chunk, first, number, _) in
      potentials[chunk] = PanelKernels.chosen.bringSinglesCloser(
        singles.values.base + first * 8 * panels.columns, singles.squares.base + first * 8, number,
        panels.columns, packed.base, length, closest.base + first * 8)
    }
    let total = sum()
    if total > least { return total }
    isExact = true
    for row in 0..<panels.rows { means.distances[row] = .infinity }
    for centre in 0..<newest { _ = try bringExactlyCloser(centre) }
    return try bringExactlyCloser(newest)
  }

  private func bringExactlyCloser(_ centre: Int) throws(DetectionError) -> Double {
    let (means, panels, potentials) = (means, panels, potentials)
    try panels.forEachChunkOfPanels(threads: means.threads) { (chunk, first, number, _) in
      potentials[chunk] = PanelKernels.chosen.bringCloser(
        panels.values.base + first * 8 * panels.columns, number, panels.columns,
        means.centres.base + centre * panels.columns, means.distances.base + first * 8)
    }
    return sum()
  }

  private func sum() -> Double {
    var total = 0.0
    for chunk in 0..<panels.chunks { total += potentials[chunk] }
    return total
  }

  /// One of four candidates in single precision; the square of its length.
  private func pack(_ row: UnsafePointer<Double>, _ place: Int) -> Float {
    Float(
      singles.write(
        row, to: packed.base + (place >> 2) * 8 * panels.columns + (place & 3), step: 8))
  }

  /// The row at which the sum of the squared distances reaches `share`.
  func find(_ share: Double) -> Int {
    var left = share
    var chunk = 0
    while chunk < panels.chunks - 1, left >= potentials[chunk] {
      left -= potentials[chunk]
      chunk += 1
    }
    var row = chunk * panels.chunkPanels * 8
    let end = min(row + panels.chunkPanels * 8, panels.rows)
    var last = row
    while row < end {
      let distance = isExact ? means.distances[row] : Double(closest[row])
      if distance > 0 {
        last = row
        if left < distance { break }
        left -= distance
      }
      row += 1
    }
    return last
  }

  /// The candidate that leaves the least sum.
  func best() throws(DetectionError) -> Int {
    let (columns, width) = (panels.columns, 4 * groups)
    if !isExact {
      for trial in 0..<trials { lengths[trial] = pack(candidates.base + trial * columns, trial) }
    }
    let (means, panels, singles, partial) = (means, panels, singles, partial)
    let (packed, lengths, closest, candidates) = (packed, lengths, closest, candidates)
    let (isExact, groups) = (isExact, groups)
    try panels.forEachChunkOfPanels(threads: means.threads) { (chunk, first, number, _) in
      let place = first * 8
      for group in 0..<groups {
        let own = partial.base + chunk * width + 4 * group
        if isExact {
          PanelKernels.chosen.potentials(
            panels.values.base + place * columns, number, columns,
            candidates.base + 4 * group * columns, means.distances.base + place, own)
        } else {
          PanelKernels.chosen.potentialsOfSingles(
            singles.values.base + place * columns, singles.squares.base + place, number, columns,
            packed.base + group * 8 * columns, lengths.base + 4 * group, closest.base + place, own)
        }
      }
    }
    var best = (potential: Double.infinity, trial: 0)
    for trial in 0..<trials {
      var sum = 0.0
      for chunk in 0..<panels.chunks { sum += partial[chunk * width + trial] }
      if sum < best.potential { best = (sum, trial) }
    }
    return best.trial
  }
}
