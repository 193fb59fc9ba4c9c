import CPynomaly

/// A detector's place in the library's ranking.
struct Selection {
  let detector: String
  let fits: Bool
  let isMeasured: Bool
  let fitSeconds: Double
  let scoreSeconds: Double
  let rowSeconds: Double
  let memory: Double
  let rocAUC: Double
  let averagePrecision: Double
  let reason: String

  private init(_ c: pyn_selection) {
    detector = libraryString(c.detector)
    fits = c.fits != 0
    isMeasured = c.measured != 0
    fitSeconds = c.fit_seconds
    scoreSeconds = c.score_seconds
    rowSeconds = c.score_row_seconds
    memory = c.memory_bytes
    rocAUC = c.roc_auc
    averagePrecision = c.average_precision
    reason = withUnsafeBytes(of: c.reason) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  static func ranked(_ request: pyn_selection_request) throws -> [Selection] {
    var request = request
    request.struct_size = MemoryLayout<pyn_selection_request>.stride
    var count: Int64 = 0
    try callLibrary { pyn_select_detector(&request, nil, 0, &count, $0) }
    var empty = pyn_selection()
    empty.struct_size = MemoryLayout<pyn_selection>.stride
    var found = [pyn_selection](repeating: empty, count: Int(count))
    try callLibrary { pyn_select_detector(&request, &found, count, &count, $0) }
    return found.map(Selection.init)
  }

  var json: JSON {
    .object([
      ("detector", .string(detector)), ("fits", .bool(fits)), ("measured", .bool(isMeasured)),
      ("fit_seconds", .number(fitSeconds)), ("score_seconds", .number(scoreSeconds)),
      ("score_row_seconds", .number(rowSeconds)), ("memory_bytes", .number(memory)),
      ("roc_auc", .number(rocAUC)), ("average_precision", .number(averagePrecision)),
      ("reason", .string(reason)),
    ])
  }
}
