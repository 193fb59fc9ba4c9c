import CPynomaly
import Detection
import Glibc

/// What a pyn_drift pointer stands for. One thread at a time is at the monitor; others wait.
private final class DriftHandle {
  private let monitor: DriftMonitor
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  init(_ monitor: DriftMonitor) {
    self.monitor = monitor
    lock.initialize(to: pthread_mutex_t())
    var attributes = pthread_mutexattr_t()
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_settype(&attributes, .init(PTHREAD_MUTEX_ERRORCHECK))
    pthread_mutex_init(lock, &attributes)
    pthread_mutexattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  func locked<Result>(
    _ body: (DriftMonitor) throws(DetectionError) -> Result
  ) throws(DetectionError) -> Result {
    guard pthread_mutex_lock(lock) == 0 else {
      throw DetectionError(
        .invalidArgument, "the progress callback of an update cannot use the drift monitor it updates")
    }
    defer { pthread_mutex_unlock(lock) }
    return try body(monitor)
  }
}

private func driftHandle(_ pointer: OpaquePointer?) throws(DetectionError) -> DriftHandle {
  let pointer = try required(pointer, "drift")
  return Unmanaged<DriftHandle>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
}

private func options(
  _ pointer: UnsafePointer<pyn_drift_options>?
) throws(DetectionError) -> DriftOptions {
  var options = DriftOptions()
  guard let pointer else { return options }
  try check(
    structSize: pointer.pointee.struct_size, atLeast: MemoryLayout<pyn_drift_options>.size,
    "pyn_drift_options")
  let given = pointer.pointee
  guard let correction = DriftOptions.Correction(rawValue: given.correction) else {
    throw DetectionError(
      .invalidArgument, "there is no drift correction \(given.correction); allowed are 1 and 2")
  }
  guard let spending = DriftOptions.Spending(rawValue: given.spending) else {
    throw DetectionError(
      .invalidArgument, "there is no drift spending \(given.spending); allowed are 1 and 2")
  }
  options.alpha = given.alpha
  options.window = Int(given.window)
  options.step = Int(given.step == 0 ? given.window : given.step)
  options.referenceRows = Int(given.reference_rows)
  options.seed = UInt64(bitPattern: given.random_state)
  options.correction = correction
  options.spending = spending
  return options
}

@_cdecl("pyn_drift_create") @implementation
public func pyn_drift_create(
  _ reference: UnsafePointer<pyn_matrix>?, _ scores: UnsafePointer<Double>?, _ count: Int64,
  _ given: UnsafePointer<pyn_drift_options>?, _ drift: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(drift, "drift")
    target.pointee = nil
    let monitor = try DriftMonitor(
      matrix(reference), scores: scores == nil ? nil : array(scores, count, "scores"),
      options: options(given))
    target.pointee = OpaquePointer(Unmanaged.passRetained(DriftHandle(monitor)).toOpaque())
  }
}

@_cdecl("pyn_drift_update") @implementation
public func pyn_drift_update(
  _ drift: OpaquePointer?, _ X: UnsafePointer<pyn_matrix>?, _ scores: UnsafePointer<Double>?,
  _ count: Int64, _ options: UnsafePointer<pyn_call>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try driftHandle(drift)
    let (X, call) = (try matrix(X), try call(options))
    let scores = scores == nil ? nil : try array(scores, count, "scores")
    try handle.locked { monitor throws(DetectionError) in
      try monitor.update(X, scores: scores, call: call)
    }
  }
}

@_cdecl("pyn_drift_get_report") @implementation
public func pyn_drift_get_report(
  _ drift: OpaquePointer?, _ report: UnsafeMutablePointer<pyn_drift_report>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try driftHandle(drift)
    let report = try required(report, "report")
    try check(
      structSize: report.pointee.struct_size, atLeast: MemoryLayout<pyn_drift_report>.size,
      "pyn_drift_report")
    try handle.locked { monitor in
      report.pointee.rows = Int64(monitor.rows)
      report.pointee.looks = Int64(monitor.looks)
      report.pointee.level = monitor.level
      report.pointee.drifted_count = Int64(monitor.drifted)
      report.pointee.first_drift = Int64(monitor.firstDrift)
      report.pointee.feature_count = Int64(monitor.findings.count)
      report.pointee.reference_row_count = Int64(monitor.referenceRows)
    }
  }
}

@_cdecl("pyn_drift_get_feature") @implementation
public func pyn_drift_get_feature(
  _ drift: OpaquePointer?, _ index: Int64, _ feature: UnsafeMutablePointer<pyn_drift_feature>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let findings = try driftHandle(drift).locked { $0.findings }
    let feature = try required(feature, "feature")
    try check(
      structSize: feature.pointee.struct_size, atLeast: MemoryLayout<pyn_drift_feature>.size,
      "pyn_drift_feature")
    guard index >= 0, index < Int64(findings.count) else {
      throw DetectionError(
        .invalidArgument, "there is no feature \(index); there are 0 to \(findings.count - 1)")
    }
    let finding = findings[Int(index)]
    feature.pointee.statistic = finding.statistic
    feature.pointee.p_value = finding.pValue
    feature.pointee.adjusted_p_value = finding.adjustedPValue
    feature.pointee.psi = finding.stabilityIndex
    feature.pointee.first_drift = Int64(finding.firstDrift)
    feature.pointee.drifted = finding.isDrifted ? 1 : 0
  }
}

@_cdecl("pyn_drift_save_memory") @implementation
public func pyn_drift_save_memory(
  _ drift: OpaquePointer?, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
  _ size: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try driftHandle(drift)
    let size = try required(size, "size")
    let bytes = try handle.locked { monitor throws(DetectionError) in try monitor.bytes() }
    try copy(bytes, to: buffer, capacity, size)
  }
}

@_cdecl("pyn_drift_load_memory") @implementation
public func pyn_drift_load_memory(
  _ data: UnsafeRawPointer?, _ size: Int, _ drift: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(drift, "drift")
    target.pointee = nil
    let monitor = try DriftMonitor(from: bytes(data, size))
    target.pointee = OpaquePointer(Unmanaged.passRetained(DriftHandle(monitor)).toOpaque())
  }
}

@_cdecl("pyn_drift_free") @implementation
public func pyn_drift_free(_ drift: OpaquePointer?) {
  guard let drift else { return }
  Unmanaged<DriftHandle>.fromOpaque(UnsafeRawPointer(drift)).release()
}

@_cdecl("pyn_kolmogorov_smirnov") @implementation
public func pyn_kolmogorov_smirnov(
  _ first: UnsafePointer<Double>?, _ firstCount: Int64, _ second: UnsafePointer<Double>?,
  _ secondCount: Int64, _ statistic: UnsafeMutablePointer<Double>?,
  _ p_value: UnsafeMutablePointer<Double>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let (statistic, pValue) = (try required(statistic, "statistic"), try required(p_value, "p_value"))
    let found = try KolmogorovSmirnov.test(
      array(first, firstCount, "first"), array(second, secondCount, "second"))
    statistic.pointee = found.statistic
    pValue.pointee = found.pValue
  }
}
