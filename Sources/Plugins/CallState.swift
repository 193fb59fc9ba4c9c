import CKernels
import CPlugins
import CPynomaly
import Detection
import Glibc

/// What stands behind a pyn_plugin_call: one call of a plugin's function under way. It lives on the host's stack
/// for as long as the function runs.
struct CallState {
  private let call: Call
  private let teller: ProgressTeller?
  /// Where in the whole call this part lies, as fractions.
  private let span: ClosedRange<Double>
  /// Set by whichever part learns that the user wants to stop; nil where the call is one part.
  private let stopped: UnsafeMutablePointer<Int64>?
  private let isCallingThread: Bool
  /// What the first row of this part is in the whole.
  private let firstRow: Int
  /// How many threads the plugin may use in this part.
  let threads: Int32

  private var lock = pthread_mutex_t()
  private var failure: DetectionError?
  private(set) var wasCancelled = false
  /// What was told of this call last.
  private var told = 0.0
  var writer: ModelWriter?

  init(
    _ call: Call, teller: ProgressTeller? = nil, span: ClosedRange<Double> = 0...1,
    stopped: UnsafeMutablePointer<Int64>? = nil, isCallingThread: Bool = true, firstRow: Int = 0,
    threads: Int? = nil
  ) {
    self.threads = Int32(clamping: threads ?? call.threads)
    self.call = call
    self.teller = teller
    self.span = span
    self.stopped = stopped
    self.isCallingThread = isCallingThread
    self.firstRow = firstRow
  }

  static func of(_ pointer: OpaquePointer?) -> UnsafeMutablePointer<CallState>? {
    pointer.map { UnsafeMutablePointer<CallState>($0) }
  }

  // MARK: what the host's functions do

  mutating func fail(
    _ status: pyn_status, _ row: Int64, _ column: Int64, _ message: UnsafePointer<CChar>?
  ) -> pyn_status {
    let known = Status(rawValue: status).flatMap { $0 == .ok ? nil : $0 } ?? .plugin
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    if failure == nil {
      let text = message.map {
        String(decoding: UnsafeRawBufferPointer(start: $0, count: strnlen($0, 4096)), as: UTF8.self)
      }
      let place = row >= 0 && row < 1 << 48 ? Int(row) + firstRow : nil
      failure = DetectionError(
        known, text ?? "", row: place, column: column >= 0 ? Int(column) : nil)
    }
    return known.rawValue
  }

  /// Whether to stop.
  mutating func progress(_ fraction: Double) -> Bool {
    if let stopped, ck_load(stopped) != 0 {
      wasCancelled = true
      return true
    }
    guard isCallingThread, let teller, !wasCancelled else { return wasCancelled }
    let share = fraction.isFinite ? min(max(fraction, 0), 1) : 0
    told = max(told, span.lowerBound + share * (span.upperBound - span.lowerBound))
    if !teller.tell(told) {
      wasCancelled = true
      if let stopped { ck_store(stopped, 1) }
    }
    return wasCancelled
  }

  mutating func write(_ data: UnsafeRawPointer?, _ size: Int) -> pyn_status {
    guard writer != nil else {
      return fail(Status.notSupported.rawValue, -1, -1, "host->write works in save only")
    }
    guard size != 0 else { return Status.ok.rawValue }
    guard let data else { return Status.nullArgument.rawValue }
    guard size > 0, size < 1 << 48 else {
      return fail(Status.invalidArgument.rawValue, -1, -1, "host->write of more bytes than there can be")
    }
    do throws(DetectionError) {
      try writer?.write(bytes: UnsafeRawBufferPointer(start: data, count: size))
      return Status.ok.rawValue
    } catch {
      return error.message.withCString { fail(error.status.rawValue, -1, -1, $0) }
    }
  }

  // MARK: parts

  /// After a part of the rows: tell how far that is; throws when the user wants to stop.
  mutating func finishPart() throws(DetectionError) {
    if progress(1) { throw .cancelled }
  }

  /// Where a loop lies in this call: from what was told last, most of the way to the end, so that several loops
  /// follow each other.
  fileprivate var loopSpan: ClosedRange<Double> {
    let from = max(told, span.lowerBound)
    return from...(from + 0.8 * max(0, span.upperBound - from))
  }

