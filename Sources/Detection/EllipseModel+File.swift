extension EllipseModel {
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(numbers.seed)
    writer.write(UInt64(numbers.supportCount))
    writer.write(UInt64(numbers.reweightedCount))
    writer.write(numbers.rawLogDeterminant)
    frame.write(to: &writer)
    writer.write(all: covariance, count: covariance.count)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> EllipseModel {
    let seed = try reader.read(UInt64.self, "seed")
    let support = try reader.readCount("support count", atMost: Matrix.dimensionLimit)
    let reweighted = try reader.readCount("reweighted count", atMost: Matrix.dimensionLimit)
    let raw = try reader.read(Double.self, "raw log determinant")
    let frame = try Frame.read(&reader, featureCount: featureCount)
    let values = try reader.readAll(Double.self, "covariance")
    let size = frame.count
    guard raw.isFinite, values.count == size * size, values.allSatisfy({ abs($0) <= 1e200 }),
      (0..<size).allSatisfy({ values[$0 * size + $0] >= 0 }),
      (0..<size).allSatisfy({ j in
        (0..<j).allSatisfy { values[j * size + $0] == values[$0 * size + j] }
      })
    else {
      throw reader.damaged("a symmetric covariance of \(size) features is needed")
    }
    return try EllipseModel(
      featureCount: featureCount, frame: frame, covariance: try Buffer(values),
      numbers: .init(
        seed: seed, supportCount: support, reweightedCount: reweighted, rawLogDeterminant: raw))
  }
}

extension Frame {
  func write(to writer: inout ModelWriter) {
    writer.write(all: features.elements.map { UInt64($0) })
    writer.write(all: centres, count: centres.count)
    writer.write(all: scales, count: scales.count)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> Frame {
    let features = try reader.readAll(UInt64.self, "features")
    let centres = try reader.readAll(Double.self, "centres")
    let scales = try reader.readAll(Double.self, "scales")
    guard !features.isEmpty, features.count <= featureCount,
      zip(features, features.dropFirst()).allSatisfy({ $0 < $1 }),
      features.allSatisfy({ $0 < UInt64(featureCount) }), centres.count == features.count,
      scales.count == features.count, centres.allSatisfy(\.isFinite),
      scales.allSatisfy({ $0 > 0 && $0.isFinite })
    else {
      throw reader.damaged("there must be a finite centre and scale for each of some features")
    }
    guard featureCount <= mostColumns else {
      throw reader.damaged("\(featureCount) features; allowed are \(mostColumns)")
    }
    let frame = try Frame(features: features.map { Int($0) }, of: featureCount)
    for index in features.indices {
      frame.centres[index] = centres[index]
      frame.scales[index] = scales[index]
    }
    return frame
  }
}

extension Buffer {
  convenience init(_ elements: [Element]) throws(DetectionError) {
    try self.init(count: elements.count, zeroed: false)
    for (index, element) in elements.enumerated() { self[index] = element }
  }

  var elements: [Element] { Array(UnsafeBufferPointer(start: base, count: count)) }
}
