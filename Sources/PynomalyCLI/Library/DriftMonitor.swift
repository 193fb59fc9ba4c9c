import CPynomaly
import Tables

/// A drift monitor of the library.
final class DriftMonitor {
  struct Options {
    var alpha = 0.05
    var window = 1000
    var step = 0
    var isHolm = true
    /// The level is that of each look, not of all together.
    var eachLook = false
  }

  private let handle: OpaquePointer

  init(_ reference: RowSample, _ options: Options) throws {
    var given = pyn_drift_options()
    given.struct_size = MemoryLayout<pyn_drift_options>.stride
    given.alpha = options.alpha
    given.window = Int64(options.window)
    given.step = Int64(options.step)
    given.reference_rows = Int64(RowSample.limit)
    given.correction = Int32(options.isHolm ? PYN_DRIFT_HOLM : PYN_DRIFT_BENJAMINI_HOCHBERG)
    given.spending = Int32(options.eachLook ? PYN_DRIFT_EACH_LOOK : PYN_DRIFT_LIFETIME)
    var made: OpaquePointer?
    try reference.withMatrix { rows, scores in
      try callLibrary {
        pyn_drift_create(&rows, scores, scores == nil ? 0 : rows.rows, &given, &made, $0)
      }
    }
    guard let made else {
      throw LibraryError(
        status: pyn_status(PYN_ERROR_INTERNAL), message: "the library made no drift monitor", row: -1,
        column: -1)
    }
    handle = made
  }

  deinit { pyn_drift_free(handle) }

  func update(_ sample: RowSample, _ session: Session) throws {
    try sample.withMatrix { rows, scores in try update(&rows, scores, session) }
  }

  func update(_ chunk: Chunk, hasScores: Bool, _ session: Session) throws {
    var rows = pyn_matrix()
    rows.struct_size = MemoryLayout<pyn_matrix>.stride
    rows.data = UnsafeRawPointer(chunk.values)
    rows.dtype = Int32(PYN_FLOAT64)
    rows.rows = Int64(chunk.rows)
    rows.columns = Int64(chunk.columns)
    rows.row_stride = 8
    rows.column_stride = Int64(chunk.stride * 8)
    try update(&rows, hasScores ? UnsafePointer(chunk.scores) : nil, session)
  }

  private func update(
    _ rows: inout pyn_matrix, _ scores: UnsafePointer<Double>?, _ session: Session
  ) throws {
    var call = pyn_call()
    call.struct_size = MemoryLayout<pyn_call>.stride
    call.threads = Int32(clamping: session.threads)
    call.progress = { _, _, context in
      guard let context else { return 0 }
      return Unmanaged<Session>.fromOpaque(context).takeUnretainedValue().isInterrupted ? 1 : 0
    }
    call.progress_context = Unmanaged.passUnretained(session).toOpaque()
    try withExtendedLifetime(session) {
      try callLibrary {
        pyn_drift_update(handle, &rows, scores, scores == nil ? 0 : rows.rows, &call, $0)
      }
    }
  }

  var report: pyn_drift_report {
    get throws {
      var report = pyn_drift_report()
      report.struct_size = MemoryLayout<pyn_drift_report>.stride
      try callLibrary { pyn_drift_get_report(handle, &report, $0) }
      return report
    }
  }

  var features: [pyn_drift_feature] {
    get throws {
      try (0..<(try report.feature_count)).map { index in
        var feature = pyn_drift_feature()
        feature.struct_size = MemoryLayout<pyn_drift_feature>.stride
        try callLibrary { pyn_drift_get_feature(handle, index, &feature, $0) }
        return feature
      }
    }
  }
}
