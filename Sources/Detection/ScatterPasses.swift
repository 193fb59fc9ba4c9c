/// Distances and covariances over all rows of a matrix, tile by tile: memory for a distance and a mark a
/// row, no copy of the rows. The values must be finite.
final class ScatterPasses {
  private let X: Matrix
  private let frame: Frame
  private let threads: Int
  private let watch: Watch
  private let chunkRows: Int
  private let tiles: [Buffer<Double>]
  private let numbers: [Buffer<Int>]
  private let partial: [ScatterSums]
  private let total: ScatterSums
  private let centres: Buffer<Double>
  let whitening: Whitening
  /// One for each row, after ``measure(_:)``.
  let distances: Buffer<Double>
  /// 1 for rows that were chosen, else 0.
  let chosen: Buffer<UInt8>
  private let ordered: Buffer<Double>

  init(_ X: Matrix, frame: Frame, call: Call, watch: Watch) throws(DetectionError) {
    self.X = X
    self.frame = frame
    self.watch = watch
    chunkRows = 8 * frame.tileRows
    threads = max(1, min(call.threads, (X.rows + chunkRows - 1) / chunkRows))
    var tiles: [Buffer<Double>] = []
    var numbers: [Buffer<Int>] = []
    var partial: [ScatterSums] = []
    for _ in 0..<threads {
      tiles.append(try frame.makeTile())
      numbers.append(try Buffer(count: frame.tileRows))
    }
    let most = max(4 * threads, (4 << 20) / (8 * frame.width * frame.width))
    for _ in 0..<(threads == 1 ? 1 : min(most, (X.rows + chunkRows - 1) / chunkRows)) {
      partial.append(try ScatterSums(frame))
    }
    self.tiles = tiles
    self.numbers = numbers
    self.partial = partial
    total = try ScatterSums(frame)
    centres = try Buffer(count: frame.count)
    whitening = try Whitening(size: frame.count, width: frame.width)
    distances = try Buffer(count: X.rows + 3)
    chosen = try Buffer(count: X.rows)
    ordered = try Buffer(count: X.rows)
  }

  private var chunks: Int { (X.rows + chunkRows - 1) / chunkRows }

  private func setCentres(_ location: UnsafePointer<Double>) {
    for feature in 0..<frame.count {
      centres[feature] = frame.centres[feature] + location[feature] / frame.scales[feature]
    }
  }

  /// The squared distances of all rows from a location, by ``whitening``.
  func measure(from location: UnsafePointer<Double>, fraction: Double) throws(DetectionError) {
    setCentres(location)
    try forEachChunk(chunks, threads: threads, teller: nil) { (chunk, worker) throws(DetectionError) in
      try watch.check(worker, fraction)
      let tile = tiles[worker].base
      let end = min((chunk + 1) * chunkRows, X.rows)
      var first = chunk * chunkRows
      while first < end {
        let rows = min(frame.tileRows, end - first)
        try frame.load(X, from: first, rows: rows, centres: centres.base, into: tile)
        frame.pad(tile, rows: rows)
        DenseKernels.chosen.squaredNorms(
          tile, rows, frame.width, frame.count, whitening.matrix.base, whitening.outputs,
          whitening.isTriangular, distances.base + first)
        first += rows
      }
    }
  }

  /// Choose the `count` rows of the least distances; of equal ones the first.
  @_optimize(speed)
  func chooseNearest(_ count: Int) {
    let farthest = distanceOfRank(count - 1)
    let (distances, chosen) = (UnsafePointer(distances.base), chosen.base)
    var ties = count
    for row in 0..<X.rows {
      let isNearer = distances[row] < farthest
      chosen[row] = isNearer ? 1 : 0
      ties &-= isNearer ? 1 : 0
    }
    var row = 0
    while ties > 0, row < X.rows {
      if distances[row] == farthest {
        chosen[row] = 1
        ties &-= 1
      }
      row &+= 1
    }
  }

  func chooseAll() { chosen.base.update(repeating: 1, count: X.rows) }

