import Tables

/// All rows of a table at once, for detectors that score a series as a whole: 8 bytes a value.
struct WholeSeries {
  let scores: [Double]
  /// What each row's score is made of, row by row; empty when the detector cannot tell.
  let shares: [Double]
  let columns: Int

  init(_ detector: Detector, _ features: FeatureTable, _ session: Session) throws {
    let chunks = features.chunks(session, threads: features.parsingThreads(session))
    defer { chunks.stop() }
    let columns = features.featureNames.count
    var values: [Double] = []
    try features.explaining {
      while let chunk = try chunks.next() {
        values.reserveCapacity(values.count + chunk.rows * columns)
        for row in 0..<chunk.rows {
          for column in 0..<columns { values.append(chunk.values[column * chunk.stride + row]) }
        }
        chunks.recycle(chunk)
      }
    }
    self.columns = columns
    scores = try features.explaining { try detector.score(values, columns: columns, session) }
    shares = (try? detector.explain(values, columns: columns)) ?? []
  }

  /// Write the scores of a chunk's rows to it.
  func copyScores(to chunk: Chunk) {
    for row in 0..<min(chunk.rows, scores.count - chunk.firstRow) {
      chunk.scores[row] = scores[chunk.firstRow + row]
    }
  }

  func shares(of row: Int) -> [Double] {
    shares.isEmpty ? [] : Array(shares[row * columns..<(row + 1) * columns])
  }
}
