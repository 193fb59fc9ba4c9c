import CPynomaly
import Tables

/// A detector of the library. Every step goes through the C ABI, as any other program's would.
final class Detector: @unchecked Sendable {
  private let handle: OpaquePointer

  /// For other calls of the library, while this lives.
  var pointer: OpaquePointer { handle }

  private init(_ handle: OpaquePointer) { self.handle = handle }

  deinit { pyn_detector_free(handle) }

  convenience init(name: String) throws {
    try self.init { pyn_detector_create(name, $0, $1) }
  }

  convenience init(modelAt path: String) throws {
    try self.init { pyn_detector_load_file(path, $0, $1) }
  }

  convenience init(
    _ make: (UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<pyn_error>) -> pyn_status
  ) throws {
    var made: OpaquePointer?
    try callLibrary { make(&made, $0) }
    guard let made else {
      throw LibraryError(
        status: pyn_status(PYN_ERROR_INTERNAL), message: "the library made no detector", row: -1,
        column: -1)
    }
    self.init(made)
  }

  var name: String { libraryString(pyn_detector_get_name(handle)) }

  /// Whether it has partial_fit, and so learns from every row of a stream; with detectors that an option
  /// holds, whether they have it, too.
  var learnsInParts: Bool {
    guard Detector.learnsInParts(name) else { return false }
    let known = Set(DetectorDescription.names)
    return ["detector", "detectors"].allSatisfy { held in
      guard case .string(let text) = option(held) else { return true }
      return DetectorDescription.words(of: text).allSatisfy {
        !known.contains($0) || Detector.learnsInParts($0)
      }
    }
  }

  private static func learnsInParts(_ name: String) -> Bool {
    var info = pyn_detector_info()
    info.struct_size = MemoryLayout<pyn_detector_info>.stride
    guard (try? callLibrary { pyn_detector_get_info(name, &info, $0) }) != nil else { return false }
    return info.capabilities & Int64(PYN_CAPABILITY_PARTIAL_FIT) != 0
  }

  func set(_ option: String, text: String) throws {
    try callLibrary { pyn_detector_set_text(handle, option, text, $0) }
  }

  /// The option's value, or nil when the detector has none of that name.
  func option(_ name: String) -> OptionValue? {
    var value = pyn_value()
    value.struct_size = MemoryLayout<pyn_value>.stride
    guard (try? callLibrary { pyn_detector_get_option(handle, name, &value, $0) }) != nil else {
      return nil
    }
    return OptionValue(value)
  }

  /// Takes over the stream.
  func fit(_ stream: inout ArrowArrayStream, _ session: Session, threads: Int) throws {
    try withCall(session, threads: threads) { call in
      try callLibrary { pyn_detector_fit_stream(handle, &stream, call, $0) }
    }
  }

  /// Writes the score of each row to the chunk.
  func score(_ chunk: Chunk, _ session: Session, threads: Int) throws {
    var rows = matrix(chunk)
    try withCall(session, threads: threads) { call in
      try callLibrary {
        pyn_detector_score(handle, &rows, call, chunk.scores, rows.rows, $0)
      }
    }
  }

  /// Whether rows are the steps of a series, which only as a whole can be scored.
  var readsSeries: Bool { pyn_detector_reads_series(handle) == 1 }

  /// The rows where the discords of the series that was fitted begin, and their scores; nil when the detector
  /// finds none.
  var discords: [Int: Double]? {
    guard let count = fitted("n_discords") else { return nil }
    var found: [Int: Double] = [:]
    for number in 0..<Int(count) {
      if let row = fitted("discord_\(number)") {
        found[Int(row)] = fitted("discord_\(number)_score")
      }
    }
    return found
  }

  private func fitted(_ name: String) -> Double? {
    var value = 0.0
    guard (try? callLibrary { pyn_detector_get_fitted(handle, name, &value, $0) }) != nil else {
      return nil
    }
    return value
  }

