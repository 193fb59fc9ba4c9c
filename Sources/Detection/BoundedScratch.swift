import CKernels

/// What the bounded search needs: room for candidates, a table of the queries of a chunk, and the last ones
/// that were searched for.
final class BoundedScratch {
  /// More neighbours than this are kept in a heap.
  static let mostKept = 64
  /// Most queries of one walk through the tree.
  static let mostTogether = 16
  /// Where a search looks at more rows than this, several queries walk together.
  static let rowsOfOne = 2048

  let candidates: Buffer<ck_candidates>
  /// The distances of boxes, where several queries walk together.
  let room: Buffer<Double>
  /// For each query the first that equals it, and how many neighbours it has.
  let source: Buffer<Int>
  let found: Buffer<Int>
  /// The queries that wait: their numbers, values, seeds and lists.
  let numbers: Buffer<Int>
  let queries: Buffer<UnsafePointer<Double>?>
  let seeds: Buffer<UnsafePointer<UInt32>?>
  let lists: Buffer<ck_neighbours>
  var waiting = 0
  private var evaluated: Int64 = 0
  private let width: Int
  private let kept: Int
  private let doubles: Buffer<Double>
  private let words: Buffer<UInt32>
  private let single: Buffer<Float>
  private let table: Buffer<UInt16>
  private let firstSeeds: Buffer<UInt32>
  private static let remembered = 32
  private let recent: Buffer<Double>
  private let recentNumbers: Buffer<Int>
  private var searched = 0
  private let restDistances: Buffer<Double>
  private let restSlots: Buffer<UInt32>

  init(
    queries capacity: Int, width: Int, kept: Int, together most: Int = mostTogether
  ) throws(DetectionError) {
    self.width = width
    self.kept = kept
    let together = min(capacity, most)
    let size = (2 * kept + 80) / 8 * 8
    doubles = try Buffer(count: together * 2 * size + 8)
    words = try Buffer(count: together * 4 * size)
    single = try Buffer(count: together * width)
    candidates = try Buffer(count: together)
    room = try Buffer(count: together * 8)
    source = try Buffer(count: capacity)
    found = try Buffer(count: capacity)
    numbers = try Buffer(count: together)
    queries = try Buffer(count: together)
    seeds = try Buffer(count: together)
    lists = try Buffer(count: together)
    recent = try Buffer(count: BoundedScratch.remembered * width)
    recentNumbers = try Buffer(count: BoundedScratch.remembered)
    var places = 64
    while places < 2 * capacity { places *= 2 }
    table = try Buffer(count: places)
    firstSeeds = try Buffer(count: together * kept)
    restDistances = try Buffer(count: kept)
    restSlots = try Buffer(count: kept)
    for place in 0..<together {
      let distances = doubles.base + 8 + place * 2 * size
      let slots = words.base + place * 4 * size
      candidates[place] = ck_candidates(
        distances: distances, slots: slots, rows: slots + size, sorted: distances + size,
        sorted_slots: slots + 2 * size, sorted_rows: slots + 3 * size, eights: doubles.base,
        query: single.base + place * width, room: Int64(size))
    }
  }

  func begin() {
    table.base.update(repeating: .max, count: table.count)
    recent.base.update(repeating: .infinity, count: recent.count)
    searched = 0
    waiting = 0
  }

  // ------------------------------------------------------------------------------- which queries

  func wait(_ number: Int) {
    numbers[waiting] = number
    waiting += 1
  }

  /// Whether the queries that wait should be searched for.
  var isReady: Bool {
    waiting == candidates.count || searched == 0 || evaluated <= BoundedScratch.rowsOfOne
  }

  /// Find the first query that equals this one.
  func findSource(_ number: Int, _ queries: UnsafePointer<Double>) -> Int {
    let first = firstEqual(number, queries)
    source[number] = first
    return first
  }

  private func firstEqual(_ number: Int, _ queries: UnsafePointer<Double>) -> Int {
    let own = queries + number * width
    var hash: UInt64 = 0
    for column in 0..<width {
      hash = (hash ^ own[column].bitPattern) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 29
    }
    let mask = table.count &- 1
    var place = Int(truncatingIfNeeded: hash >> 20) & mask
    while table[place] != .max {
      let other = queries + Int(table[place]) * width
      var column = 0
      while column < width, own[column] == other[column] { column += 1 }
      if column == width { return Int(table[place]) }
      place = (place &+ 1) & mask
    }
    table[place] = UInt16(truncatingIfNeeded: number)
    return number
  }

  // --------------------------------------------------------------------------------------- seeds

  /// The number of a query near this one that has been searched for.
  func nearest(_ query: UnsafePointer<Double>, _ kernels: NeighbourKernels) -> Int? {
    guard searched > 0 else { return nil }
    let blocks = (min(searched, BoundedScratch.remembered) + 7) / 8
    return recentNumbers[kernels.nearestQuery(recent.base, blocks, query, width)]
  }

  /// The query at a place of those that waited has been searched for.
  func remember(_ query: UnsafePointer<Double>, _ waited: Int) {
    found[numbers[waited]] = Int(lists[waited].count)
    evaluated = lists[waited].evaluated
    let place = searched % BoundedScratch.remembered
    let lane = recent.base + place / 8 * 8 * width + place % 8
    for column in 0..<width { lane[8 * column] = query[column] }
    recentNumbers[place] = numbers[waited]
    searched += 1
  }

  /// Where no query has been searched for: rows from a slot on, and before it where they are too few.
  func seeds(of place: Int, from slot: Int, _ rowOf: Buffer<UInt32>) -> UnsafePointer<UInt32> {
    let seeds = firstSeeds.base + place * kept
    var count = 0
    var behind = slot
    while count < kept, behind < rowOf.count {
      seeds[count] = UInt32(truncatingIfNeeded: behind)
      if rowOf[behind] != NeighbourIndex.noRow { count += 1 }
      behind += 1
    }
    var before = slot
    while count < kept, before > 0 {
      before -= 1
      seeds[count] = UInt32(truncatingIfNeeded: before)
      if rowOf[before] != NeighbourIndex.noRow { count += 1 }
    }
    return UnsafePointer(seeds)
  }

  // ------------------------------------------------------------------------------- the row itself

  /// All but the row of a slot, or but the last.
  func leaveOut(_ slot: UInt32, _ all: Neighbourhood) -> Neighbourhood {
    var own = 0
    while own < all.count - 1, all.slots[own] != slot { own += 1 }
    if own == 0 { return all.dropFirst(all.count - 1) }
    if own == all.count - 1 { return all.prefix(own) }
    let count = all.count - 1
    restDistances.base.update(from: all.distances, count: own)
    restSlots.base.update(from: all.slots, count: own)
    (restDistances.base + own).update(from: all.distances + own + 1, count: count - own)
    (restSlots.base + own).update(from: all.slots + own + 1, count: count - own)
    return Neighbourhood(
      target: all.target, query: all.query, distances: restDistances.base, slots: restSlots.base,
      count: count)
  }
}

extension Neighbourhood {
  /// The nearest of them.
  func prefix(_ most: Int) -> Neighbourhood {
    Neighbourhood(
      target: target, query: query, distances: distances, slots: slots, count: min(count, most))
  }

  /// Those behind the first.
  func dropFirst(_ most: Int) -> Neighbourhood {
    Neighbourhood(
      target: target, query: query, distances: distances + 1, slots: slots + 1,
      count: min(count - 1, most))
  }
}
