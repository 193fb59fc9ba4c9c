// Keys: unsigned integers in the order of the floats they come from, so that one integer comparison
// decides a step. NaN becomes `missing`.

/// Turn `count` floats into keys, in place.
public func orderKeys(_ block: UnsafeMutablePointer<Float>, count: Int, missing: UInt32) {
  let words = UnsafeMutableRawPointer(block).assumingMemoryBound(to: UInt32.self)
  for index in 0..<count {
    let bits = words[index]
    let sign = UInt32(bitPattern: Int32(bitPattern: bits) >> 31)
    let key = bits ^ (sign | 0x8000_0000)
    words[index] = (bits & 0x7fff_ffff) > 0x7f80_0000 ? missing : key
  }
}

/// The key of one float.
public func orderedKey(_ value: Float) -> UInt32 {
  let bits = value.bitPattern
  return bits ^ (UInt32(bitPattern: Int32(bitPattern: bits) >> 31) | 0x8000_0000)
}
