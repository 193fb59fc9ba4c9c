import CKernels

/// What the bounded search needs: room for candidates, and a table of the queries of a chunk.
final class BoundedScratch {
  /// More neighbours than this are kept in a heap.
  static let mostKept = 64

  var candidates: ck_candidates
  private let width: Int
  private let kept: Int
  private let doubles: Buffer<Double>
  private let words: Buffer<UInt32>
  private let single: Buffer<Float>
  /// How many neighbours each query has.
  let found: Buffer<Int>
  private let table: Buffer<UInt16>
  private let firstSeeds: Buffer<UInt32>
  private static let remembered = 32
  private let recent: Buffer<Double>
  private let recentNumbers: Buffer<Int>
  private var searched = 0
  private let restDistances: Buffer<Double>
  private let restSlots: Buffer<UInt32>

  init(queries: Int, width: Int, kept: Int) throws(DetectionError) {
    self.width = width
    self.kept = kept
    let room = (2 * kept + 80) / 8 * 8
    doubles = try Buffer(count: 2 * room + 8)
    recent = try Buffer(count: BoundedScratch.remembered * width)
    recentNumbers = try Buffer(count: BoundedScratch.remembered)
    words = try Buffer(count: 4 * room)
    single = try Buffer(count: width)
    var size = 64
    while size < 2 * queries { size *= 2 }
    table = try Buffer(count: size)
    found = try Buffer(count: queries)
    firstSeeds = try Buffer(count: kept)
    restDistances = try Buffer(count: kept)
    restSlots = try Buffer(count: kept)
    candidates = ck_candidates(
      distances: doubles.base + 8, slots: words.base, rows: words.base + room,
      sorted: doubles.base + 8 + room, sorted_slots: words.base + 2 * room,
      sorted_rows: words.base + 3 * room, eights: doubles.base, query: single.base, room: Int64(room))
  }

  func begin() {
    table.base.update(repeating: .max, count: table.count)
    recent.base.update(repeating: .infinity, count: recent.count)
    searched = 0
  }

  /// The number of a query near this one that has been searched for.
  func nearest(_ query: UnsafePointer<Double>, _ kernels: NeighbourKernels) -> Int? {
    guard searched > 0 else { return nil }
    let blocks = (min(searched, BoundedScratch.remembered) + 7) / 8
    return recentNumbers[kernels.nearestQuery(recent.base, blocks, query, width)]
  }

  func remember(_ query: UnsafePointer<Double>, _ number: Int, found count: Int) {
    found[number] = count
    let place = searched % BoundedScratch.remembered
    let lane = recent.base + place / 8 * 8 * width + place % 8
    for column in 0..<width { lane[8 * column] = query[column] }
    recentNumbers[place] = number
    searched += 1
  }

  /// Where no query has been searched for: rows from a slot on, and before it where they are too few.
  func seeds(from slot: Int, _ rowOf: Buffer<UInt32>) -> UnsafePointer<UInt32> {
    var count = 0
    var behind = slot
    while count < kept, behind < rowOf.count {
      firstSeeds[count] = UInt32(truncatingIfNeeded: behind)
      if rowOf[behind] != NeighbourIndex.noRow { count += 1 }
      behind += 1
    }
    var before = slot
    while count < kept, before > 0 {
      before -= 1
      firstSeeds[count] = UInt32(truncatingIfNeeded: before)
      if rowOf[before] != NeighbourIndex.noRow { count += 1 }
    }
    return UnsafePointer(firstSeeds.base)
  }

  /// The first query that equals this one.
  func firstEqual(_ number: Int, _ queries: UnsafePointer<Double>) -> Int {
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
