// Rows of the caller's matrix as panels: 8 rows, column after column, one lane a row.

import CKernels

/// Load `rows` rows of doubles: target[(row / 8 * columns + column) * 8 + row % 8]; lanes behind the last row
/// are zero. Returns whether every value was finite.
public func loadPanels64(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rows: Int, columns: Int,
  target: UnsafeMutablePointer<Double>
) -> Bool {
  var start = 0
  var finite = true
  if columnStride == 8 {
    // NaN where something is not finite.
    var residue = 0.0
    while start &+ 8 <= rows {
      residue += ck_load_panel(
        base + start &* rowStride, Int64(rowStride), Int64(columns), target + start &* columns)
      start &+= 8
    }
    finite = residue == 0
  }
  return loadPanels(
    base + start &* rowStride, rowStride, columnStride, rows &- start, columns,
    target + start &* columns, Double.self
  ) { $0 } && finite
}

/// Load rows of floats; as ``loadPanels64``.
public func loadPanels32(
  _ base: UnsafeRawPointer, rowStride: Int, columnStride: Int, rows: Int, columns: Int,
  target: UnsafeMutablePointer<Double>
) -> Bool {
  loadPanels(base, rowStride, columnStride, rows, columns, target, Float.self) { Double($0) }
}

@inline(__always)
private func loadPanels<Element: BitwiseCopyable>(
  _ base: UnsafeRawPointer, _ rowStride: Int, _ columnStride: Int, _ rows: Int, _ columns: Int,
  _ target: UnsafeMutablePointer<Double>, _ type: Element.Type, _ convert: (Element) -> Double
) -> Bool {
  // x - x is zero for finite values, NaN for the others.
  var residue = SIMD8<Double>()
  var row = 0
  var out = UnsafeMutableRawPointer(target)
  while row &+ 8 <= rows {
    let first = base + row &* rowStride
    for column in 0..<columns {
      let cell = first + column &* columnStride
      @inline(__always) func value(_ lane: Int) -> Double {
        convert((cell + lane &* rowStride).load(as: type))
      }
      let eight = SIMD8<Double>(
        value(0), value(1), value(2), value(3), value(4), value(5), value(6), value(7))
      residue += eight - eight
      out.storeBytes(of: eight, as: SIMD8<Double>.self)
      out += 64
    }
    row &+= 8
  }
  if row < rows {
    let first = base + row &* rowStride
    for column in 0..<columns {
      var eight = SIMD8<Double>()
      for lane in 0..<(rows &- row) {
        eight[lane] = convert((first + lane &* rowStride + column &* columnStride).load(as: type))
      }
      residue += eight - eight
      out.storeBytes(of: eight, as: SIMD8<Double>.self)
      out += 64
    }
  }
  return residue.sum() == 0
}
