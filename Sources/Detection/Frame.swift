/// How rows are seen by the methods that work on dense products: some features, centred and scaled.
final class Frame: Sendable {
  /// The columns of the data that count.
  let features: Buffer<Int>
  /// The columns that do not.
  let others: [Int]
  let centres: Buffer<Double>
  let scales: Buffer<Double>
  /// Doubles from one loaded row to the next: ``count`` rounded up to a multiple of 8.
  let width: Int
  /// Rows that are loaded at a time, a multiple of 4.
  let tileRows: Int

  var count: Int { features.count }

  /// More columns than this are refused: a product of so many would fit no memory, and a small model file must
  /// not ask for much of it.
  static let mostColumns = 1 << 20

  static func check(columns: Int) throws(DetectionError) {
    guard columns <= mostColumns else {
      throw DetectionError(
        .invalidData, "the data have \(columns) columns; this detector takes at most \(mostColumns)")
    }
  }

  /// Centres are 0 and scales 1.
  init(features: [Int], of columns: Int) throws(DetectionError) {
    try Frame.check(columns: columns)
    var counts = [Bool](repeating: false, count: columns)
    for feature in features { counts[feature] = true }
    others = (0..<columns).filter { !counts[$0] }
    self.features = try Buffer(count: features.count)
    for (index, feature) in features.enumerated() { self.features[index] = feature }
    centres = try Buffer(count: features.count)
    scales = try Buffer(count: features.count)
    scales.base.update(repeating: 1, count: features.count)
    width = max(8, (features.count + 7) & ~7)
    tileRows = max(32, min(256, 8192 / width & ~3))
  }

  /// Memory for the rows of a tile.
  func makeTile() throws(DetectionError) -> Buffer<Double> {
    try Buffer(count: tileRows * width)
  }

  /// Load rows, at most a tile, less `centres`; an error names the first value that is not finite.
  func load(
    _ X: Matrix, from first: Int, rowNumbers: UnsafePointer<Int>? = nil, rows: Int,
    centres: UnsafePointer<Double>? = nil, into tile: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    let kernel =
      X.element == .float32 ? DenseKernels.chosen.loadRows32 : DenseKernels.chosen.loadRows64
    let finite = kernel(
      X.start(ofRow: first), X.rowStride, X.columnStride, rowNumbers, rows, features.base, count,
      centres ?? UnsafePointer(self.centres.base), scales.base, tile, width)
    if finite { return }
    for row in 0..<rows {
      let row = first + (rowNumbers.map { $0[row] } ?? row)
      if let error = X.firstNotFinite(in: CollectionOfOne(row), nanAllowed: false) { throw error }
    }
  }

  /// Load rows tile by tile on so many threads, each with a tile of its own, for `body(first, rows, tile, worker)`.
  func forEachTile(
    of X: Matrix, tileRows: Int, threads: Int, teller: ProgressTeller,
    body: (_ first: Int, _ rows: Int, _ tile: UnsafePointer<Double>, _ worker: Int) -> Void
  ) throws(DetectionError) {
    let size = tileRows * width + 8
    let room = try Buffer<Double>(count: threads * size, zeroed: false)
    try forEachChunk((X.rows + tileRows - 1) / tileRows, threads: threads, teller: teller) {
      (tile, worker) throws(DetectionError) in
      let first = tile * tileRows
      let rows = min(tileRows, X.rows - first)
      try load(X, from: first, rows: rows, into: room.base + worker * size)
      body(first, rows, room.base + worker * size, worker)
    }
  }

  /// The columns that do not count must be finite too, where rows are scored.
  func checkOthers(_ X: Matrix, from first: Int, rows: Int) throws(DetectionError) {
    for row in first..<(first + rows) {
      for column in others where !X.value(row, column).isFinite {
        if let error = X.firstNotFinite(in: CollectionOfOne(row), nanAllowed: false) { throw error }
      }
    }
  }

  /// Zero the rows behind the last of a tile, up to a multiple of 4.
  func pad(_ tile: UnsafeMutablePointer<Double>, rows: Int) {
    let padded = (rows + 3) & ~3
    (tile + rows * width).update(repeating: 0, count: (padded - rows) * width)
  }
}
