import Glibc

/// The turn that makes columns uncorrelated and of variance 1, and leaves each as near to its own direction as can
/// be (ZCA, by the inverse square root of the correlations): so distances can be shared out to columns.
struct Whitening {
  let columns: Int
  let mean: Numbers
  let deviation: Numbers
  /// columns x columns, symmetric.
  let matrix: Numbers

  /// `matrix` times the standardised row, times `factor`.
  func apply(
    _ row: UnsafePointer<Double>, factor: Double, standardised: UnsafeMutablePointer<Double>,
    to result: UnsafeMutablePointer<Double>
  ) {
    for j in 0..<columns { standardised[j] = Self.standardise(row[j], mean[j], deviation[j]) }
    for i in 0..<columns { result[i] = 0 }
    // By columns of the matrix, which are its rows: sums stay in order and run side by side.
    for j in 0..<columns {
      let z = standardised[j]
      let from = matrix.start + j * columns
      for i in 0..<columns { result[i] += from[i] * z }
    }
    for i in 0..<columns { result[i] *= factor }
  }

  @inline(__always)
  static func standardise(_ x: Double, _ mean: Double, _ deviation: Double) -> Double {
    let z = (x - mean) / deviation
    return min(max(z, -1e100), 1e100)
  }
}

extension Whitening {
  /// Learn from all rows. Correlations other than those of a column with itself are made smaller by `shrinkage`.
  init(_ X: Rows, shrinkage: Double, _ call: Call) throws(PluginError) {
    let (n, d, host) = (X.count, X.columns, X.host)
    columns = d
    mean = try Numbers(host, d)
    deviation = try Numbers(host, d)
    let blocks = Blocks(rows: n, cost: d)
    let scratch = try Numbers(host, call.threads, blocks.size, d)
    let largest = try Numbers(host, d)
    let share = 1 / Double(n)

    // Means, and the largest values, so that no square overflows.
    let parts = try Numbers(host, Blocks.atOnce, 2, d)
    try blocks.forEach(call, X, scratch) { (slot, rows, count) in
      let sums = parts.start + slot * 2 * d
      let most = sums + d
      for i in 0..<2 * d { sums[i] = 0 }
      for r in 0..<count {
        for j in 0..<d {
          sums[j] += rows[r * d + j] * share
          most[j] = max(most[j], abs(rows[r * d + j]))
        }
      }
    } then: { [mean] slot in
      for j in 0..<d {
        mean[j] += parts[slot * 2 * d + j]
        largest[j] = max(largest[j], parts[slot * 2 * d + d + j])
      }
    }
    for j in 0..<d where largest[j] == 0 { largest[j] = 1 }
    try blocks.forEach(call, X, scratch) { [mean] (slot, rows, count) in
      let sums = parts.start + slot * d
      for j in 0..<d { sums[j] = 0 }
      for r in 0..<count {
        for j in 0..<d {
          let x = rows[r * d + j] / largest[j] - mean[j] / largest[j]
          sums[j] += x * x * share
        }
      }
    } then: { [deviation] slot in
      for j in 0..<d { deviation[j] += parts[slot * d + j] }
    }
    for j in 0..<d {
      deviation[j] = largest[j] * deviation[j].squareRoot()
      if !(deviation[j] > 1e-12 * largest[j]) { deviation[j] = 1 }  // a constant column
      deviation[j] = min(deviation[j], 1e307)
    }

    let correlation = try Numbers(host, d, d)
    let products = Blocks(rows: n, cost: d * d, atOnce: max(1, min(Blocks.atOnce, (1 << 22) / (d * d))))
    let partial = try Numbers(host, products.slots, d, d)
    try products.forEach(call, X, scratch) { [mean, deviation] (slot, rows, count) in
      let sums = partial.start + slot * d * d
      for i in 0..<d * d { sums[i] = 0 }
      for r in 0..<count {
        let row = rows + r * d
        for j in 0..<d { row[j] = Self.standardise(row[j], mean[j], deviation[j]) }
        for i in 0..<d {
          let x = row[i] * share
          let to = sums + i * d
          for j in i..<d { to[j] += x * row[j] }
        }
      }
    } then: { slot in
      for i in 0..<d * d { correlation[i] += partial[slot * d * d + i] }
    }
    for i in 0..<d {
      correlation[i * d + i] = 1
      for j in i + 1..<max(d, i + 1) {
        correlation[i * d + j] *= 1 - shrinkage
        correlation[j * d + i] = correlation[i * d + j]
      }
    }
    matrix = try inverseSquareRoot(of: correlation, d, floor: min(shrinkage, 1), call)
  }
}

