extension SVMModel {
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    let kernel = supports.kernel
    writer.write(kernel.kind.rawValue)
    writer.write(UInt32(truncatingIfNeeded: kernel.degree))
    writer.write(kernel.gamma)
    writer.write(kernel.coef0)
    writer.write(rho)
    writer.write(UInt64(numbers.steps))
    writer.write(numbers.violation)
    writer.write(numbers.objective)
    writer.write(UInt64(numbers.boundedCount))
    writer.write(all: means, count: means.count)
    writer.write(all: coefficients, count: supports.count)
    writer.write(all: supports.floats, count: supports.floats.count)
    writer.write(all: supports.doubles, count: supports.doubles.count)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> SVMModel {
    let code = try reader.read(UInt32.self, "kernel")
    let degree = Int(try reader.read(UInt32.self, "degree"))
    let gamma = try reader.read(Double.self, "gamma")
    let coef0 = try reader.read(Double.self, "coef0")
    let rho = try reader.read(Double.self, "rho")
    let steps = try reader.readCount("number of steps", atMost: Int.max)
    let violation = try reader.read(Double.self, "violation")
    let objective = try reader.read(Double.self, "objective")
    let bounded = try reader.readCount("number of bounded support vectors", atMost: Int.max)
    guard let kind = KernelFunction.Kind(rawValue: code), degree <= 1000, gamma > 0,
      [gamma, coef0, rho, violation, objective].allSatisfy(\.isFinite)
    else { throw reader.damaged("there is no such kernel, or its numbers are not finite") }
    let means = try reader.readAll(Double.self, "means")
    let coefficients = try reader.readAll(Double.self, "coefficients")
    let floats = try reader.readAll(Float.self, "support vectors")
    let doubles = try reader.readAll(Double.self, "support vectors")
    let kernel = KernelFunction(kind: kind, gamma: gamma, coef0: coef0, degree: degree)
    let count = coefficients.count
    let padded = max(8, (count + 7) & ~7)
    let (size, overflow) = padded.multipliedReportingOverflow(by: featureCount)
    guard !overflow, means.count == featureCount, count > 0,
      floats.count == (kind == .radial ? size : 0), doubles.count == (kind == .radial ? 0 : size),
      means.allSatisfy(\.isFinite), coefficients.allSatisfy({ $0 > 0 && $0.isFinite }),
      floats.allSatisfy(\.isFinite), doubles.allSatisfy(\.isFinite), bounded <= count
    else {
      throw reader.damaged("\(count) support vectors of \(featureCount) finite features are needed")
    }
    try Memory.require(featureCount, of: 24)
    let supports = try KernelRows(kernel, features: featureCount, count: count)
    for index in floats.indices { supports.floats[index] = floats[index] }
    for index in doubles.indices { supports.doubles[index] = doubles[index] }
    let weights = try Buffer<Double>(count: padded)
    for index in coefficients.indices { weights[index] = coefficients[index] }
    let frame = try Frame(features: Array(0..<featureCount), of: featureCount)
    if kind == .radial {
      for feature in 0..<featureCount {
        frame.centres[feature] = means[feature]
        frame.scales[feature] = kernel.radialScale
      }
    }
    return SVMModel(
      frame: frame, means: try Buffer(means), supports: supports, coefficients: weights, rho: rho,
      numbers: .init(
        steps: steps, violation: violation, objective: objective, boundedCount: bounded))
  }
}
