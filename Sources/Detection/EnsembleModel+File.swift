/// u32 combination, u64 seed, u64 members; for each its weight, u64 number, mean and standard deviation
/// of its training scores, sorted ones of them (u64 count; none but with ranks), and the model as ``ModelFile`` writes models within models.
extension EnsembleModel {
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(UInt32(Ensemble.Combination.allCases.firstIndex(of: combination) ?? 0))
    writer.write(seed)
    writer.write(UInt64(members.count))
    for (index, member) in members.enumerated() {
      writer.write(weights[index])
      writer.write(UInt64(scales[index].count))
      writer.write(scales[index].mean)
      writer.write(scales[index].spread)
      if let sorted = scales[index].sorted {
        try writer.write(all: sorted)
      } else {
        writer.write(UInt64(0))
      }
      try ModelFile.write(member, to: &writer)
    }
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> EnsembleModel {
    let number = try reader.read(UInt32.self, "combination")
    guard number < Ensemble.Combination.allCases.count else {
      throw reader.damaged("there is no combination \(number)")
    }
    let combination = Ensemble.Combination.allCases[Int(number)]
    let seed = try reader.read(UInt64.self, "seed")
    let count = try reader.readCount(
      "number of members", atLeast: 1, atMost: NestedDetector.mostInList)
    var weights: [Double] = []
    var scales: [MemberScale] = []
    var members: [Member] = []
    for _ in 0..<count {
      let weight = try reader.read(Double.self, "weight")
      let seen = try reader.readCount(
        "number of training scores", atLeast: 1, atMost: MemberScale.mostScores)
      let mean = try reader.read(Double.self, "mean")
      let deviation = try reader.read(Double.self, "deviation")
      guard (0...1).contains(weight), mean.isFinite, deviation >= 0, deviation.isFinite else {
        throw reader.damaged("weight \(weight), mean \(mean) and deviation \(deviation) of a member")
      }
      let sorted = try readRanks(
        &reader, atMost: combination == .rankAverage ? min(seen, MemberScale.mostRanks) : 0)
      weights.append(weight)
      scales.append(MemberScale(count: seen, mean: mean, spread: deviation, sorted: sorted))
      members.append(try ModelFile.readMember(&reader, featureCount: featureCount))
    }
    return EnsembleModel(
      members, scales, combination, weights, seed: seed, featureCount: featureCount,
      trainingScores: nil)
  }

  private static func readRanks(
    _ reader: inout ModelReader, atMost most: Int
  ) throws(DetectionError) -> Buffer<Double>? {
    let count = try reader.readCount(
      "number of ranks", atLeast: most > 0 ? 1 : 0, atMost: most)
    guard most > 0 else { return nil }
    let sorted = try reader.readValues(count, "ranks")
    for index in 0..<count where !(sorted[index].isFinite && sorted[max(index - 1, 0)] <= sorted[index]) {
      throw reader.damaged("the training scores of a member are not finite and in ascending order")
    }
    return sorted
  }
}
