/// Lets a detector learn from a stream in bounded memory. The detector stays as it is until ``finish()``.
///
/// A detector with partial_fit learns from every row, in parts of ``partRows(columns:)`` rows however the
/// stream's batches are cut. Others learn from a ``Reservoir`` sample, those of series from all rows at once.
/// Streams that the sample holds whole are fitted as a matrix is, where that is not the same.
public final class StreamLearner {
  private let detector: Detector
  private let columns: Int
  private let call: Call
  /// nil where the detector learns from the sample alone.
  private let part: Buffer<Double>?
  private let partRows: Int
  private var filled = 0
  /// Rows learnt from so far.
  private(set) var firstRow = 0
  private var model: (any Model)?
  private let isContinuing: Bool
  private let contamination: Double?
  /// Whether a stream that the sample holds whole is fitted from that.
  private let fitsFew: Bool
  private var sample: Reservoir

  /// continuing: go on with the detector's model, instead of replacing it.
  public init(
    _ detector: Detector, columns: Int, continuing: Bool, call: Call
  ) throws(DetectionError) {
    let info = detector.detectorClass.info
    if info.capabilities.contains(.needsLabels) {
      throw DetectionError(
        .notSupported, "\(info.name) learns from labels, which a stream does not have")
    }
    guard info.capabilities.contains(.partialFit) || !continuing else {
      throw DetectionError(
        .notSupported,
        "\(info.name) cannot go on learning from a stream (partial_fit)"
          + (info.capabilities.contains(.warmStart)
            ? "; with the option warm_start, fitting a stream grows the model" : ""))
    }
    // A stream is one series; where parts are impossible, the first one says which held detector is why.
    let inParts =
      !detector.readsSeries && (continuing || detector.detectorClass.learnsInParts(detector.options))
    let goesOn = continuing || (inParts && detector.options.bool("warm_start"))
    if goesOn, let model = detector.model, model.featureCount != columns {
      throw DetectionError(
        .shapeMismatch,
        "the stream has \(columns) columns, but the model was fitted on \(model.featureCount)")
    }
    self.detector = detector
    self.columns = columns
    self.call = call
    isContinuing = continuing
    model = goesOn ? detector.model : nil
    contamination =
      detector.options.double("contamination") ?? detector.detectorClass.usualContamination
    fitsFew = !continuing && !detector.detectorClass.fitsInParts
    partRows = StreamLearner.partRows(columns: columns)
    part = inParts ? try Buffer(count: partRows * columns, zeroed: false) : nil
    sample = Reservoir(
      columns: columns, seed: detector.samplingSeed,
      capacity: inParts && !fitsFew
        ? min(Reservoir.capacity, detector.detectorClass.mostThresholdRows)
        : detector.readsSeries ? Int.max : Reservoir.capacity)
  }

  /// 16,384 rows, or fewer where these would take more than 16 MB, and at least 1.
  public static func partRows(columns: Int) -> Int {
    max(1, min(1 << 14, (1 << 21) / max(columns, 1)))
  }

  /// Take rows from a column-major batch. Their values have been checked.
  public func take(
    _ batch: UnsafePointer<Double>, rows: Int, columnStride: Int
  ) throws(DetectionError) {
    guard let part else {
      return try sample.take(batch, rows: rows, columnStride: columnStride)
    }
    if fitsFew, firstRow + filled == 0 {
      // The sample may hold the whole stream: nothing is learnt in parts before it does not.
      guard sample.rows + rows > Reservoir.capacity else {
        return try sample.take(batch, rows: rows, columnStride: columnStride)
      }
      try sample.withMatrix { (X) throws(DetectionError) in
        guard X.rows > 0 else { return }
        try add(
          X.base.assumingMemoryBound(to: Double.self), rows: X.rows, rowStride: columns,
          columnStride: 1, to: part)
      }
    }
    if contamination != nil || fitsFew { try sample.take(batch, rows: rows, columnStride: columnStride) }
    try add(batch, rows: rows, rowStride: 1, columnStride: columnStride, to: part)
  }

  @_optimize(speed)
  private func add(
    _ values: UnsafePointer<Double>, rows: Int, rowStride: Int, columnStride: Int,
    to part: Buffer<Double>
  ) throws(DetectionError) {
    var row = 0
    while row < rows {
      let count = min(rows - row, partRows - filled)
      for column in 0..<columns {
        let source = values + column * columnStride + row * rowStride
        let target = part.base + filled * columns + column
        for index in 0..<count { target[index * columns] = source[index * rowStride] }
      }
      row += count
      filled += count
      if filled == partRows { try learnPart() }
    }
  }

  private func learnPart() throws(DetectionError) {
    guard let part, filled > 0 else { return }
    var X = try Matrix(
      base: part.base, element: .float64, rows: filled, columns: columns, rowStride: 8 * columns,
      columnStride: 8)
    X.firstRow = firstRow
    // How long the stream is nobody knows.
    var quiet = call
    if let progress = call.progress { quiet.progress = { _, _ in progress(0, "read") } }
    try withExtendedLifetime(part) { () throws(DetectionError) in
      model = try detector.detectorClass.partialFit(
        Training(X), options: detector.options, previous: model, call: quiet)
    }
    firstRow += filled
    filled = 0
  }

  /// The stream is at its end: the detector takes what has been learnt.
  public func finish() throws(DetectionError) {
    guard part != nil, !fitsFew || firstRow + filled > 0 else {
      return try sample.withMatrix { (X) throws(DetectionError) in
        if isContinuing {
          try detector.partialFit(Training(X), call: call)
        } else {
          try detector.fit(Training(X), call: call)
        }
      }
    }
    try learnPart()
    guard firstRow > 0, let model else {
      throw DetectionError(.invalidData, "the stream has no rows; at least 1 is needed to learn from")
    }
    var threshold = model.naturalThreshold
    var recent: [Double] = []
    if let contamination {
      try sample.withMatrix { (X) throws(DetectionError) in
        let scores = try detector.trainingScores(
          of: X, by: model, after: isContinuing ? detector.recentScores : [], call: call)
        recent = detector.recents(of: scores)
        threshold = quantile(scores, 1 - contamination)
      }
    }
    try ProgressTeller.finish(call, "fit")
    detector.adopt(model, threshold: threshold, recentScores: recent)
    if !isContinuing { detector.dropFeatureNames() }
  }
}
