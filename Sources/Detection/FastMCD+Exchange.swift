/// Exchanges of a chosen row for another (Hawkins 1994, the feasible solution algorithm): a set that no
/// concentration step makes better may still be made better by these, though by little.
extension FastMCD {
  /// Improve `scatter`, which is that of the rows chosen in `passes`, until no exchange of rows near the
  /// border of the set lowers the determinant.
  func exchange(_ scatter: Scatter, fraction: Double) throws(DetectionError) {
    let border = try Border(frame)
    // Work for nothing where sets are so large that a row hardly counts.
    guard nearest < 1 << 16, frame.count <= 256 else { return }
    for _ in 0..<20 {
      try passes.whitening.set(scatter.covariance.base, singular: .raised)
      if passes.whitening.isSingular { return }
      try passes.measure(from: scatter.location.base, fraction: fraction)
      border.find(passes, rows: X.rows)
      guard try border.exchange(X, frame, passes, scatter, nearest, watch, fraction) else { return }
      try passes.gather(into: scatter, fraction: fraction)
      if try passes.concentrate(scatter, nearest: nearest, most: 200, fraction: fraction) { return }
    }
  }
}

/// The rows on either side of the border of a set.
private final class Border {
  private static let most = 96
  private var inside: [Int] = []
  private var outside: [Int] = []
  private let tile: Buffer<Double>
  private let centres: Buffer<Double>

  init(_ frame: Frame) throws(DetectionError) {
    tile = try Buffer(count: 2 * Border.most * frame.width)
    centres = try Buffer(count: frame.count)
  }

  /// The farthest rows that are chosen, and the nearest that are not.
  func find(_ passes: ScatterPasses, rows: Int) {
    let distances = passes.distances
    inside = []
    outside = []
    for row in 0..<rows {
      if passes.chosen[row] != 0 {
        Border.keep(row, &inside) { -distances[$0] }
      } else {
        Border.keep(row, &outside) { distances[$0] }
      }
    }
  }

  /// Keep the rows of the least keys, in their order.
  private static func keep(_ row: Int, _ kept: inout [Int], _ key: (Int) -> Double) {
    if kept.count == most, let last = kept.last {
      if key(row) >= key(last) { return }
      kept.removeLast()
    }
    var place = kept.count
    while place > 0, key(kept[place - 1]) > key(row) { place -= 1 }
    kept.insert(row, at: place)
  }

  /// Make exchanges as long as there are some; returns whether there were.
  func exchange(
    _ X: Matrix, _ frame: Frame, _ passes: ScatterPasses, _ scatter: Scatter, _ nearest: Int,
    _ watch: Watch, _ fraction: Double
  ) throws(DetectionError) -> Bool {
    var any = false
    for _ in 0..<200 {
      try watch.check(0, fraction)
      guard
        let (inner, outer) = try best(X, frame, passes.whitening, scatter, Double(nearest))
      else { break }
      passes.chosen[inside[inner]] = 0
      passes.chosen[outside[outer]] = 1
      update(scatter, frame, inner, inside.count + outer, Double(nearest))
      swap(&inside[inner], &outside[outer])
      try passes.whitening.set(scatter.covariance.base, singular: .raised)
      any = true
      if passes.whitening.isSingular { break }
    }
    return any
  }

  /// The exchange that lowers the determinant most, if one does.
  ///
  /// With the set's scatter made the identity, a the row that leaves and b the one that comes, both less
  /// the mean, the determinant is multiplied by (1 - c |a|^2)(1 + e |b'|^2) + c e (a b')^2, where
  /// b' = b + a / (h - 1), c = h / (h - 1), e = 1 / c.
  private func best(
    _ X: Matrix, _ frame: Frame, _ whitening: Whitening, _ scatter: Scatter, _ h: Double
  ) throws(DetectionError) -> (Int, Int)? {
    for feature in 0..<frame.count {
      centres[feature] =
        frame.centres[feature] + scatter.location[feature] / frame.scales[feature]
    }
    let all = inside + outside
    for (index, row) in all.enumerated() {
      try frame.load(
        X, from: row, rows: 1, centres: centres.base, into: tile.base + index * frame.width)
    }
    let outputs = whitening.outputs
    let root = (1 / h).squareRoot()
    let white = all.indices.map { index -> [Double] in
      let row = tile.base + index * frame.width
      var y = [Double](repeating: 0, count: outputs)
      for k in 0..<frame.count {
        let (value, column) = (row[k] * root, whitening.matrix.base + k * frame.width)
        for j in 0..<outputs { y[j] += value * column[j] }
      }
      return y
    }
    let norms = white.map { $0.reduce(0) { $0 + $1 * $1 } }
    let (c, e) = (h / (h - 1), (h - 1) / h)
    var least = 1 - 1e-10
    var found: (Int, Int)?
    for inner in inside.indices {
      let a = norms[inner]
      for outer in outside.indices {
        let b = norms[inside.count + outer]
        if (1 - c * a) * (1 + e * b) > least + 4 * (a + b) / h { continue }
        var product = 0.0
        for j in 0..<outputs { product += white[inner][j] * white[inside.count + outer][j] }
        let moved = product + a / (h - 1)
        let norm = b + 2 * product / (h - 1) + a / (h - 1) / (h - 1)
        let factor = (1 - c * a) * (1 + e * norm) + c * e * moved * moved
        if factor < least {
          least = factor
          found = (inner, outer)
        }
      }
    }
    return found
  }

  /// The location and covariance after the exchange of two loaded rows.
  private func update(_ scatter: Scatter, _ frame: Frame, _ leaves: Int, _ comes: Int, _ h: Double) {
    let a = tile.base + leaves * frame.width
    let b = tile.base + comes * frame.width
    let size = scatter.size
    let (c, e) = (h / (h - 1), (h - 1) / h)
    for j in 0..<size {
      let bj = b[j] + a[j] / (h - 1)
      for k in 0..<size {
        let bk = b[k] + a[k] / (h - 1)
        scatter.covariance[j * size + k] += (e * bj * bk - c * a[j] * a[k]) / h
      }
    }
    for j in 0..<size { scatter.location[j] += (b[j] - a[j]) / h }
  }
}
