/// The detector of the windows.
final class SlidingWindowModel: Model, @unchecked Sendable {
  let detector: Member
  let shape: SeriesShape
  /// Until whoever fitted has taken them.
  private var ownScores: Buffer<Double>?

  init(_ detector: Member, _ shape: SeriesShape, trainingScores: Buffer<Double>?) {
    self.detector = detector
    self.shape = shape
    ownScores = trainingScores
  }

  var featureCount: Int { shape.channels }
  var naturalThreshold: Double { 0 }

  var fitted: [(name: String, value: Double)] { [("window", Double(shape.window))] }

  func takeTrainingScores() -> Buffer<Double>? {
    defer { ownScores = nil }
    return ownScores
  }

  private func windows(_ X: Matrix) throws(DetectionError) -> SeriesWindows {
    try SeriesWindows(X, shape, nanAllowed: SlidingWindow.takesMissing(detector.options))
  }

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    guard X.rows > 0 else { return }
    let windows = try windows(X)
    let own = try Buffer<Double>(count: windows.count, zeroed: false)
    try windows.score(with: detector, call: call, into: own.base)
    try shape.spread(own, rows: X.rows, into: scores)
  }

  /// A window's shares, summed over its rows, become those of the rows that it is the score of.
  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    guard detector.explains else {
      throw DetectionError(
        .notSupported, "SlidingWindow explains its scores where its detector does; \(detector.name) cannot")
    }
    guard X.rows > 0 else { return }
    let windows = try windows(X)
    let channels = shape.channels
    // Column after column.
    let folded = try Buffer<Double>(count: windows.count * channels)
    let room = try Buffer<Double>(
      count: max(1, min(windows.count, (1 << 20) / shape.width)) * shape.width, zeroed: false)
    defer { withExtendedLifetime((folded, room)) {} }
    try windows.forEachPart(call: call.part(0...0.8), mostNumbers: 1 << 20) {
      (first, rows, call) throws(DetectionError) in
      try detector.model.explain(rows, call: call, into: room.base)
      for row in 0..<rows.rows {
        for place in 0..<shape.width {
          folded[place % channels * windows.count + first + row] += room[row * shape.width + place]
        }
      }
    }
    if shape.aggregation == .mean {
      for channel in 0..<channels {
        try shape.spreadMean(folded.base + channel * windows.count, windows.count, rows: X.rows) {
          shares[$0 * channels + channel] = $1
        }
      }
      return
    }
    let scores = try Buffer<Double>(count: windows.count)
    if shape.aggregation == .maximum {
      try windows.score(with: detector, call: call.part(0.8...1), into: scores.base)
    }
    try shape.forEachChosen(scores, rows: X.rows) { row, window in
      for channel in 0..<channels {
        shares[row * channels + channel] = folded[channel * windows.count + window]
      }
    }
  }

  // -------------------------------------------------------------------------------- model files

  /// u64 window, u64 stride, u32 aggregation, u32 whether windows are standardised, and the detector's model.
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(UInt64(shape.window))
    writer.write(UInt64(shape.stride))
    writer.write(
      UInt32(SlidingWindow.Aggregation.allCases.firstIndex(of: shape.aggregation) ?? 0))
    writer.write(UInt32(shape.standardizes ? 1 : 0))
    try ModelFile.write(detector, to: &writer)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> SlidingWindowModel {
    let window = try reader.readCount("window", atLeast: 1, atMost: 1_000_000)
    let stride = try reader.readCount("stride", atLeast: 1, atMost: 1_000_000)
    let aggregation = try reader.read(UInt32.self, "aggregation")
    let standardizes = try reader.read(UInt32.self, "whether windows are standardised")
    guard aggregation < SlidingWindow.Aggregation.allCases.count, standardizes <= 1,
      let shape = SeriesShape(
        window: window, stride: stride, channels: featureCount,
        aggregation: SlidingWindow.Aggregation.allCases[Int(aggregation)],
        standardizes: standardizes == 1)
    else { throw reader.damaged("there are no windows of that kind") }
    let detector = try ModelFile.readMember(&reader, featureCount: shape.width)
    guard !detector.readsSeries else {
      throw reader.damaged("\(detector.name) reads a series itself, not windows")
    }
    return SlidingWindowModel(detector, shape, trainingScores: nil)
  }
}
