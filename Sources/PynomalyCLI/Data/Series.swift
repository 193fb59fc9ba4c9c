import Tables

/// A table whose rows are the steps of a series: held whole, scored at once.
struct Series {
  private let detector: Detector
  private let columns: Int
  private var values: [Double] = []
  private var scores: [Double] = []

  init(_ detector: Detector, _ features: FeatureTable, _ session: Session, kept: [Chunk]) throws {
    self.detector = detector
    columns = features.featureNames.count
    let chunks = features.chunks(session, kept: kept, threads: features.parsingThreads(session))
    defer { chunks.stop() }
    values = try features.explaining {
      var values: [Double] = []
      while let chunk = try chunks.next() {
        for row in 0..<chunk.rows {
          for column in 0..<columns { values.append(chunk.values[column * chunk.stride + row]) }
        }
        chunks.recycle(chunk)
      }
      return values
    }
    scores = try features.explaining {
      try detector.score(values, columns: columns, session, threads: session.threads)
    }
  }

  func writeScores(of chunk: Chunk) {
    for row in 0..<chunk.rows { chunk.scores[row] = scores[chunk.firstRow + row] }
  }

  /// Row after row, the shares of the features; nil where the detector cannot tell.
  func shares(ofRows rows: [Int]) -> [Double]? {
    guard let all = try? detector.explain(values, columns: columns) else { return nil }
    return rows.flatMap { all[$0 * columns..<($0 + 1) * columns] }
  }
}
