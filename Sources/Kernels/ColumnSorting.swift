// Sorting a column: a radix sort, least digit first, of keys in the order of the doubles they come from.
// Each pass is a call of its own, so that a long sort can be left between two.

/// A digit has 11 bits, a key 6 digits.
private let digitMask: UInt64 = (1 << 11) - 1

/// Turn doubles (no NaN) into keys in place, and count for every digit how often it has each value:
/// counts[digit << 11 + value], zero before.
public func countKeys(
  _ keys: UnsafeMutablePointer<UInt64>, count: Int, counts: UnsafeMutablePointer<UInt32>
) {
  for index in 0..<count {
    let bits = keys[index]
    let key = bits ^ (UInt64(bitPattern: Int64(bitPattern: bits) &>> 63) | (1 &<< 63))
    keys[index] = key
    counts[Int(key & digitMask)] &+= 1
    counts[Int(2048 &+ ((key &>> 11) & digitMask))] &+= 1
    counts[Int(4096 &+ ((key &>> 22) & digitMask))] &+= 1
    counts[Int(6144 &+ ((key &>> 33) & digitMask))] &+= 1
    counts[Int(8192 &+ ((key &>> 44) & digitMask))] &+= 1
    counts[Int(10240 &+ (key &>> 55))] &+= 1
  }
}

/// Turn a digit's counts into the places where its values begin. Returns false when all keys share one
/// value of the digit: the pass can be left out.
public func placeKeys(
  _ keys: UnsafePointer<UInt64>, count: Int, counts: UnsafeMutablePointer<UInt32>, digit: Int
) -> Bool {
  let own = counts + digit &<< 11
  let first = Int((keys[0] &>> UInt64(digit &* 11)) & digitMask)
  if Int(own[first]) == count { return false }
  var place: UInt32 = 0
  for value in 0..<2048 {
    let next = place &+ own[value]
    own[value] = place
    place = next
  }
  return true
}

/// One pass: keys go to `target` in the order of the digit.
public func moveKeys(
  _ keys: UnsafePointer<UInt64>, count: Int, places: UnsafeMutablePointer<UInt32>, digit: Int,
  target: UnsafeMutablePointer<UInt64>
) {
  let own = places + digit &<< 11
  let shift = UInt64(digit &* 11)
  for index in 0..<count {
    let key = keys[index]
    let value = Int((key &>> shift) & digitMask)
    let place = own[value]
    own[value] = place &+ 1
    target[Int(place)] = key
  }
}

/// Keys in ascending order to the values that they hold, each once, and how many keys there are up to
/// each of them: values[i], ends[i], of keys `first` ..< `end` of all `count`. `place` is where the next value
/// goes; returns where the one after them goes. `values` may begin where `keys` does.
public func distinctKeys(
  _ keys: UnsafePointer<UInt64>, first: Int, end: Int, count: Int,
  values: UnsafeMutablePointer<UInt64>, ends: UnsafeMutablePointer<UInt32>, place: Int
) -> Int {
  var place = place
  for index in first..<end {
    let key = keys[index]
    // Of a run of equal keys the last one stays; only then the place moves on.
    let next = keys[index &+ 1 < count ? index &+ 1 : index]
    let negative = UInt64(bitPattern: Int64(bitPattern: ~key) &>> 63)
    values[place] = key ^ (negative | (1 &<< 63))
    ends[place] = UInt32(truncatingIfNeeded: index &+ 1)
    place &+= next != key ? 1 : 0
  }
  return end == count ? place &+ 1 : place
}