  /// The same call on one chunk of host->parallel_for.
  fileprivate func part(
    worker: Int, span: ClosedRange<Double>, stopped own: UnsafeMutablePointer<Int64>
  ) -> CallState {
    let isCaller = isCallingThread && worker == 0
    return CallState(
      call, teller: isCaller ? teller : nil, span: span, stopped: stopped ?? own,
      isCallingThread: isCaller, firstRow: firstRow, threads: 1)
  }

  /// After a loop.
  fileprivate mutating func finishLoop(at fraction: Double) { told = max(told, fraction) }

  fileprivate mutating func take(_ failure: DetectionError) -> pyn_status {
    if failure.status == .cancelled { wasCancelled = true }
    pthread_mutex_lock(&lock)
    if self.failure == nil { self.failure = failure }
    pthread_mutex_unlock(&lock)
    return failure.status.rawValue
  }

  // MARK: what became of it

  /// Turn what a plugin's function returned into an error, where it is one.
  @inline(__always)
  func check(
    _ status: pyn_status, _ thrown: cplugins_exception, _ detector: @autoclosure () -> String,
    _ function: StaticString
  ) throws(DetectionError) {
    if status == Status.ok.rawValue, !wasCancelled { return }
    throw error(status, thrown, detector(), function)
  }

  @inline(never)
  private func error(
    _ status: pyn_status, _ thrown: cplugins_exception, _ detector: String, _ function: StaticString
  ) -> DetectionError {
    if wasCancelled { return .cancelled }
    if status == Status.ok.rawValue { return DetectionError(.internalFault, "no failure") }
    let detector = detector.isEmpty ? "" : "\(detector): "
    if status == Int32(CPLUGINS_THREW) {
      return DetectionError(
        .plugin, "\(detector)\(function) threw a C++ exception: \(thrown.words)")
    }
    if status == Status.cancelled.rawValue {
      return DetectionError(
        .plugin, "\(detector)\(function) says it was cancelled, but nobody asked for that")
    }
    if var failure, Status(rawValue: status) != nil {
      if failure.message.isEmpty { failure.message = "\(function) failed and did not say why" }
      failure.message = detector + failure.message
      return failure
    }
    switch Status(rawValue: status) {
    case .outOfMemory: return DetectionError(.outOfMemory, "\(detector)\(function) had too little memory")
    case let known?: return DetectionError(known, "\(detector)\(function) failed and did not say why")
    case nil:
      return DetectionError(.plugin, "\(detector)\(function) returned \(status), which is no status")
    }
  }
}

extension cplugins_exception {
  var words: String {
    withUnsafeBytes(of: what) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

/// host->parallel_for.
func parallelFor(
  _ state: UnsafeMutablePointer<CallState>, _ chunks: Int64, _ body: @escaping pyn_plugin_chunk,
  _ context: UnsafeMutableRawPointer?
) -> pyn_status {
  guard chunks > 0 else { return Status.ok.rawValue }
  guard chunks <= 1 << 48 else { return Status.invalidArgument.rawValue }
  // A copy: others may fail the call meanwhile.
  let call = state.pointee
  let loop = call.loopSpan
  let width = loop.upperBound - loop.lowerBound
  var stopped: Int64 = 0
  return withUnsafeMutablePointer(to: &stopped) { stopped in
    do throws(DetectionError) {
      try forEachChunk(Int(chunks), threads: Int(call.threads), teller: nil) {
        (chunk, worker) throws(DetectionError) in
        let first = loop.lowerBound + width * (Double(chunk) / Double(chunks))
        let last = loop.lowerBound + width * (Double(chunk + 1) / Double(chunks))
        var part = call.part(worker: worker, span: first...max(first, last), stopped: stopped)
        var thrown = cplugins_exception()
        let status = withUnsafeMutablePointer(to: &part) {
          cplugins_chunk(
            body, OpaquePointer($0), Int64(chunk), Int32(worker), context, &thrown)
        }
        try part.check(status, thrown, "", "a chunk of parallel_for")
        try part.finishPart()
      }
      state.pointee.finishLoop(at: loop.upperBound)
      return Status.ok.rawValue
    } catch {
      return state.pointee.take(error)
    }
  }
}
