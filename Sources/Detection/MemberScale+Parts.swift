/// Going on with what earlier parts have shown.
extension MemberScale {
  /// Of the scores of all parts so far (Chan, Golub, LeVeque 1983). `part` has those of one more; `random` draws
  /// which of them the ranks keep.
  func joined(
    _ part: MemberScale, _ scores: Buffer<Double>, _ random: Random
  ) throws(DetectionError) -> MemberScale {
    let all = count + min(part.count, MemberScale.mostScores - count)
    let share = Double(part.count) / Double(all)
    // Halves, and by the largest of the three, so that neither differences nor squares leave the numbers.
    let half = part.mean / 2 - mean / 2
    let largest = max(abs(half), spread / 2, part.spread / 2)
    var joint = 0.0
    if largest > 0 {
      let (a, b, between) = (spread / 2 / largest, part.spread / 2 / largest, half / largest)
      joint = (1 - share) * a * a + share * b * b + (1 - share) * share * between * between
    }
    return MemberScale(
      count: all, mean: mean + share * half + share * half,
      spread: min(2 * largest * max(joint, 0).squareRoot(), .greatestFiniteMagnitude),
      sorted: try ranksJoined(scores, random))
  }

  /// Vitter's algorithm R (1985), on a reservoir in ascending order: which of its scores makes room is drawn
  /// without regard to them, so the order does not matter.
  private func ranksJoined(
    _ scores: Buffer<Double>, _ random: Random
  ) throws(DetectionError) -> Buffer<Double>? {
    guard let sorted else { return nil }
    var random = random
    var seen = count
    var used = sorted.count
    let room = min(MemberScale.mostRanks, used + scores.count)
    var places: [(place: Int, row: Int)] = []
    for row in 0..<scores.count {
      seen += seen < MemberScale.mostScores ? 1 : 0
      if used < room {
        places.append((used, row))
        used += 1
      } else {
        let place = random.below(seen)
        if place < used { places.append((place, row)) }
      }
    }
    guard !places.isEmpty else { return sorted }
    let slots = try Buffer<Double>(count: used, zeroed: false)
    let isNew = try Buffer<Bool>(count: used, zeroed: true)
    slots.base.update(from: sorted.base, count: sorted.count)
    for (place, row) in places {
      slots[place] = scores[row]
      isNew[place] = true
    }
    var fresh: [Double] = []
    for place in 0..<used where isNew[place] { fresh.append(slots[place]) }
    fresh.sort()
    let merged = try Buffer<Double>(count: used, zeroed: false)
    var (target, next) = (0, 0)
    for place in 0..<used where !isNew[place] {
      while next < fresh.count, fresh[next] < slots[place] {
        merged[target] = fresh[next]
        (target, next) = (target + 1, next + 1)
      }
      merged[target] = slots[place]
      target += 1
    }
    while next < fresh.count {
      merged[target] = fresh[next]
      (target, next) = (target + 1, next + 1)
    }
    return merged
  }
}
