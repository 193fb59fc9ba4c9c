/// The centres of the clusters, the largest first.
final class CBLOFModel: Model, @unchecked Sendable {
  let featureCount: Int
  /// As the data have them, one after another.
  private let centres: Buffer<Double>
  /// Multiplied with ``scale``, as they are measured.
  let scaled: Buffer<Double>
  /// An upper bound of the lengths of the centres.
  private let sizeOfCentres: Buffer<Double>
  let sizes: [Int]
  let large: Int
  let weighted: Bool
  let scale: Double
  private let seed: UInt64
  private let iterations: Int
  private let inertia: Double

  /// Of the rows that were fitted, until they are asked for.
  var known: Buffer<Double>?

  /// Without a contamination there is no threshold of its own.
  let naturalThreshold = Double.greatestFiniteMagnitude

  init(
    columns: Int, centres: Buffer<Double>, sizes: [Int], large: Int, weighted: Bool, scale: Double,
    seed: UInt64, iterations: Int, inertia: Double
  ) throws(DetectionError) {
    featureCount = columns
    self.centres = centres
    self.sizes = sizes
    self.large = large
    self.weighted = weighted
    self.scale = scale
    self.seed = seed
    self.iterations = iterations
    self.inertia = inertia
    scaled = try Buffer(count: centres.count, zeroed: false)
    for index in 0..<centres.count { scaled[index] = centres[index] * scale }
    sizeOfCentres = try Buffer(count: sizes.count)
    for index in 0..<(sizes.count * columns) {
      sizeOfCentres[index / columns] += centres[index].magnitude
    }
  }

  var fitted: [(name: String, value: Double)] {
    [
      ("n_clusters", Double(sizes.count)), ("n_large_clusters", Double(large)),
      ("n_iter", Double(iterations)), ("inertia", min(inertia, .greatestFiniteMagnitude)),
      ("random_state", Double(seed)),
    ]
  }

  func takeTrainingScores() -> Buffer<Double>? {
    defer { known = nil }
    return known
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    try forEachChunk(of: X, call: call, stage: "score") { first, rows, _, _, found in
      (scores + first).update(from: found, count: rows)
    }
  }

