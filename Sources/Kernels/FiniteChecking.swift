// Whether values are finite: x - x is zero for those that are, NaN for the others.

/// Whether `count` doubles, `step` bytes apart, are all finite.
public func isFinite64(_ start: UnsafeRawPointer, count: Int, step: Int) -> Bool {
  isFinite(start, count, step, SIMD8<Double>.self)
}

/// Whether `count` floats, `step` bytes apart, are all finite.
public func isFinite32(_ start: UnsafeRawPointer, count: Int, step: Int) -> Bool {
  isFinite(start, count, step, SIMD8<Float>.self)
}

@inline(__always)
private func isFinite<Eight: SIMD>(
  _ start: UnsafeRawPointer, _ count: Int, _ step: Int, _ type: Eight.Type
) -> Bool where Eight.Scalar: BinaryFloatingPoint & BitwiseCopyable, Eight: BitwiseCopyable {
  let size = MemoryLayout<Eight.Scalar>.size
  var first = Eight.zero
  var second = Eight.zero
  var index = 0
  if step == size {
    while index &+ 16 <= count {
      let a = (start + index &* size).loadUnaligned(as: type)
      let b = (start + (index &+ 8) &* size).loadUnaligned(as: type)
      first += a - a
      second += b - b
      index &+= 16
    }
  }
  while index < count {
    let value = (start + index &* step).load(as: Eight.Scalar.self)
    first[0] += value - value
    index &+= 1
  }
  return (first + second).sum() == 0
}
