import CPynomaly
import Detection

@_cdecl("pyn_detector_score") @implementation
public func pyn_detector_score(
  _ detector: OpaquePointer?, _ X: UnsafePointer<pyn_matrix>?,
  _ options: UnsafePointer<pyn_call>?, _ scores: UnsafeMutablePointer<Double>?, _ count: Int64,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    let X = try matrix(X)
    let target = try check(scores, count: count, needed: X.rows, "scores")
    try labelled(handle) { () throws(DetectionError) in
      try handle.detector.score(X, call: call(options), into: target)
    }
  }
}

@_cdecl("pyn_detector_predict") @implementation
public func pyn_detector_predict(
  _ detector: OpaquePointer?, _ X: UnsafePointer<pyn_matrix>?,
  _ options: UnsafePointer<pyn_call>?, _ labels: UnsafeMutablePointer<Int32>?, _ count: Int64,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    let X = try matrix(X)
    let target = try check(labels, count: count, needed: X.rows, "labels")
    try labelled(handle) { () throws(DetectionError) in
      try handle.detector.predict(X, call: call(options), into: target)
    }
  }
}

@_cdecl("pyn_detector_explain") @implementation
public func pyn_detector_explain(
  _ detector: OpaquePointer?, _ X: UnsafePointer<pyn_matrix>?,
  _ options: UnsafePointer<pyn_call>?, _ shares: UnsafeMutablePointer<Double>?, _ count: Int64,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    let X = try matrix(X)
    let (needed, overflow) = X.rows.multipliedReportingOverflow(by: X.columns)
    guard !overflow else {
      throw DetectionError(.invalidData, "\(X.rows) x \(X.columns) shares are too many")
    }
    let target = try check(shares, count: count, needed: needed, "shares")
    try labelled(handle) { () throws(DetectionError) in
      try handle.detector.explain(X, call: call(options), into: target)
    }
  }
}
