typealias Eight = SIMD8<Double>

/// e to the power of each x <= 0, within 2 units in the last place; as for -700 below -700. The same bits on every
/// machine, unlike the C library's.
@inline(__always)
func exponential(_ x: Eight) -> Eight {
  // x = k ln 2 + r with |r| <= ln 2 / 2. Adding the magic number leaves the nearest whole k in the low bits.
  let x = x.replacing(with: -700, where: x .< -700)
  let magic = Eight(repeating: 0x1.8p52)
  let shifted = x * 1.4426950408889634 + magic
  let k = shifted - magic
  let r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33
  var sum = Eight(repeating: 1 / 6_227_020_800)
  sum = sum * r + 1 / 479_001_600
  sum = sum * r + 1 / 39_916_800
  sum = sum * r + 1 / 3_628_800
  sum = sum * r + 1 / 362_880
  sum = sum * r + 1 / 40_320
  sum = sum * r + 1 / 5_040
  sum = sum * r + 1 / 720
  sum = sum * r + 1 / 120
  sum = sum * r + 1 / 24
  sum = sum * r + 1 / 6
  sum = sum * r + 0.5
  sum = sum * r + 1
  sum = sum * r + 1
  let power = (unsafeBitCast(shifted, to: SIMD8<Int64>.self) &+ 1023) &<< 52
  return sum * unsafeBitCast(power, to: Eight.self)
}
