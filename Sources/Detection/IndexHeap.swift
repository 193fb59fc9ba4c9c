/// The indices of an array of keys as a heap: the one of the greatest key first, of equal keys the lowest index.
struct IndexHeap {
  private let keys: UnsafePointer<Double>
  private let indices: Buffer<Int>
  private(set) var count: Int

  /// Of keys[0..<count]; these stay where they are. O(count).
  init(_ keys: UnsafePointer<Double>, count: Int) throws(DetectionError) {
    self.keys = keys
    self.count = count
    indices = try Buffer(count: count, zeroed: false)
    for index in 0..<count { indices[index] = index }
    for place in stride(from: count / 2 - 1, through: 0, by: -1) { sift(place) }
  }

  var first: Int? { count > 0 ? indices[0] : nil }

  mutating func removeFirst() {
    guard count > 0 else { return }
    count -= 1
    indices[0] = indices[count]
    sift(0)
  }

  /// The key of the first one has become less.
  func sinkFirst() { sift(0) }

  @inline(__always)
  private func isBefore(_ a: Int, _ b: Int) -> Bool {
    keys[a] > keys[b] || (keys[a] == keys[b] && a < b)
  }

  @_optimize(speed)
  private func sift(_ start: Int) {
    guard start < count else { return }
    let moving = indices[start]
    var place = start
    while 2 * place + 1 < count {
      var child = 2 * place + 1
      if child + 1 < count, isBefore(indices[child + 1], indices[child]) { child += 1 }
      guard isBefore(indices[child], moving) else { break }
      indices[place] = indices[child]
      place = child
    }
    indices[place] = moving
  }
}