  /// The scores of row-major rows.
  func score(_ values: [Double], columns: Int, _ session: Session) throws -> [Double] {
    var scores = [Double](repeating: 0, count: values.count / max(1, columns))
    guard !scores.isEmpty else { return scores }
    try values.withUnsafeBufferPointer { values in
      var rows = matrix(values, columns: columns)
      try withCall(session, threads: session.threads) { call in
        try callLibrary {
          pyn_detector_score(handle, &rows, call, &scores, rows.rows, $0)
        }
      }
    }
    return scores
  }

  private func matrix(_ values: UnsafeBufferPointer<Double>, columns: Int) -> pyn_matrix {
    var rows = pyn_matrix()
    rows.struct_size = MemoryLayout<pyn_matrix>.stride
    rows.data = UnsafeRawPointer(values.baseAddress)
    rows.dtype = Int32(PYN_FLOAT64)
    rows.rows = Int64(values.count / columns)
    rows.columns = Int64(columns)
    rows.row_stride = Int64(columns * 8)
    rows.column_stride = 8
    return rows
  }

  /// Shares of the features in the scores of row-major rows.
  func explain(_ values: [Double], columns: Int) throws -> [Double] {
    var shares = [Double](repeating: 0, count: values.count)
    guard columns > 0, !values.isEmpty else { return shares }
    try values.withUnsafeBufferPointer { values in
      var rows = matrix(values, columns: columns)
      try callLibrary {
        pyn_detector_explain(handle, &rows, nil, &shares, Int64(values.count), $0)
      }
    }
    return shares
  }

  var threshold: Double {
    get throws {
      var value = 0.0
      try callLibrary { pyn_detector_get_threshold(handle, &value, $0) }
      return value
    }
  }

  func setThreshold(_ value: Double) throws {
    try callLibrary { pyn_detector_set_threshold(handle, value, $0) }
  }

  var featureCount: Int {
    get throws {
      var count: Int64 = 0
      try callLibrary { pyn_detector_get_feature_count(handle, &count, $0) }
      return Int(count)
    }
  }

  /// The names that the model keeps, or nil when it keeps none.
  var featureNames: [String]? {
    get throws {
      var names: [String] = []
      for index in 0..<(try featureCount) {
        guard let name = pyn_detector_get_feature_name(handle, Int64(index)) else { return nil }
        names.append(libraryString(name))
      }
      return names
    }
  }

  func save(to path: String) throws {
    try callLibrary { pyn_detector_save_file(handle, path, $0) }
  }

  private func matrix(_ chunk: Chunk) -> pyn_matrix {
    var rows = pyn_matrix()
    rows.struct_size = MemoryLayout<pyn_matrix>.stride
    rows.data = UnsafeRawPointer(chunk.values)
    rows.dtype = Int32(PYN_FLOAT64)
    rows.rows = Int64(chunk.rows)
    rows.columns = Int64(chunk.columns)
    rows.row_stride = 8
    rows.column_stride = Int64(chunk.stride * 8)
    return rows
  }

  /// The call's settings: so many threads, and an end when the user asks for it.
  private func withCall(
    _ session: Session, threads: Int, _ body: (UnsafePointer<pyn_call>) throws -> Void
  ) throws {
    var call = pyn_call()
    call.struct_size = MemoryLayout<pyn_call>.stride
    call.threads = Int32(clamping: threads)
    call.progress = { fraction, stage, context in
      guard let context else { return 0 }
      let session = Unmanaged<Session>.fromOpaque(context).takeUnretainedValue()
      return session.isInterrupted ? 1 : 0
    }
    call.progress_context = Unmanaged.passUnretained(session).toOpaque()
    try withExtendedLifetime(session) { try body(&call) }
  }
}

/// Area under the ROC curve and average precision, or why there are none.
enum Measure {
  static func rocAUC(_ scores: [Double], _ labels: [Int32]) throws -> Double {
    var value = 0.0
    try callLibrary { pyn_roc_auc(scores, labels, Int64(scores.count), &value, $0) }
    return value
  }

  static func averagePrecision(_ scores: [Double], _ labels: [Int32]) throws -> Double {
    var value = 0.0
    try callLibrary { pyn_average_precision(scores, labels, Int64(scores.count), &value, $0) }
    return value
  }
}
