import CPynomaly
import Detection

@_cdecl("pyn_detector_get_name") @implementation
public func pyn_detector_get_name(_ detector: OpaquePointer?) -> UnsafePointer<CChar>? {
  (try? handle(detector)).flatMap { interned($0.detector.detectorClass.info.name) }
}

@_cdecl("pyn_detector_is_fitted") @implementation
public func pyn_detector_is_fitted(_ detector: OpaquePointer?) -> Int32 {
  (try? handle(detector))?.detector.model == nil ? 0 : 1
}

@_cdecl("pyn_detector_reads_series") @implementation
public func pyn_detector_reads_series(_ detector: OpaquePointer?) -> Int32 {
  (try? handle(detector))?.detector.readsSeries == true ? 1 : 0
}

@_cdecl("pyn_detector_get_feature_count") @implementation
public func pyn_detector_get_feature_count(
  _ detector: OpaquePointer?, _ count: UnsafeMutablePointer<Int64>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let detector = try handle(detector).detector
    let target = try required(count, "count")
    target.pointee = Int64(try detector.fittedModel().featureCount)
  }
}

@_cdecl("pyn_detector_get_fitted") @implementation
public func pyn_detector_get_fitted(
  _ detector: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ value: UnsafeMutablePointer<Double>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let detector = try handle(detector).detector
    let name = try text(name, "name")
    let target = try required(value, "value")
    let fitted = try detector.fittedModel().fitted
    guard let found = fitted.first(where: { $0.name == name }) else {
      throw DetectionError(
        .invalidArgument,
        "fitting finds no \"\(name)\"; it finds \(fitted.map(\.name).joined(separator: ", "))")
    }
    target.pointee = found.value
  }
}

@_cdecl("pyn_detector_get_training_scores") @implementation
public func pyn_detector_get_training_scores(
  _ detector: OpaquePointer?, _ scores: UnsafeMutablePointer<Double>?, _ count: Int64,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let kept = try handle(detector).detector.trainingScores()
    let target = try check(scores, count: count, needed: kept.count, "scores")
    target.update(from: kept.base, count: kept.count)
  }
}

@_cdecl("pyn_detector_set_feature_names") @implementation
public func pyn_detector_set_feature_names(
  _ detector: OpaquePointer?, _ names: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int64,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    let names = try required(names, "names")
    let featureCount = try handle.detector.fittedModel().featureCount
    guard count == Int64(featureCount) else {
      throw DetectionError(
        .shapeMismatch,
        "\(count) feature names were given; the model has \(featureCount) features")
    }
    var texts: [String] = []
    for index in 0..<featureCount { texts.append(try text(names[index], "a feature name")) }
    try handle.detector.setFeatureNames(texts)
    handle.refreshFeatureNames()
  }
}

@_cdecl("pyn_detector_get_feature_name") @implementation
public func pyn_detector_get_feature_name(
  _ detector: OpaquePointer?, _ index: Int64
) -> UnsafePointer<CChar>? {
  guard let names = (try? handle(detector))?.featureNames, index >= 0, index < Int64(names.count)
  else { return nil }
  return UnsafePointer(names[Int(index)])
}
