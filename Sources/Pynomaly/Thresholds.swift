import CPynomaly
import Detection

@_cdecl("pyn_detector_get_threshold") @implementation
public func pyn_detector_get_threshold(
  _ detector: OpaquePointer?, _ threshold: UnsafeMutablePointer<Double>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let detector = try handle(detector).detector
    let target = try required(threshold, "threshold")
    _ = try detector.fittedModel()
    target.pointee = detector.threshold
  }
}

@_cdecl("pyn_detector_set_threshold") @implementation
public func pyn_detector_set_threshold(
  _ detector: OpaquePointer?, _ threshold: Double, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    try handle(detector).detector.setThreshold(threshold)
  }
}

@_cdecl("pyn_threshold_from_scores") @implementation
public func pyn_threshold_from_scores(
  _ scores: UnsafePointer<Double>?, _ count: Int64, _ rule: UnsafePointer<pyn_threshold_rule>?,
  _ threshold: UnsafeMutablePointer<pyn_threshold>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let rule = try checked(rule)
    let target = try checked(threshold)
    tell(try rule.threshold(of: array(scores, count, "scores")), to: target)
  }
}

@_cdecl("pyn_threshold_rule_from_text") @implementation
public func pyn_threshold_rule_from_text(
  _ string: UnsafePointer<CChar>?, _ rule: UnsafeMutablePointer<pyn_threshold_rule>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let text = try text(string, "text")
    let target = try required(rule, "rule")
    try check(
      structSize: target.pointee.struct_size, atLeast: MemoryLayout<pyn_threshold_rule>.size,
      "pyn_threshold_rule")
    let found = try ThresholdRule(text: text)
    target.pointee.method = found.method.rawValue
    target.pointee.parameter = found.parameter
    target.pointee.initial_quantile = found.initialQuantile
  }
}

@_cdecl("pyn_detector_set_threshold_by") @implementation
public func pyn_detector_set_threshold_by(
  _ detector: OpaquePointer?, _ rule: UnsafePointer<pyn_threshold_rule>?,
  _ scores: UnsafePointer<Double>?, _ count: Int64,
  _ threshold: UnsafeMutablePointer<pyn_threshold>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let detector = try handle(detector).detector
    let rule = try checked(rule)
    if let threshold { _ = try checked(threshold) }
    let found = try detector.setThreshold(
      by: rule, scores: scores == nil ? nil : array(scores, count, "scores"))
    if let threshold { tell(found, to: threshold) }
  }
}

private func checked(
  _ rule: UnsafePointer<pyn_threshold_rule>?
) throws(DetectionError) -> ThresholdRule {
  let source = try required(rule, "rule")
  try check(
    structSize: source.pointee.struct_size, atLeast: MemoryLayout<pyn_threshold_rule>.size,
    "pyn_threshold_rule")
  let rule = source.pointee
  guard let method = ThresholdRule.Method(rawValue: rule.method) else {
    throw DetectionError(
      .invalidArgument, "there is no threshold method \(rule.method); allowed are 0 to 4")
  }
  return try ThresholdRule(
    method, parameter: rule.parameter, initialQuantile: rule.initial_quantile)
}

private func checked(
  _ threshold: UnsafeMutablePointer<pyn_threshold>?
) throws(DetectionError) -> UnsafeMutablePointer<pyn_threshold> {
  let threshold = try required(threshold, "threshold")
  try check(
    structSize: threshold.pointee.struct_size, atLeast: MemoryLayout<pyn_threshold>.size,
    "pyn_threshold")
  return threshold
}

private func tell(_ found: FoundThreshold, to target: UnsafeMutablePointer<pyn_threshold>) {
  target.pointee.value = found.value
  target.pointee.count = Int64(found.count)
  target.pointee.exceeding = Int64(found.exceeding)
  target.pointee.initial_threshold = found.initialThreshold
  target.pointee.peak_count = Int64(found.peaks)
  target.pointee.shape = found.tail.shape
  target.pointee.scale = found.tail.scale
  target.pointee.log_likelihood = found.logLikelihood
}

/// So many values of the caller's.
func array<Value>(
  _ start: UnsafePointer<Value>?, _ count: Int64, _ name: StaticString
) throws(DetectionError) -> UnsafeBufferPointer<Value> {
  guard let number = Int(exactly: count), number >= 0 else {
    throw DetectionError(.invalidArgument, "count is \(count); allowed are 0 and more")
  }
  return UnsafeBufferPointer(start: try required(start, name), count: number)
}
