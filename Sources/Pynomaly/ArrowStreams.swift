import CPynomaly
import Detection

/// Take the stream over: released here when no table will do it.
private func table(
  _ stream: UnsafeMutablePointer<ArrowArrayStream>?,
  _ before: () throws(DetectionError) -> Void
) throws(DetectionError) -> ArrowTable {
  do throws(DetectionError) {
    try before()
  } catch {
    if let stream { stream.pointee.release?(stream) }
    throw error
  }
  return try ArrowTable(stream)
}

/// The rows of a batch, which errors will name by their place in the stream.
private func matrix(
  _ values: Buffer<Double>, firstRow: Int, rows: Int, columns: Int
) throws(DetectionError) -> Matrix {
  var matrix = try Matrix(
    base: values.base, element: .float64, rows: rows, columns: columns, rowStride: 8,
    columnStride: 8 * rows)
  matrix.firstRow = firstRow
  return matrix
}

/// Learn from a stream: anew, or going on with what the detector knows.
private func learn(
  _ detector: OpaquePointer?, _ stream: UnsafeMutablePointer<ArrowArrayStream>?,
  _ options: UnsafePointer<pyn_call>?, continuing: Bool
) throws(DetectionError) {
  var handle: DetectorHandle?
  var call = Call()
  let table = try table(stream) { () throws(DetectionError) in
    handle = try Pynomaly.handle(detector)
    call = try Pynomaly.call(options)
    if let options, options.pointee.sample_weight != nil {
      throw DetectionError(.notSupported, "a stream is fitted without sample weights")
    }
  }
  guard let handle else { return }
  let known = handle.detector.featureNames
  let isNamed = table.names.allSatisfy { !$0.isEmpty }
  if continuing, isNamed, !known.isEmpty { try check(names: table.names, against: known) }
  let learner = try StreamLearner(
    handle.detector, columns: table.columns, continuing: continuing, call: call)
  let nanAllowed =
    (try? handle.detector.options.value("missing_values")) == .string("native")
  try table.forEachBatch { (values, firstRow, rows) throws(DetectionError) in
    let batch = try matrix(values, firstRow: firstRow, rows: rows, columns: table.columns)
    if !batch.isFinite, let error = batch.firstNotFinite(nanAllowed: nanAllowed) { throw error }
    try labelled(handle) { () throws(DetectionError) in
      try learner.take(values.base, rows: rows, columnStride: rows)
    }
    if let progress = call.progress, !progress(0, "read") { throw DetectionError.cancelled }
  }
  try labelled(handle) { () throws(DetectionError) in try learner.finish() }
  if isNamed, handle.detector.featureNames.isEmpty {
    try? handle.detector.setFeatureNames(table.names)
  }
  handle.refreshFeatureNames()
}

/// A stream that goes on must have the columns of the one before, in their order.
private func check(names: [String], against known: [String]) throws(DetectionError) {
  guard names.count == known.count else { return }  // told with the numbers
  for (column, name) in names.enumerated() where name != known[column] {
    throw DetectionError(
      .shapeMismatch,
      "column \(column) of the stream is \"\(name)\"; the model was fitted on \"\(known[column])\" there",
      column: column)
  }
}

@_cdecl("pyn_detector_fit_stream") @implementation
public func pyn_detector_fit_stream(
  _ detector: OpaquePointer?, _ stream: UnsafeMutablePointer<ArrowArrayStream>?,
  _ options: UnsafePointer<pyn_call>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    try learn(detector, stream, options, continuing: false)
  }
}

@_cdecl("pyn_detector_partial_fit_stream") @implementation
public func pyn_detector_partial_fit_stream(
  _ detector: OpaquePointer?, _ stream: UnsafeMutablePointer<ArrowArrayStream>?,
  _ options: UnsafePointer<pyn_call>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    try learn(detector, stream, options, continuing: true)
  }
}

@_cdecl("pyn_detector_score_stream") @implementation
public func pyn_detector_score_stream(
  _ detector: OpaquePointer?, _ stream: UnsafeMutablePointer<ArrowArrayStream>?,
  _ options: UnsafePointer<pyn_call>?, _ take: pyn_scores_callback?,
  _ context: UnsafeMutableRawPointer?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    var handle: DetectorHandle?
    var call = Call()
    let table = try table(stream) { () throws(DetectionError) in
      handle = try Pynomaly.handle(detector)
      call = try Pynomaly.call(options)
      _ = try handle?.detector.fittedModel()
      _ = try required(take, "take")
    }
    guard let handle, let take else { return }
    let known = handle.detector.featureNames
    if !known.isEmpty, table.names.allSatisfy({ !$0.isEmpty }) {
      try check(names: table.names, against: known)
    }
    if handle.detector.readsSeries {
      return try labelled(handle) { () throws(DetectionError) in
        try scoreSeries(table, handle.detector, call, take, context)
      }
    }
    try table.forEachBatch { (values, firstRow, rows) throws(DetectionError) in
      let batch = try matrix(values, firstRow: firstRow, rows: rows, columns: table.columns)
      let scores = try Buffer<Double>(count: rows, zeroed: false)
      try labelled(handle) { () throws(DetectionError) in
        try handle.detector.score(batch, call: call, into: scores.base)
      }
      let stop = withExtendedLifetime(scores) {
        take(scores.base, Int64(firstRow), Int64(rows), context)
      }
      if stop != 0 { throw DetectionError(.cancelled, "cancelled by the scores callback") }
    }
  }
}

/// The batches are one series, held whole.
private func scoreSeries(
  _ table: ArrowTable, _ detector: Detector, _ call: Call, _ take: pyn_scores_callback,
  _ context: UnsafeMutableRawPointer?
) throws(DetectionError) {
  var series = Reservoir(columns: table.columns, seed: 0, capacity: Int.max)
  var batches: [Int] = []
  try table.forEachBatch { (values, _, rows) throws(DetectionError) in
    try series.take(values.base, rows: rows, columnStride: rows)
    batches.append(rows)
    if let progress = call.progress, !progress(0, "read") { throw DetectionError.cancelled }
  }
  try series.withMatrix { (X) throws(DetectionError) in
    let scores = try Buffer<Double>(count: X.rows, zeroed: false)
    try detector.score(X, call: call, into: scores.base)
    var first = 0
    for rows in batches {
      let stop = withExtendedLifetime(scores) {
        take(scores.base + first, Int64(first), Int64(rows), context)
      }
      if stop != 0 { throw DetectionError(.cancelled, "cancelled by the scores callback") }
      first += rows
    }
  }
}
