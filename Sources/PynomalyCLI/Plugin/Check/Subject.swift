import CProcesses
import CPynomaly

/// A detector under test. Every step is told to the parent before it is taken.
final class Subject {
  let name: String
  private let handle: OpaquePointer
  private let report: Reporter

  /// Whoever watches a call may end it.
  final class Watch {
    /// Not 0 to cancel.
    var progress: (Double) -> Int32 = { _ in 0 }
    var calls = 0
  }

  private init(_ name: String, _ handle: OpaquePointer, _ report: Reporter) {
    (self.name, self.handle, self.report) = (name, handle, report)
  }

  deinit { pyn_detector_free(handle) }

  convenience init(_ name: String, _ report: Reporter) throws {
    var made: OpaquePointer?
    try callLibrary { pyn_detector_create(name, &made, $0) }
    guard let made else { throw CheckFailure("the library made no detector") }
    self.init(name, made, report)
  }

  /// Loaded from the bytes of a model file.
  convenience init(_ name: String, model: UnsafeRawBufferPointer, _ report: Reporter) throws {
    var made: OpaquePointer?
    try callLibrary { pyn_detector_load_memory(model.baseAddress, model.count, &made, $0) }
    guard let made else { throw CheckFailure("the library made no detector") }
    self.init(name, made, report)
  }

  func set(_ option: String, _ value: OptionValue) throws {
    try callLibrary {
      switch value {
      case .int(let value): pyn_detector_set_int(handle, option, value, $0)
      case .double(let value): pyn_detector_set_double(handle, option, value, $0)
      case .bool(let value): pyn_detector_set_bool(handle, option, value ? 1 : 0, $0)
      case .string(let value): pyn_detector_set_string(handle, option, value, $0)
      }
    }
  }

  func option(_ name: String) throws -> OptionValue {
    var value = pyn_value()
    value.struct_size = MemoryLayout<pyn_value>.stride
    try callLibrary { pyn_detector_get_option(handle, name, &value, $0) }
    return OptionValue(value)
  }

  /// How a fit is made.
  struct Training {
    var threads = 1
    var labels: [Int32]?
    var weights: [Double]?
    var watch: Watch?
    var isPartial = false
  }

  func fit(_ X: TestMatrix, _ training: Training) throws {
    report.step("\(training.isPartial ? "partial_fit" : "fit") on \(X.words)")
    var rows = X.matrix
    try withCall(threads: training.threads, training.watch) { call in
      try withOptional(training.labels) { labels in
        call.labels = labels.baseAddress
        call.label_count = Int64(labels.count)
        try withOptional(training.weights) { weights in
          call.sample_weight = weights.baseAddress
          call.sample_weight_count = Int64(weights.count)
          try callLibrary {
            training.isPartial
              ? pyn_detector_partial_fit(handle, &rows, &call, $0)
              : pyn_detector_fit(handle, &rows, &call, $0)
          }
        }
      }
    }
  }

  func score(_ X: TestMatrix, threads: Int = 1, watch: Watch? = nil) throws -> [Double] {
    report.step("score of \(X.words)")
    return try score(X.matrix, threads: threads, watch: watch)
  }

  /// Without telling.
  func score(_ X: pyn_matrix, threads: Int = 1, watch: Watch? = nil) throws -> [Double] {
    var rows = X
    return try guarded(count: Int(X.rows)) { scores, count in
      try withCall(threads: threads, watch) { call in
        try callLibrary { pyn_detector_score(handle, &rows, &call, scores, count, $0) }
      }
    }
  }

  /// As fast as it goes.
  func score(_ X: inout pyn_matrix, into scores: UnsafeMutablePointer<Double>, count: Int) throws {
    try callLibrary { pyn_detector_score(handle, &X, nil, scores, Int64(count), $0) }
  }

  func explain(_ X: TestMatrix, threads: Int = 1) throws -> [Double] {
    report.step("explain of \(X.words)")
    var rows = X.matrix
    return try guarded(count: X.rows * X.columns) { shares, count in
      try withCall(threads: threads, nil) { call in
        try callLibrary { pyn_detector_explain(handle, &rows, &call, shares, count, $0) }
      }
    }
  }

  func save() throws -> [UInt8] {
    report.step("save")
    var size = 0
    try callLibrary { pyn_detector_save_memory(handle, nil, 0, &size, $0) }
    var bytes = [UInt8](repeating: 0, count: size)
    let room = size
    try callLibrary { error in
      bytes.withUnsafeMutableBytes {
        pyn_detector_save_memory(handle, $0.baseAddress, room, &size, error)
      }
    }
    guard size == room else {
      throw CheckFailure("save wrote \(room) bytes and then \(size): the same model, the same bytes")
    }
    return bytes
  }

  var threshold: Double {
    get throws {
      var value = 0.0
      try callLibrary { pyn_detector_get_threshold(handle, &value, $0) }
      return value
    }
  }

  /// A buffer behind which memory ends.
  private func guarded(
    count: Int, _ body: (UnsafeMutablePointer<Double>, Int64) throws -> Void
  ) throws -> [Double] {
    let unset = [Double](repeating: Subject.unset, count: max(count, 1))
    let copy = unset.withUnsafeBytes { cprocesses_guard($0.baseAddress, $0.count) }
    guard let copy else { throw CheckFailure("no memory for \(count) numbers") }
    defer { cprocesses_unguard(copy, unset.count * 8) }
    let values = copy.bindMemory(to: Double.self, capacity: unset.count)
    try body(values, Int64(count))
    return Array(UnsafeBufferPointer(start: values, count: count))
  }

  /// What the place of a score holds before it is written.
  static let unset = Double(bitPattern: 0x7ff8_dead_beef_0001)

  private func withCall(
    threads: Int, _ watch: Watch?, _ body: (inout pyn_call) throws -> Void
  ) throws {
    var call = pyn_call()
    call.struct_size = MemoryLayout<pyn_call>.stride
    call.threads = Int32(clamping: threads)
    if let watch {
      call.progress = { fraction, _, context in
        guard let context else { return 0 }
        let watch = Unmanaged<Watch>.fromOpaque(context).takeUnretainedValue()
        watch.calls += 1
        return watch.progress(fraction)
      }
      call.progress_context = Unmanaged.passUnretained(watch).toOpaque()
    }
    try withExtendedLifetime(watch) { try body(&call) }
  }

  private func withOptional<Value>(
    _ values: [Value]?, _ body: (UnsafeBufferPointer<Value>) throws -> Void
  ) throws {
    guard let values else { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
    try values.withUnsafeBufferPointer(body)
  }
}
