extension SGDModel {
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(map.kind.rawValue)
    writer.write(UInt32(averages ? 1 : 0))
    writer.write(map.gamma)
    writer.write(seed)
    writer.write(UInt64(state.time))
    writer.write(UInt64(state.epochs))
    writer.write(state.intercept)
    writer.write(state.averageIntercept)
    writer.write(state.objective)
    try writer.write(all: map.means)
    try writer.write(all: state.weights)
    try writer.write(all: state.average)
    writer.write(UInt64(map.rows.count))
    writer.write(all: map.rows.floats, count: map.rows.floats.count)
    writer.write(all: map.phases, count: map.phases.count)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> SGDModel {
    let code = try reader.read(UInt32.self, "kind of features")
    let averages = try reader.read(UInt32.self, "averaging")
    let gamma = try reader.read(Double.self, "gamma")
    let seed = try reader.read(UInt64.self, "seed")
    let time = try reader.readCount("number of rows learnt", atLeast: 1, atMost: 1 << 62)
    let epochs = try reader.readCount("number of epochs", atMost: 1 << 62)
    let intercept = try reader.read(Double.self, "intercept")
    let averageIntercept = try reader.read(Double.self, "intercept")
    let objective = try reader.read(Double.self, "objective")
    guard let kind = FeatureMap.Kind(rawValue: code), averages <= 1, gamma > 0,
      [gamma, intercept, averageIntercept, objective].allSatisfy(\.isFinite)
    else { throw reader.damaged("there are no such features, or their numbers are not finite") }
    let finite = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
    let means = try reader.readAll(featureCount, in: finite, "means")
    let weights = try reader.readBuffer(Double.self, "weights")
    let average = try reader.readBuffer(Double.self, "averaged weights")
    let count = try reader.readCount("number of features", atMost: 1 << 14)
    let floats = try reader.readBuffer(Float.self, "landmarks")
    let phases = try reader.readBuffer(Float.self, "phases")
    let mapped = kind != .identity
    let padded = max(8, (count + 7) & ~7)
    let (size, overflow) = padded.multipliedReportingOverflow(by: mapped ? featureCount : 0)
    let width = mapped ? padded : max(8, (featureCount + 7) & ~7)
    guard !overflow, mapped == (count > 0), floats.count == size, weights.count == width,
      average.count == width, phases.count == (kind == .fourier ? padded : 0)
    else { throw reader.damaged("the sizes of its parts do not agree") }
    let rows = try KernelRows(
      FeatureMap.kernel(gamma), features: mapped ? featureCount : 0, count: count)
    for index in 0..<size {
      // As rows are brought inside a range when they are learnt.
      guard abs(floats[index]) <= 1e15 else { throw reader.damaged("a landmark is not finite") }
      rows.floats[index] = floats[index]
    }
    for index in 0..<phases.count where !(abs(phases[index]) <= 1) {
      throw reader.damaged("a phase is beyond 1")
    }
    let map = try FeatureMap(kind, gamma: gamma, means: means, rows: rows, phases: phases)
    for values in [weights, average] {
      for place in 0..<width {
        guard values[place].isFinite, place < map.count || values[place] == 0 else {
          throw reader.damaged("a weight is not finite, or belongs to no feature")
        }
      }
    }
    guard FeatureMap.kernel(gamma).radialScale.isFinite else {
      throw reader.damaged("gamma is \(gamma)")
    }
    var state = try HingeDescent.State(width: 0)
    (state.weights, state.average) = (weights, average)
    (state.intercept, state.averageIntercept) = (intercept, averageIntercept)
    (state.time, state.epochs, state.objective) = (time, epochs, objective)
    return try SGDModel(map, state, averages: averages == 1, seed: seed)
  }
}
