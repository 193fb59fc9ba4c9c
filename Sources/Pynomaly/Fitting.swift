import CPynomaly
import Detection

/// How the caller wants this call made.
func call(_ pointer: UnsafePointer<pyn_call>?) throws(DetectionError) -> Call {
  guard let pointer else { return Call() }
  try check(
    structSize: pointer.pointee.struct_size, atLeast: MemoryLayout<pyn_call>.size, "pyn_call")
  let fields = pointer.pointee
  guard fields.threads >= 0 else {
    throw DetectionError(
      .invalidArgument, "threads is \(fields.threads); allowed are 0 (the limit) and more")
  }
  guard let callback = fields.progress else { return Call(threads: Int(fields.threads)) }
  return Call(threads: Int(fields.threads)) { fraction, stage in
    callback(fraction, cString(stage), fields.progress_context) == 0
  }
}

private func weights(
  _ pointer: UnsafePointer<pyn_call>?
) throws(DetectionError) -> UnsafeBufferPointer<Double>? {
  guard let fields = pointer?.pointee, let weights = fields.sample_weight else { return nil }
  guard let count = Int(exactly: fields.sample_weight_count), count >= 0 else {
    throw DetectionError(
      .invalidArgument, "sample_weight_count is \(fields.sample_weight_count)")
  }
  return UnsafeBufferPointer(start: weights, count: count)
}

@_cdecl("pyn_detector_fit") @implementation
public func pyn_detector_fit(
  _ detector: OpaquePointer?, _ X: UnsafePointer<pyn_matrix>?,
  _ options: UnsafePointer<pyn_call>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    let call = try call(options)
    try handle.detector.fit(matrix(X), weights: weights(options), call: call)
    handle.refreshFeatureNames()
  }
}