  /// A row's squared distance sums over the features; its score is shared out as that is.
  @_optimize(speed)
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let shares = shares
    let columns = featureCount
    try forEachChunk(of: X, call: call, stage: "explain") { first, rows, panels, nearest, found in
      for row in 0..<rows {
        let own = shares + (first + row) * columns
        let centre = self.scaled.base + Int(nearest[row]) * columns
        var farthest = 0
        var total = 0.0
        for column in 0..<columns {
          let gap = panels[((row >> 3) * columns + column) * 8 + (row & 7)] - centre[column]
          own[column] = gap.magnitude
          if own[column] > own[farthest] { farthest = column }
        }
        // Of the farthest one, so that no square is beyond doubles.
        let largest = own[farthest]
        guard largest > 0, largest.isFinite else {
          for column in 0..<columns { own[column] = column == farthest ? found[row] : 0 }
          continue
        }
        for column in 0..<columns {
          own[column] = own[column] / largest * (own[column] / largest)
          total += own[column]
        }
        var rest = found[row]
        for column in 0..<columns {
          own[column] *= found[row] / total
          rest -= own[column]
        }
        // What rounding has left, where numbers are tiny.
        own[farthest] = max(0, own[farthest] + rest)
      }
    }
  }

  /// Whether a row differs from a centre by rounding alone: the mean of equal rows need not be equal to them.
  @inline(__always)
  func isCentre(
    _ panels: UnsafePointer<Double>, _ row: Int, _ centre: Int, _ distance: Double
  ) -> Bool {
    guard distance <= sizeOfCentres[centre] * CBLOFModel.rounding else { return false }
    let place = scaled.base + centre * featureCount
    for column in 0..<featureCount {
      let gap = panels[((row >> 3) * featureCount + column) * 8 + (row & 7)] - place[column]
      if gap.magnitude > place[column].magnitude * CBLOFModel.rounding { return false }
    }
    return true
  }

  private static let rounding = 0x1p-48

  /// Load rows chunk by chunk and measure them, for `body(first, rows, panels, nearest large, scores)`.
  private func forEachChunk(
    of X: Matrix, call: Call, stage: StaticString,
    _ body: (
      Int, Int, UnsafePointer<Double>, UnsafePointer<Int32>, UnsafePointer<Double>
    ) -> Void
  ) throws(DetectionError) {
    let columns = featureCount
    let chunkRows = min(
      max(8, (1 << 14) / columns & ~7), min(1024, (X.rows + 7) & ~7))
    guard chunkRows > 0 else { return }
    let chunks = (X.rows + chunkRows - 1) / chunkRows
    let work = X.rows.multipliedReportingOverflow(by: columns)
    let threads = max(
      1, min(work.overflow || work.partialValue >= 1 << 16 ? call.threads : 1, chunks))
    let size = threads.multipliedReportingOverflow(by: chunkRows * columns)
    let panels = try Buffer<Double>(
      count: size.overflow ? Int.max : size.partialValue, zeroed: false)
    let labels = try Buffer<Int32>(count: 2 * threads * chunkRows, zeroed: false)
    let measured = try Buffer<Double>(count: 2 * threads * chunkRows, zeroed: false)
    nonisolated(unsafe) let (panel, label, distance) = (panels.base, labels.base, measured.base)
    let kernels = PanelKernels.chosen
    try Detection.forEachChunk(chunks, threads: threads, teller: ProgressTeller(call, stage)) {
      (chunk, worker) throws(DetectionError) in
      let first = chunk * chunkRows
      let rows = min(chunkRows, X.rows - first)
      let own = panel + worker * chunkRows * columns
      let (nearest, distances) = (
        label + 2 * worker * chunkRows, distance + 2 * worker * chunkRows
      )
      try kernels.load(X, from: first, rows: rows, into: own)
      if scale != 1 { for index in 0..<((rows + 7) / 8 * 8 * columns) { own[index] *= scale } }
      kernels.nearestCentres(own, (rows + 7) / 8, columns, scaled.base, large, nearest, distances)
      for row in 0..<rows {
        distances[row] = distances[row].squareRoot() / scale
        if isCentre(own, row, Int(nearest[row]), distances[row]) { distances[row] = 0 }
      }
      if weighted {
        let clusters = nearest + chunkRows
        kernels.nearestCentres(
          own, (rows + 7) / 8, columns, scaled.base, sizes.count, clusters, distances + chunkRows)
        for row in 0..<rows { distances[row] *= Double(sizes[Int(clusters[row])]) }
      }
      for row in 0..<rows where !(distances[row] <= .greatestFiniteMagnitude) {
        distances[row] = .greatestFiniteMagnitude
      }
      body(first, rows, own, nearest, distances)
    }
  }

  // -------------------------------------------------------------------------------- model files

  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(UInt32(weighted ? 1 : 0))
    writer.write(scale)
    writer.write(seed)
    writer.write(UInt64(iterations))
    writer.write(inertia)
    writer.write(UInt64(large))
    writer.write(all: sizes)
    try writer.write(all: centres)
  }

  static func read(
    _ reader: inout ModelReader, columns: Int
  ) throws(DetectionError) -> CBLOFModel {
    let weighted = try reader.read(UInt32.self, "whether scores are weighted")
    let scale = try reader.read(Double.self, "scale")
    let seed = try reader.read(UInt64.self, "seed")
    let iterations = try reader.readCount("number of iterations", atMost: 1 << 32)
    let inertia = try reader.read(Double.self, "inertia")
    guard weighted <= 1, scale >= 1e-305, scale <= 1e305, inertia >= 0 else {
      throw reader.damaged("the scale is \(scale), the inertia \(inertia)")
    }
    let large = try reader.readCount("number of large clusters", atLeast: 1, atMost: 1 << 40)
    let sizes = try reader.readAll(Int.self, "sizes of clusters")
    guard large <= sizes.count, sizes.allSatisfy({ $0 > 0 && $0 <= Matrix.dimensionLimit }) else {
      throw reader.damaged("\(large) of \(sizes.count) clusters are large")
    }
    let cells = sizes.count.multipliedReportingOverflow(by: columns)
    guard !cells.overflow else { throw reader.damaged("the clusters have \(columns) columns") }
    let centres = try reader.readAll(
      cells.partialValue,
      in: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude, "coordinates of centres")
    return try CBLOFModel(
      columns: columns, centres: centres, sizes: sizes, large: large, weighted: weighted == 1,
      scale: scale, seed: seed, iterations: iterations, inertia: inertia)
  }
}
