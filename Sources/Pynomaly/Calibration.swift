import CPynomaly
import Detection

/// What a pyn_calibration pointer stands for.
private final class CalibrationHandle {
  let calibration: Calibration

  init(_ calibration: Calibration) { self.calibration = calibration }

  var retainedPointer: OpaquePointer { OpaquePointer(Unmanaged.passRetained(self).toOpaque()) }
}

private func calibration(_ pointer: OpaquePointer) -> Calibration {
  Unmanaged<CalibrationHandle>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue().calibration
}

@_cdecl("pyn_calibration_create") @implementation
public func pyn_calibration_create(
  _ method: Int32, _ scores: UnsafePointer<Double>?, _ labels: UnsafePointer<Int32>?, _ count: Int64,
  _ made: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(made, "calibration")
    target.pointee = nil
    guard let method = Calibration.Method(rawValue: method) else {
      throw DetectionError(
        .invalidArgument, "there is no calibration method \(method); allowed are 1 to 6")
    }
    let found = try Calibration(
      method, scores: array(scores, count, "scores"),
      labels: labels == nil ? nil : array(labels, count, "labels"))
    target.pointee = CalibrationHandle(found).retainedPointer
  }
}

@_cdecl("pyn_calibration_apply") @implementation
public func pyn_calibration_apply(
  _ pointer: OpaquePointer?, _ scores: UnsafePointer<Double>?, _ count: Int64,
  _ probabilities: UnsafeMutablePointer<Double>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let pointer = try required(pointer, "calibration")
    let scores = try array(scores, count, "scores")
    try calibration(pointer).apply(scores, into: required(probabilities, "probabilities"))
  }
}

@_cdecl("pyn_calibration_get_info") @implementation
public func pyn_calibration_get_info(
  _ pointer: OpaquePointer?, _ info: UnsafeMutablePointer<pyn_calibration_info>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let pointer = try required(pointer, "calibration")
    let info = try required(info, "info")
    try check(
      structSize: info.pointee.struct_size, atLeast: MemoryLayout<pyn_calibration_info>.size,
      "pyn_calibration_info")
    let calibration = calibration(pointer)
    let parameters = calibration.parameters
    info.pointee.method = calibration.method.rawValue
    info.pointee.location = parameters.location
    info.pointee.scale = parameters.scale
    info.pointee.shape = parameters.shape
    info.pointee.slope = parameters.slope
    info.pointee.intercept = parameters.intercept
    info.pointee.knot_count = Int64(calibration.knots.count)
  }
}

@_cdecl("pyn_calibration_free") @implementation
public func pyn_calibration_free(_ pointer: OpaquePointer?) {
  guard let pointer else { return }
  Unmanaged<CalibrationHandle>.fromOpaque(UnsafeRawPointer(pointer)).release()
}

@_cdecl("pyn_detector_set_calibration") @implementation
public func pyn_detector_set_calibration(
  _ detector: OpaquePointer?, _ pointer: OpaquePointer?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    try handle(detector).detector.setCalibration(pointer.map { calibration($0) })
  }
}

@_cdecl("pyn_detector_get_calibration") @implementation
public func pyn_detector_get_calibration(
  _ detector: OpaquePointer?, _ made: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(made, "calibration")
    target.pointee = nil
    let detector = try handle(detector).detector
    _ = try detector.fittedModel()
    target.pointee = detector.calibration.map { CalibrationHandle($0).retainedPointer }
  }
}

@_cdecl("pyn_detector_predict_probability") @implementation
public func pyn_detector_predict_probability(
  _ detector: OpaquePointer?, _ X: UnsafePointer<pyn_matrix>?,
  _ options: UnsafePointer<pyn_call>?, _ probabilities: UnsafeMutablePointer<Double>?,
  _ count: Int64, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    let X = try matrix(X)
    let target = try check(probabilities, count: count, needed: X.rows, "probabilities")
    try labelled(handle) { () throws(DetectionError) in
      try handle.detector.predictProbability(X, call: call(options), into: target)
    }
  }
}
