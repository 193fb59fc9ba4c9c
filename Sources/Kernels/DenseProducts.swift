// Products of rows with each other and with a matrix, in double. Rows lie one after another, `width`
// doubles apart, a multiple of 8, zero behind their last feature. Sums have a fixed order.

import CKernels

/// Load `rows` rows of doubles: target[i * width + f] = (value - centres[f]) * scales[f] for the
/// `count` columns that `features` names. Returns whether all these were finite.
public func loadRows64(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rowNumbers: UnsafePointer<Int>?,
  rows: Int, features: UnsafePointer<Int>, count: Int, centres: UnsafePointer<Double>,
  scales: UnsafePointer<Double>, target: UnsafeMutablePointer<Double>, width: Int
) -> Bool {
  let inRuns = columnStride == 8 && rows > 8 && ck_is_in_runs(features, Int64(count))
  var residue = 0.0  // stays zero as long as all is finite
  for row in 0..<rows {
    if inRuns { prefetch(base, rowStride, rowNumbers, row &+ 16, rows, count &* 8) }
    residue += ck_load_row64(
      base + (rowNumbers.map { $0[row] } ?? row) &* rowStride, Int64(columnStride), features,
      Int64(count), inRuns, centres, scales, target + row &* width, Int64(width))
  }
  return residue == 0
}

/// Load rows of floats; as ``loadRows64``.
public func loadRows32(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rowNumbers: UnsafePointer<Int>?,
  rows: Int, features: UnsafePointer<Int>, count: Int, centres: UnsafePointer<Double>,
  scales: UnsafePointer<Double>, target: UnsafeMutablePointer<Double>, width: Int
) -> Bool {
  let inRuns = columnStride == 4 && rows > 8 && ck_is_in_runs(features, Int64(count))
  var residue = 0.0
  for row in 0..<rows {
    if inRuns { prefetch(base, rowStride, rowNumbers, row &+ 16, rows, count &* 4) }
    residue += ck_load_row32(
      base + (rowNumbers.map { $0[row] } ?? row) &* rowStride, Int64(columnStride), features,
      Int64(count), inRuns, centres, scales, target + row &* width, Int64(width))
  }
  return residue == 0
}

/// Rows here and there: ask for a later one before this is worked on.
@inline(__always)
private func prefetch(
  _ base: UnsafeRawPointer, _ rowStride: Int, _ rowNumbers: UnsafePointer<Int>?, _ row: Int, _ rows: Int,
  _ size: Int
) {
  guard let rowNumbers, row < rows else { return }
  let start = base + rowNumbers[row] &* rowStride
  var line = 0
  while line < size {
    ck_prefetch(start + line)
    line &+= 64
  }
}

@inline(__always)
private func load8(_ pointer: UnsafePointer<Double>) -> SIMD8<Double> {
  UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Double>.self)
}

@inline(__always)
private func store8(_ value: SIMD8<Double>, _ pointer: UnsafeMutablePointer<Double>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: SIMD8<Double>.self)
}

@inline(__always)
private func total(_ eight: SIMD8<Double>) -> Double {
  let four = eight.lowHalf + eight.highHalf
  let two = four.lowHalf + four.highHalf
  return two[0] + two[1]
}

/// sums[j] += the sum of x[j], products[j * width + k] += the sum of x[j] * x[k], over `count` rows, for
/// every j < features and k from j on (some k before it are written too).
public func addCrossProducts(
  rows: UnsafePointer<Double>, count: Int, width: Int, features: Int,
  sums: UnsafeMutablePointer<Double>, products: UnsafeMutablePointer<Double>
) {
  var k = 0
  while k < features {
    var sum = SIMD8<Double>.zero
    for row in 0..<count { sum += load8(rows + (row &* width &+ k)) }
    store8(load8(sums + k) + sum, sums + k)
    k &+= 8
  }
  // Some rows at a time, which stay in the nearest cache while all pairs of columns are gone through.
  let most = max(16, 3072 / max(width, 1))
  var first = 0
  while first < count {
    let block = min(most, count &- first)
    addProducts(rows + first &* width, block, width, features, products)
    first &+= block
  }
}

