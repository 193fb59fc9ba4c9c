import CPynomaly
import Detection

/// How the caller wants this call made.
func call(_ pointer: UnsafePointer<pyn_call>?) throws(DetectionError) -> Call {
  guard let pointer else { return Call() }
  let fields = try fields(pointer)
  guard fields.threads >= 0 else {
    throw DetectionError(
      .invalidArgument, "threads is \(fields.threads); allowed are 0 (the limit) and more")
  }
  guard let callback = fields.progress else { return Call(threads: Int(fields.threads)) }
  return Call(threads: Int(fields.threads)) { fraction, stage in
    callback(fraction, cString(stage), fields.progress_context) == 0
  }
}

/// The caller's structure; members that an earlier header did not have are as if not given.
private func fields(_ pointer: UnsafePointer<pyn_call>) throws(DetectionError) -> pyn_call {
  let size = pointer.pointer(to: \.struct_size)?.pointee ?? 0
  try check(structSize: size, atLeast: FirstSize.call, "pyn_call")
  var fields = pyn_call()
  withUnsafeMutableBytes(of: &fields) { target in
    target.copyMemory(
      from: UnsafeRawBufferPointer(start: pointer, count: min(size, target.count)))
  }
  return fields
}

/// What the caller gives to learn from.
func training(
  _ X: UnsafePointer<pyn_matrix>?, _ pointer: UnsafePointer<pyn_call>?
) throws(DetectionError) -> Training {
  let X = try matrix(X)
  guard let pointer else { return Training(X) }
  let fields = try fields(pointer)
  return Training(
    X, weights: try array(fields.sample_weight, fields.sample_weight_count, "sample_weight_count"),
    labels: try array(fields.labels, fields.label_count, "label_count"))
}

private func array<Element>(
  _ start: UnsafePointer<Element>?, _ count: Int64, _ name: StaticString
) throws(DetectionError) -> UnsafeBufferPointer<Element>? {
  guard let start else { return nil }
  guard let count = Int(exactly: count), count >= 0 else {
    throw DetectionError(.invalidArgument, "\(name) is \(count); allowed are 0 and more")
  }
  return UnsafeBufferPointer(start: start, count: count)
}

@_cdecl("pyn_detector_fit") @implementation
public func pyn_detector_fit(
  _ detector: OpaquePointer?, _ X: UnsafePointer<pyn_matrix>?,
  _ options: UnsafePointer<pyn_call>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    let call = try call(options)
    try labelled(handle) { () throws(DetectionError) in
      try handle.detector.fit(training(X, options), call: call)
    }
    handle.refreshFeatureNames()
  }
}

@_cdecl("pyn_detector_partial_fit") @implementation
public func pyn_detector_partial_fit(
  _ detector: OpaquePointer?, _ X: UnsafePointer<pyn_matrix>?,
  _ options: UnsafePointer<pyn_call>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    let call = try call(options)
    try labelled(handle) { () throws(DetectionError) in
      try handle.detector.partialFit(training(X, options), call: call)
    }
  }
}
