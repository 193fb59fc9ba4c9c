/// u32 combination, u64 seed, u64 members; for each its weight, mean, deviation, its sorted training scores
/// (u64 count; none but with ranks), and the model as ``ModelFile`` writes models within models.
extension EnsembleModel {
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(UInt32(Ensemble.Combination.allCases.firstIndex(of: combination) ?? 0))
    writer.write(seed)
    writer.write(UInt64(members.count))
    for (index, member) in members.enumerated() {
      writer.write(weights[index])
      writer.write(scales[index].mean)
      writer.write(scales[index].deviation)
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
      let mean = try reader.read(Double.self, "mean")
      let deviation = try reader.read(Double.self, "deviation")
      guard (0...1).contains(weight), mean.isFinite, deviation > 0, deviation.isFinite else {
        throw reader.damaged("weight \(weight), mean \(mean) and deviation \(deviation) of a member")
      }
      let sorted = try readRanks(&reader, wanted: combination == .rankAverage)
      weights.append(weight)
      scales.append(MemberScale(mean: mean, deviation: deviation, sorted: sorted))
      members.append(try ModelFile.readMember(&reader, featureCount: featureCount))
    }
    return EnsembleModel(
      members, scales, combination, weights, seed: seed, featureCount: featureCount,
      trainingScores: nil)
  }

  private static func readRanks(
    _ reader: inout ModelReader, wanted: Bool
  ) throws(DetectionError) -> Buffer<Double>? {
    let count = try reader.readCount(
      "number of ranks", atLeast: wanted ? 1 : 0, atMost: wanted ? MemberScale.mostRanks : 0)
    guard wanted else { return nil }
    let sorted = try reader.readValues(count, "ranks")
    for index in 0..<count where !(sorted[index].isFinite && sorted[max(index - 1, 0)] <= sorted[index]) {
      throw reader.damaged("the training scores of a member are not finite and in ascending order")
    }
    return sorted
  }
}