@inline(__always)
private func addProducts(
  _ rows: UnsafePointer<Double>, _ count: Int, _ width: Int, _ features: Int,
  _ products: UnsafeMutablePointer<Double>
) {
  var j = 0
  while j < features {
    var k = j & ~7
    while k < features {
      var (s0, s1, s2, s3) = (
        SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero
      )
      var left = rows + j
      var right = rows + k
      for _ in 0..<count {
        let x = load8(right)
        s0 += x * left[0]
        s1 += x * left[1]
        s2 += x * left[2]
        s3 += x * left[3]
        left += width
        right += width
      }
      let out = products + (j &* width &+ k)
      store8(load8(out) + s0, out)
      store8(load8(out + width) + s1, out + width)
      store8(load8(out + 2 &* width) + s2, out + 2 &* width)
      store8(load8(out + 3 &* width) + s3, out + 3 &* width)
      k &+= 8
    }
    j &+= 4
  }
}

/// Four rows times eight columns of a matrix, `matrix[k * width ...]` for the k-th feature.
@inline(__always)
private func multiply(
  _ rows: UnsafePointer<Double>, _ width: Int, _ matrix: UnsafePointer<Double>, _ features: Int
) -> (SIMD8<Double>, SIMD8<Double>, SIMD8<Double>, SIMD8<Double>) {
  var (s0, s1, s2, s3) = (
    SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero
  )
  let (r1, r2, r3) = (rows + width, rows + 2 &* width, rows + 3 &* width)
  var column = matrix
  for k in 0..<features {
    let x = load8(column)
    s0 += x * rows[k]
    s1 += x * r1[k]
    s2 += x * r2[k]
    s3 += x * r3[k]
    column += width
  }
  return (s0, s1, s2, s3)
}

/// norms[i] = |x W|^2 of `count` rows, which is rounded up to a multiple of 4: so many are read and
/// written.
///
/// - matrix: W, feature by feature, `outputs` columns, zero behind them.
/// - triangular: W is zero where the feature is greater than the column.
public func squaredNorms(
  rows: UnsafePointer<Double>, count: Int, width: Int, features: Int,
  matrix: UnsafePointer<Double>, outputs: Int, triangular: Bool, norms: UnsafeMutablePointer<Double>
) {
  var row = 0
  while row < count {
    let x = rows + row &* width
    var (n0, n1, n2, n3) = (
      SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero
    )
    var j = 0
    while j < outputs {
      let (s0, s1, s2, s3) = multiply(
        x, width, matrix + j, triangular ? min(features, j &+ 8) : features)
      n0 += s0 * s0
      n1 += s1 * s1
      n2 += s2 * s2
      n3 += s3 * s3
      j &+= 8
    }
    norms[row] = total(n0)
    norms[row &+ 1] = total(n1)
    norms[row &+ 2] = total(n2)
    norms[row &+ 3] = total(n3)
    row &+= 4
  }
}

/// distances[i] = the sum of weights[j] * |x - w_j| over the columns w_j of a matrix, each of length 1.
/// `count` is rounded up as in ``squaredNorms``; weights are zero behind the last column.
///
/// - matrix: eight columns at a time, W[features[k]] at `matrix[(j / 8 * featureCount + k) * 8 + j % 8]`; its
///   other rows are zero.
/// - scratch: room for 9 doubles a row.
public func weightedDistances(
  rows: UnsafePointer<Double>, count: Int, width: Int, features: UnsafePointer<Int>,
  featureCount: Int, matrix: UnsafePointer<Double>, outputs: Int, weights: UnsafePointer<Double>,
  scratch: UnsafeMutablePointer<Double>, distances: UnsafeMutablePointer<Double>
) {
  ck_dense_distances(
    rows, Int64((count &+ 3) & ~3), Int64(width), features, Int64(featureCount), matrix,
    Int64(outputs), weights, scratch, distances)
}
