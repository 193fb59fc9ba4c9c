/// A random permutation of 0 ..< size that is computed where it is asked for, without a table: a Feistel
/// network over the next power of two, walked until it lands inside (Black, Rogaway 2002).
struct Permutation {
  private let size: UInt64
  private let lowBits: UInt64
  private let lowMask: UInt64
  private let highMask: UInt64
  private let keys: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  init(size: Int, seed: UInt64, stream: UInt64) {
    self.size = UInt64(size)
    // In less than 10 bits a network has too few permutations to choose from.
    let bits = max(10, UInt64(64 - (max(size, 2) - 1).leadingZeroBitCount))
    lowBits = bits / 2
    lowMask = (1 << lowBits) - 1
    highMask = (1 << (bits - lowBits)) - 1
    var random = Random(seed: seed, stream: stream)
    keys = (
      random.next(), random.next(), random.next(), random.next(), random.next(), random.next()
    )
  }

  @inline(__always)
  func callAsFunction(_ index: Int) -> Int {
    var place = UInt64(truncatingIfNeeded: index)
    repeat {
      var high = place &>> lowBits
      var low = place & lowMask
      low ^= mix(high, keys.0) & lowMask
      high ^= mix(low, keys.1) & highMask
      low ^= mix(high, keys.2) & lowMask
      high ^= mix(low, keys.3) & highMask
      low ^= mix(high, keys.4) & lowMask
      high ^= mix(low, keys.5) & highMask
      place = high &<< lowBits | low
    } while place >= size
    return Int(truncatingIfNeeded: place)
  }

  @inline(__always)
  private func mix(_ value: UInt64, _ key: UInt64) -> UInt64 {
    var mixed = (value &+ key) &* 0x9e37_79b9_7f4a_7c15
    mixed ^= mixed &>> 32
    return (mixed &* 0xd6e8_feb8_6659_fd93) &>> 32
  }
}
