// From the caller's matrix to a block: columns one after another, each value less its column's centre,
// in single precision. Centring keeps what matters of values that single precision could not tell
// apart as they are (time stamps, large offsets).

import CKernels

/// Load rows of doubles into `block[column * blockStride + row]`: the rows that `rowNumbers` names, or
/// the first `rows` when it is nil. Returns whether every value was finite; NaN is written for those
/// that were not.
public func loadBlock64(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rowNumbers: UnsafePointer<Int>?,
  rows: Int, columns: Int, centres: UnsafePointer<Double>,
  block: UnsafeMutablePointer<Float>, blockStride: Int
) -> Bool {
  load(
    base, rowStride: rowStride, columnStride: columnStride, rowNumbers: rowNumbers, rows: rows,
    columns: columns, centres: centres, block: block, blockStride: blockStride
  ) { $0.load(as: Double.self) }
}

/// Load rows of floats; as ``loadBlock64``.
public func loadBlock32(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rowNumbers: UnsafePointer<Int>?,
  rows: Int, columns: Int, centres: UnsafePointer<Double>,
  block: UnsafeMutablePointer<Float>, blockStride: Int
) -> Bool {
  load(
    base, rowStride: rowStride, columnStride: columnStride, rowNumbers: rowNumbers, rows: rows,
    columns: columns, centres: centres, block: block, blockStride: blockStride
  ) { Double($0.load(as: Float.self)) }
}

@inline(__always)
private func load(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rowNumbers: UnsafePointer<Int>?,
  rows: Int, columns: Int, centres: UnsafePointer<Double>,
  block: UnsafeMutablePointer<Float>, blockStride: Int, value: (UnsafeRawPointer) -> Double
) -> Bool {
  @inline(__always) func start(_ row: Int) -> UnsafeRawPointer {
    base + (rowNumbers.map { $0[row] } ?? row) &* rowStride
  }
  var residue = SIMD8<Double>.zero  // stays zero as long as all is finite
  var row = 0
  while row &+ 8 <= rows {
    let (r0, r1, r2, r3) = (start(row), start(row &+ 1), start(row &+ 2), start(row &+ 3))
    let (r4, r5, r6, r7) = (start(row &+ 4), start(row &+ 5), start(row &+ 6), start(row &+ 7))
    if rowNumbers != nil {
      // Rows here and there: ask for the next ones before these are worked on.
      for next in (row &+ 8)..<min(row &+ 16, rows) {
        var line = 0
        while line < columns &* columnStride {
          ck_prefetch(start(next) + line)
          line &+= 64
        }
      }
    }
    var offset = 0
    var target = UnsafeMutableRawPointer(block + row)
    for column in 0..<columns {
      let raw = SIMD8<Double>(
        value(r0 + offset), value(r1 + offset), value(r2 + offset), value(r3 + offset),
        value(r4 + offset), value(r5 + offset), value(r6 + offset), value(r7 + offset))
      residue += raw - raw
      target.storeBytes(of: centred(raw, centres[column]), as: SIMD8<Float>.self)
      offset &+= columnStride
      target += blockStride &* 4
    }
    row &+= 8
  }
  while row < rows {
    let source = start(row)
    for column in 0..<columns {
      let raw = SIMD2<Double>(repeating: value(source + column &* columnStride))
      residue[0] += raw[0] - raw[0]
      block[column &* blockStride &+ row] = centred(raw, centres[column])[0]
    }
    row &+= 1
  }
  return residue.sum() == 0
}

/// Less the centre, rounded to single precision, kept inside its range; NaN for what is not finite;
/// zero is positive.
@inline(__always)
private func centred(_ raw: SIMD8<Double>, _ centre: Double) -> SIMD8<Float> {
  let limit = SIMD8<Double>(repeating: Double(Float.greatestFiniteMagnitude))
  var shifted = raw - SIMD8(repeating: centre)
  shifted.replace(with: limit, where: shifted .> limit)
  shifted.replace(with: -limit, where: shifted .< -limit)
  shifted.replace(with: .nan, where: (raw - raw) .!= 0)
  return SIMD8<Float>(shifted) + 0
}

@inline(__always)
private func centred(_ raw: SIMD2<Double>, _ centre: Double) -> SIMD2<Float> {
  let limit = SIMD2<Double>(repeating: Double(Float.greatestFiniteMagnitude))
  var shifted = raw - SIMD2(repeating: centre)
  shifted.replace(with: limit, where: shifted .> limit)
  shifted.replace(with: -limit, where: shifted .< -limit)
  shifted.replace(with: .nan, where: (raw - raw) .!= 0)
  return SIMD2<Float>(shifted) + 0
}