/// The rows in blocks that take some milliseconds each, some of them done at once: sums are added up block by
/// block, so that they do not depend on threads.
struct Blocks {
  static let atOnce = 32
  let rows: Int
  let size: Int
  let slots: Int

  init(rows: Int, cost: Int, atOnce: Int = atOnce) {
    self.rows = rows
    size = max(1, min(4096, rows, (1 << 22) / max(1, cost)))
    slots = atOnce
  }

  /// body(slot, rows, count) on all threads, with rows that it may write to; then `then` slot by slot.
  func forEach(
    _ call: Call, _ X: Rows, _ scratch: Numbers,
    _ body: (Int, UnsafeMutablePointer<Double>, Int) -> Void, then: (Int) -> Void
  ) throws(PluginError) {
    let room = scratch.count / call.threads
    for start in stride(from: 0, to: rows, by: size * slots) {
      let chunks = min(slots, (rows - start + size - 1) / size)
      try call.parallelFor(chunks) { (slot, worker) throws(PluginError) in
        let first = start + slot * size
        let count = min(size, rows - first)
        let values = scratch.start + worker * room
        try X.read(first, count, to: values)
        body(slot, values, count)
      }
      for slot in 0..<chunks { then(slot) }
      try call.progress(Double(start) / Double(rows))
    }
  }
}

/// S^(-1/2) of a symmetric positive matrix (which is used up), by Jacobi's rotations: S = V diag(w) V'.
func inverseSquareRoot(
  of matrix: Numbers, _ d: Int, floor: Double, _ call: Call
) throws(PluginError) -> Numbers {
  let (a, vectors) = (matrix.start, try Numbers(matrix.host, d, d))
  let v = vectors.start  // row k is eigenvector k
  for i in 0..<d { v[i * d + i] = 1 }
  for _ in 0..<60 {
    var off = 0.0
    for i in 0..<d {
      for j in i + 1..<max(d, i + 1) { off += a[i * d + j] * a[i * d + j] }
    }
    if off <= 1e-28 * Double(d) { break }
    for p in 0..<d {
      if p & 15 == 0 || d > 256 { try call.progress(0.5) }
      for q in p + 1..<max(d, p + 1) where a[p * d + q] != 0 {
        let theta = (a[q * d + q] - a[p * d + p]) / (2 * a[p * d + q])
        let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
        let c = 1 / (t * t + 1).squareRoot()
        let s = t * c
        for k in 0..<d {
          let (x, y) = (a[k * d + p], a[k * d + q])
          a[k * d + p] = c * x - s * y
          a[k * d + q] = s * x + c * y
        }
        rotate(a + p * d, a + q * d, c, s, d)
        rotate(v + p * d, v + q * d, c, s, d)
      }
    }
  }
  let result = try Numbers(matrix.host, d, d)
  for k in 0..<d {
    let factor = 1 / max(a[k * d + k], floor, 1e-12).squareRoot()
    if k & 63 == 0 || d > 256 { try call.progress(0.5) }
    for i in 0..<d {
      let x = factor * v[k * d + i]
      for j in 0..<d { result[i * d + j] += x * v[k * d + j] }
    }
  }
  return result
}

@inline(__always)
private func rotate(
  _ p: UnsafeMutablePointer<Double>, _ q: UnsafeMutablePointer<Double>, _ c: Double, _ s: Double, _ d: Int
) {
  for k in 0..<d {
    let (x, y) = (p[k], q[k])
    p[k] = c * x - s * y
    q[k] = s * x + c * y
  }
}
