// Products of rows with each other and with a matrix, in double. Rows lie one after another, `width`
// doubles apart, the features' number rounded up to a multiple of 8, zero behind their last feature. Sums have a
// fixed order.

import CKernels

/// Load `rows` rows of doubles: target[i * width + f] = (value - centres[f]) * scales[f] for the
/// `count` columns that `features` names. Returns whether all these were finite.
public func loadRows64(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rowNumbers: UnsafePointer<Int>?,
  rows: Int, features: UnsafePointer<Int>, count: Int, centres: UnsafePointer<Double>,
  scales: UnsafePointer<Double>, target: UnsafeMutablePointer<Double>, width: Int
) -> Bool {
  loadRows(
    base, rowStride, columnStride, rowNumbers, rows, features, count, centres, scales, target, width,
    size: 8, value: { $0.load(as: Double.self) },
    eight: { $0.loadUnaligned(as: SIMD8<Double>.self) })
}

/// Load rows of floats; as ``loadRows64``.
public func loadRows32(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rowNumbers: UnsafePointer<Int>?,
  rows: Int, features: UnsafePointer<Int>, count: Int, centres: UnsafePointer<Double>,
  scales: UnsafePointer<Double>, target: UnsafeMutablePointer<Double>, width: Int
) -> Bool {
  loadRows(
    base, rowStride, columnStride, rowNumbers, rows, features, count, centres, scales, target, width,
    size: 4, value: { Double($0.load(as: Float.self)) },
    eight: { SIMD8<Double>($0.loadUnaligned(as: SIMD8<Float>.self)) })
}

@inline(__always)
private func loadRows(
  _ base: UnsafeRawPointer, _ rowStride: Int, _ columnStride: Int,
  _ rowNumbers: UnsafePointer<Int>?, _ rows: Int, _ features: UnsafePointer<Int>, _ count: Int,
  _ centres: UnsafePointer<Double>, _ scales: UnsafePointer<Double>,
  _ target: UnsafeMutablePointer<Double>, _ width: Int, size: Int,
  value: (UnsafeRawPointer) -> Double, eight: (UnsafeRawPointer) -> SIMD8<Double>
) -> Bool {
  // Whether the features lie one behind the other.
  var isDense = columnStride == size
  for feature in 0..<count where features[feature] != features[0] &+ feature { isDense = false }
  // These stay zero as long as all is finite.
  var residue = SIMD8<Double>.zero
  var bits: UInt64 = 0
  for row in 0..<rows {
    let start = base + (rowNumbers.map { $0[row] } ?? row) &* rowStride
    let out = target + row &* width
    // Rows here and there: ask for a later one before this is worked on.
    if isDense, let rowNumbers, row &+ 16 < rows {
      let later = base + rowNumbers[row &+ 16] &* rowStride
      var line = 0
      while line < count &* size {
        ck_prefetch(later + line)
        line &+= 64
      }
    }
    store8(.zero, out + (width &- 8))  // what is behind the features
    var feature = 0
    if isDense {
      while feature &+ 8 <= count {
        let x = eight(start + features[feature] &* columnStride)
        residue += x - x
        store8((x - load8(centres + feature)) * load8(scales + feature), out + feature)
        feature &+= 8
      }
    }
    while feature < count {
      let x = value(start + features[feature] &* columnStride)
      bits |= (x - x).bitPattern
      out[feature] = (x - centres[feature]) * scales[feature]
      feature &+= 1
    }
  }
  return residue == .zero && bits == 0
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
/// Otherwise as ``squaredNorms``; weights are zero behind the last column.
public func weightedDistances(
  rows: UnsafePointer<Double>, count: Int, width: Int, features: Int,
  matrix: UnsafePointer<Double>, outputs: Int, weights: UnsafePointer<Double>,
  distances: UnsafeMutablePointer<Double>
) {
  @inline(__always) func norm(_ x: UnsafePointer<Double>) -> Double {
    var sum = SIMD8<Double>.zero
    var k = 0
    while k < width {
      let eight = load8(x + k)
      sum += eight * eight
      k &+= 8
    }
    return total(sum) + 1
  }
  @inline(__always) func distance(_ norm: Double, _ product: SIMD8<Double>) -> SIMD8<Double> {
    let squared = SIMD8(repeating: norm) - (product + product)
    return squared.replacing(with: 0, where: squared .< 0).squareRoot()
  }
  var row = 0
  while row < count {
    let x = rows + row &* width
    let norms = (norm(x), norm(x + width), norm(x + 2 &* width), norm(x + 3 &* width))
    var (d0, d1, d2, d3) = (
      SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero
    )
    var j = 0
    while j < outputs {
      let (s0, s1, s2, s3) = multiply(x, width, matrix + j, features)
      let weight = load8(weights + j)
      d0 += weight * distance(norms.0, s0)
      d1 += weight * distance(norms.1, s1)
      d2 += weight * distance(norms.2, s2)
      d3 += weight * distance(norms.3, s3)
      j &+= 8
    }
    distances[row] = total(d0)
    distances[row &+ 1] = total(d1)
    distances[row &+ 2] = total(d2)
    distances[row &+ 3] = total(d3)
    row &+= 4
  }
}