  /// Choose the rows nearer than that, and return how many there are.
  @_optimize(speed)
  func chooseNearer(than limit: Double) -> Int {
    let (distances, chosen) = (UnsafePointer(distances.base), chosen.base)
    var count = 0
    for row in 0..<X.rows {
      let takes = distances[row] < limit
      chosen[row] = takes ? 1 : 0
      count &+= takes ? 1 : 0
    }
    return count
  }

  /// The distance of a rank: a sample brackets it, so that few values are left to be selected from.
  @_optimize(speed)
  private func distanceOfRank(_ rank: Int) -> Double {
    let (distances, ordered) = (UnsafePointer(distances.base), ordered.base)
    let rows = X.rows
    let step = rows / 1024
    if step >= 8 {
      let sampled = rows / step
      for index in 0..<sampled { ordered[index] = distances[index &* step] }
      let place = Int(Double(sampled) * Double(rank) / Double(rows))
      let low = select(ordered, sampled, max(0, place - 64))
      let high = select(ordered, sampled, min(sampled - 1, place + 64))
      var below = 0
      var between = 0
      for row in 0..<rows {
        let distance = distances[row]
        below &+= distance < low ? 1 : 0
        ordered[between] = distance
        between &+= distance >= low && distance <= high ? 1 : 0
      }
      if rank >= below, rank < below + between {
        return select(ordered, between, rank - below)
      }
    }
    ordered.update(from: distances, count: rows)
    return select(ordered, rows, rank)
  }

  /// Make `scatter` that of the chosen rows.
  ///
  /// - moving: false keeps the location.
  func gather(
    into scatter: Scatter, moving: Bool = true, fraction: Double
  ) throws(DetectionError) {
    setCentres(scatter.location.base)
    total.clear()
    var first = 0
    // Partial sums are added in the order of the rows, whatever the number of threads.
    while first < chunks {
      let count = min(partial.count, chunks - first)
      try forEachChunk(count, threads: threads, teller: nil) { (chunk, worker) throws(DetectionError) in
        try watch.check(worker, fraction)
        try sum(first + chunk, into: partial[chunk], tiles[worker].base, numbers[worker].base)
      }
      for chunk in 0..<count { total.add(partial[chunk]) }
      first += count
    }
    scatter.take(total, moving: moving)
  }

  @_optimize(speed)
  private func sum(
    _ chunk: Int, into sums: ScatterSums, _ tile: UnsafeMutablePointer<Double>,
    _ numbers: UnsafeMutablePointer<Int>
  ) throws(DetectionError) {
    sums.clear()
    let chosen = UnsafePointer(chosen.base)
    let (end, most) = (min((chunk + 1) * chunkRows, X.rows), frame.tileRows)
    var filled = 0
    var row = chunk * chunkRows
    while row < end {
      numbers[filled] = row
      filled &+= Int(chosen[row])
      row &+= 1
      if filled == most { try flush() }
    }
    try flush()

    func flush() throws(DetectionError) {
      guard filled > 0 else { return }
      try frame.load(
        X, from: 0, rowNumbers: numbers, rows: filled, centres: centres.base, into: tile)
      sums.add(tile, count: filled)
      filled = 0
    }
  }

  /// Concentration steps until nothing falls any more, `most` at most. Returns whether the determinant
  /// has come to 0, which is as far as it goes.
  func concentrate(
    _ scatter: Scatter, nearest: Int, most: Int, fraction: Double
  ) throws(DetectionError) -> Bool {
    try whitening.set(scatter.covariance.base, singular: .raised)
    scatter.logDeterminant = whitening.logDeterminant
    for _ in 0..<most {
      let before = scatter.logDeterminant
      try measure(from: scatter.location.base, fraction: fraction)
      chooseNearest(nearest)
      try gather(into: scatter, fraction: fraction)
      try whitening.set(scatter.covariance.base, singular: .raised)
      scatter.logDeterminant = whitening.logDeterminant
      if whitening.isSingular { return true }
      if !(scatter.logDeterminant < before - 1e-12 * abs(before)) { break }
    }
    return false
  }
}
