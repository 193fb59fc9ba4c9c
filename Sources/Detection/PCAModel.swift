/// Fitted principal components.
final class PCAModel: Model {
  let frame: Frame
  /// One after another, the greatest variance first.
  let components: Buffer<Double>
  let weights: [Double]
  /// The features that components go along.
  private let active: Buffer<Int>
  /// Of these, eight components at a time.
  private let matrix: Buffer<Double>
  /// Feature by feature, where these are few.
  private let panelMatrix: Buffer<Double>
  private let padded: Buffer<Double>
  private let width: Int

  var featureCount: Int { frame.count }

  /// Without a contamination there is no threshold of its own.
  let naturalThreshold = Double.greatestFiniteMagnitude

  init(frame: Frame, components: Buffer<Double>, weights: [Double]) throws(DetectionError) {
    self.frame = frame
    self.components = components
    self.weights = weights
    width = frame.width
    let count = frame.count
    active = try Buffer(
      (0..<count).filter { feature in
        weights.indices.contains { components[$0 * count + feature] != 0 }
      })
    matrix = try Buffer(count: active.count * width)
    panelMatrix = try Buffer(count: count <= PanelScatter.mostColumns ? count * width : 0)
    padded = try Buffer(count: width)
    for (place, feature) in active.elements.enumerated() {
      for component in weights.indices {
        let value = components[component * count + feature]
        matrix[((component >> 3) * active.count + place) * 8 + (component & 7)] = value
        if panelMatrix.count > 0 { panelMatrix[feature * width + component] = value }
      }
    }
    for (place, weight) in weights.enumerated() { padded[place] = weight }
  }

  var fitted: [(name: String, value: Double)] {
    [("n_selected_components", Double(weights.count))]
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    nonisolated(unsafe) let scores = scores
    if featureCount <= PanelScatter.mostColumns { return try scorePanels(X, call, into: scores) }
    try forEachTile(X, call, "score") { tile, distances, first, rows in
      for row in 0..<rows {
        scores[first + row] =
          distances[row] <= .greatestFiniteMagnitude ? distances[row] : .greatestFiniteMagnitude
      }
    }
  }

  /// Where columns are few: 8 rows at a time.
  private func scorePanels(
    _ X: Matrix, _ call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let columns = featureCount
    let chunkRows = min(1024, (X.rows + 7) & ~7)
    guard chunkRows > 0 else { return }
    let chunks = (X.rows + chunkRows - 1) / chunkRows
    let work = X.rows * (weights.count * columns + 64)
    let threads = max(1, min(work < 1 << 20 ? 1 : call.threads, chunks))
    let room = chunkRows * (columns + 1)
    let scratch = try Buffer<Double>(count: threads * room, zeroed: false)
    nonisolated(unsafe) let (scores, base) = (scores, scratch.base)
    let kernels = PanelKernels.chosen
    try forEachChunk(chunks, threads: threads, teller: ProgressTeller(call, "score")) {
      (chunk, worker) throws(DetectionError) in
      let first = chunk * chunkRows
      let rows = min(chunkRows, X.rows - first)
      let (tile, distances) = (base + worker * room, base + worker * room + chunkRows * columns)
      try kernels.load(X, from: first, rows: rows, into: tile)
      kernels.standardise(tile, (rows + 7) / 8, columns, frame.centres.base, frame.scales.base)
      kernels.weightedDistances(
        tile, (rows + 7) / 8, columns, panelMatrix.base, width, weights.count, padded.base, distances)
      for row in 0..<rows {
        scores[first + row] =
          distances[row] <= .greatestFiniteMagnitude ? distances[row] : .greatestFiniteMagnitude
      }
    }
  }

  /// The squares of a row's distances to the components sum over features, and so do its distances when
  /// each is shared out as its square is.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let size = frame.count
    nonisolated(unsafe) let shares = shares
    try forEachTile(X, call, "explain") { tile, distances, first, rows in
      for row in 0..<rows {
        let own = shares + (first + row) * size
        let x = tile + row * self.width
        own.update(repeating: 0, count: size)
        for (place, weight) in self.weights.enumerated() {
          let component = self.components.base + place * size
          var squared = 0.0
          for feature in 0..<size {
            squared += (x[feature] - component[feature]) * (x[feature] - component[feature])
          }
          guard squared > 0 else { continue }
          let factor = weight / squared.squareRoot()
          for feature in 0..<size {
            own[feature] +=
              factor * ((x[feature] - component[feature]) * (x[feature] - component[feature]))
          }
        }
        self.settle(own, distances[row], x)
      }
    }
  }

  /// Make shares sum to the score; where squares are beyond doubles the farthest feature has it all.
  private func settle(
    _ shares: UnsafeMutablePointer<Double>, _ distance: Double, _ x: UnsafePointer<Double>
  ) {
    var total = 0.0
    for feature in 0..<featureCount { total += shares[feature] }
    let score = distance <= .greatestFiniteMagnitude ? distance : .greatestFiniteMagnitude
    if total > 0, total.isFinite, score / total < .infinity {
      for feature in 0..<featureCount { shares[feature] *= score / total }
      return
    }
    var farthest = 0
    for feature in 1..<max(featureCount, 1) where abs(x[feature]) > abs(x[farthest]) {
      farthest = feature
    }
    for feature in 0..<featureCount { shares[feature] = feature == farthest ? score : 0 }
  }

  /// Load rows tile by tile and measure them, for `body(tile, distances, first, rows)`.
  private func forEachTile(
    _ X: Matrix, _ call: Call, _ stage: StaticString,
    _ body: (UnsafePointer<Double>, UnsafePointer<Double>, Int, Int) -> Void
  ) throws(DetectionError) {
    let tileRows = X.rows == 1 ? 4 : frame.tileRows
    let chunks = (X.rows + tileRows - 1) / tileRows
    let work = X.rows * (weights.count * frame.count + 64)
    let threads = max(1, min(work < 1 << 20 ? 1 : call.threads, chunks))
    var scratches: [(tile: Buffer<Double>, distances: Buffer<Double>)] = []
    for _ in 0..<threads {
      scratches.append((try Buffer(count: tileRows * width), try Buffer(count: 10 * tileRows)))
    }
    try forEachChunk(chunks, threads: threads, teller: ProgressTeller(call, stage)) {
      (chunk, worker) throws(DetectionError) in
      let (tile, distances) = scratches[worker]
      let first = chunk * tileRows
      let rows = min(tileRows, X.rows - first)
      try frame.load(X, from: first, rows: rows, into: tile.base)
      frame.pad(tile.base, rows: rows)
      DenseKernels.chosen.weightedDistances(
        tile.base, rows, width, active.base, active.count, matrix.base, weights.count, padded.base,
        distances.base + tileRows, distances.base)
      body(tile.base, distances.base, first, rows)
    }
  }

  func write(to writer: inout ModelWriter) throws(DetectionError) {
    frame.write(to: &writer)
    writer.write(all: components, count: components.count)
    writer.write(all: weights)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> PCAModel {
    let frame = try Frame.read(&reader, featureCount: featureCount)
    let components = try reader.readAll(Double.self, "components")
    let weights = try reader.readAll(Double.self, "weights")
    guard frame.count == featureCount, !weights.isEmpty, weights.count <= featureCount,
      components.count == weights.count * featureCount,
      components.allSatisfy({ abs($0) <= 1.0001 }),
      weights.allSatisfy({ $0 > 0 && $0.isFinite })
    else { throw reader.damaged("some components of \(featureCount) features are needed") }
    return try PCAModel(frame: frame, components: try Buffer(components), weights: weights)
  }
}
