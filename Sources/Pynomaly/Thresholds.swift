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
