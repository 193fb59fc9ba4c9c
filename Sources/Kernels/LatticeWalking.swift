// Walks on a lattice, which the exact Kolmogorov-Smirnov test counts.

/// The share of the shortest paths from (0, 0) to (n, m) that touch a point with |i m - j n| >= `distance`,
/// distance being at least 1. Diagonal by diagonal, i + j = k: a path to (i, j) came from (i - 1, j) in i of k
/// cases, else from (i, j - 1). `room` is for m + 3 numbers.
public func leavingShare(
  _ distance: Int, _ n: Int, _ m: Int, room: UnsafeMutablePointer<Double>
) -> Double {
  // room[j + 1] is the share of j; outside the band, and beside it, 1.
  room[0] = 1
  room[1] = 0
  room[2] = 1
  let steps = SIMD4<Double>(0, 1, 2, 3)
  let sum = n &+ m
  var k = 1
  while k <= sum {
    let middle = k &* m
    let first = max(middle < distance ? 0 : (middle &- distance) / sum &+ 1, k &- n)
    let last = min(min(m, k), (middle &+ distance &- 1) / sum)
    let whole = Double(k)
    let inverse = 1 / whole
    // Downwards, since each needs what stands below it.
    var j = last &+ 1
    while j &- first >= 4 {
      j &-= 4
      let right = SIMD4<Double>(repeating: Double(j)) + steps
      let left = SIMD4<Double>(repeating: whole) - right
      let stay = UnsafeRawPointer(room + (j &+ 1)).loadUnaligned(as: SIMD4<Double>.self)
      let come = UnsafeRawPointer(room + j).loadUnaligned(as: SIMD4<Double>.self)
      UnsafeMutableRawPointer(room + (j &+ 1)).storeBytes(
        of: (left * stay + right * come) * inverse, as: SIMD4<Double>.self)
    }
    while j > first {
      j &-= 1
      let right = Double(j)
      room[j &+ 1] = ((whole - right) * room[j &+ 1] + right * room[j]) * inverse
    }
    room[first] = 1
    room[last &+ 2] = 1
    k &+= 1
  }
  return min(1, room[m &+ 1])
}
