// Splitting rows in two halves by a value.

import CKernels

@inline(__always)
private func isLess(_ a: ck_key, _ b: ck_key) -> Bool {
  let less = a.value < b.value
  let equal = a.value == b.value
  return less || (equal && a.row < b.row)
}

/// Reorder keys, by value and then row, so that none before `rank` is greater and none behind it less
/// (Hoare's quickselect). `pause` is asked now and then; when it says stop, so does this.
public func selectKeys(
  _ keys: UnsafeMutablePointer<ck_key>, count: Int, rank: Int, pause: () -> Bool
) {
  var low = 0
  var high = count
  while high &- low > 24 {
    if high &- low > 1 << 16, pause() { return }
    let pivotPlace = pivot(keys, low, high)
    let pivot = keys[pivotPlace]
    keys[pivotPlace] = keys[high &- 1]
    // Values come in no order, so a branch would be guessed wrong every other time: every key is
    // swapped with the first of the greater ones, and only counted when it is less than the pivot.
    var middle = low
    for index in low..<(high &- 1) {
      let key = keys[index]
      keys[index] = keys[middle]
      keys[middle] = key
      let less =
        (key.value < pivot.value ? 1 : 0)
        | ((key.value == pivot.value ? 1 : 0)
          & (key.row < pivot.row ? 1 : 0))
      middle &+= less
    }
    keys[high &- 1] = keys[middle]
    keys[middle] = pivot
    if rank == middle { return }
    if rank < middle { high = middle } else { low = middle &+ 1 }
  }
  sort(keys, low, high, 1)
}

/// The place of a key near the middle: the median of 9, or of 31 where there are many.
@inline(__always)
private func pivot(_ keys: UnsafeMutablePointer<ck_key>, _ low: Int, _ high: Int) -> Int {
  let taken = high &- low > 2048 ? 31 : 9
  let step = (high &- low) / taken
  sort(keys, low &+ step / 2, low &+ step / 2 &+ taken &* step, step)
  return low &+ step / 2 &+ (taken / 2) &* step
}

/// Sort every `step`-th key by insertion.
@inline(__always)
private func sort(_ keys: UnsafeMutablePointer<ck_key>, _ low: Int, _ high: Int, _ step: Int) {
  var next = low &+ step
  while next < high {
    let key = keys[next]
    var place = next
    while place > low, isLess(key, keys[place &- step]) {
      keys[place] = keys[place &- step]
      place &-= step
    }
    keys[place] = key
    next &+= step
  }
}
