import Glibc

/// xoshiro256++ (Blackman, Vigna 2019), seeded through SplitMix64: one independent stream for each
/// (seed, stream) pair, so that a tree's numbers do not depend on which thread grows it.
public struct Random {
  private var s0: UInt64
  private var s1: UInt64
  private var s2: UInt64
  private var s3: UInt64

  public init(seed: UInt64, stream: UInt64) {
    var state = seed
    let mixed = Random.splitMix(&state)
    state = mixed ^ (stream &* 0xd134_2543_de82_ef95 &+ 0x2545_f491_4f6c_dd1d)
    s0 = Random.splitMix(&state)
    s1 = Random.splitMix(&state)
    s2 = Random.splitMix(&state)
    s3 = Random.splitMix(&state)
  }

  private static func splitMix(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z &>> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z &>> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z &>> 31)
  }

  @inline(__always)
  mutating func next() -> UInt64 {
    let sum = s0 &+ s3
    let result = ((sum &<< 23) | (sum &>> 41)) &+ s0
    let t = s1 &<< 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 &<< 45) | (s3 &>> 19)
    return result
  }

  /// Uniform in 0 ..< bound (Lemire's multiplication; the bias is below bound / 2^64).
  @inline(__always)
  public mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(truncatingIfNeeded: bound)).high)
  }

  /// Uniform in [0, 1).
  @inline(__always)
  public mutating func unit() -> Double { Double(next() &>> 11) * 0x1p-53 }

  /// Standard normal (Marsaglia's polar method, one of the pair).
  public mutating func normal() -> Double {
    while true {
      let u = 2 * unit() - 1
      let v = 2 * unit() - 1
      let s = u * u + v * v
      if s > 0, s < 1 { return u * (-2 * log(s) / s).squareRoot() }
    }
  }
}

extension SystemRandomNumberGenerator {
  /// 53 bits, so that the seed can be told as a double.
  public func freshSeed() -> UInt64 {
    var generator = self
    return generator.next() >> 11
  }
}
