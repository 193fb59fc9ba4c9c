// The k nearest rows found so far: a sorted list while k is small, else a heap with the farthest on top.
// Of rows at the same distance the one with the lesser number counts as nearer, so the outcome does not
// depend on the order in which rows are offered.

import CKernels

struct NeighbourList {
  static let longestSorted = 64

  private let distances: UnsafeMutablePointer<Double>
  private let slots: UnsafeMutablePointer<UInt32>
  private let rows: UnsafePointer<UInt32>
  private let k: Int
  private(set) var count: Int
  /// No row farther than this can enter, nor one at this distance with a number from `worstRow` on.
  private(set) var worst = Double.greatestFiniteMagnitude
  private(set) var worstRow = UInt32.max

  @inline(__always)
  init(_ found: ck_neighbours, rows: UnsafePointer<UInt32>) {
    distances = found.distances
    slots = found.slots
    k = Int(found.k)
    count = Int(found.count)
    self.rows = rows
    noteWorst()
  }

  @inline(__always)
  private mutating func noteWorst() {
    guard count == k else { return }
    let place = k <= NeighbourList.longestSorted ? k &- 1 : 0
    worst = distances[place]
    worstRow = rows[Int(slots[place])]
  }

  /// Take a row when it is among the nearest so far.
  @inline(__always)
  mutating func offer(_ distance: Double, _ slot: UInt32) {
    let row = rows[Int(slot)]
    guard distance < worst || (distance == worst && row < worstRow) else { return }
    if k <= NeighbourList.longestSorted {
      insert(distance, slot, row)
    } else {
      push(distance, slot, row)
    }
    noteWorst()
  }

  @inline(__always)
  private mutating func insert(_ distance: Double, _ slot: UInt32, _ row: UInt32) {
    var place = count
    if count == k { place &-= 1 } else { count &+= 1 }
    while place > 0 {
      let other = distances[place &- 1]
      if other < distance || (other == distance && rows[Int(slots[place &- 1])] < row) { break }
      distances[place] = other
      slots[place] = slots[place &- 1]
      place &-= 1
    }
    distances[place] = distance
    slots[place] = slot
  }

  @inline(__always)
  private func isNearer(_ a: Int, _ b: Int) -> Bool {
    distances[a] < distances[b]
      || (distances[a] == distances[b] && rows[Int(slots[a])] < rows[Int(slots[b])])
  }

  @inline(__always)
  private func swap(_ a: Int, _ b: Int) {
    (distances[a], distances[b]) = (distances[b], distances[a])
    (slots[a], slots[b]) = (slots[b], slots[a])
  }

  @inline(never)
  private mutating func push(_ distance: Double, _ slot: UInt32, _ row: UInt32) {
    if count == k {
      distances[0] = distance
      slots[0] = slot
      sink(0, k)
      return
    }
    var place = count
    distances[place] = distance
    slots[place] = slot
    count &+= 1
    while place > 0, isNearer((place &- 1) / 2, place) {
      swap(place, (place &- 1) / 2)
      place = (place &- 1) / 2
    }
  }

  private func sink(_ from: Int, _ end: Int) {
    var place = from
    while true {
      var far = place
      let child = 2 &* place &+ 1
      if child < end, isNearer(far, child) { far = child }
      if child &+ 1 < end, isNearer(far, child &+ 1) { far = child &+ 1 }
      if far == place { return }
      swap(place, far)
      place = far
    }
  }

  /// Sort by distance, then row number. Nothing can be offered afterwards.
  @inline(__always)
  func sort() {
    if k > NeighbourList.longestSorted { sortHeap() }
  }

  @inline(never)
  private func sortHeap() {
    var end = count &- 1
    while end > 0 {
      swap(0, end)
      sink(0, end)
      end &-= 1
    }
  }
}
