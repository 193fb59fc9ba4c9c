import ArgumentParser
import CPynomaly

/// How scores become probabilities; raw values are the words of the command line.
enum CalibrationMethod: String, CaseIterable, ExpressibleByArgument {
  case linear, gaussian, gamma, tail, logistic, isotonic

  fileprivate var number: Int32 {
    switch self {
    case .linear: Int32(PYN_CALIBRATION_LINEAR)
    case .gaussian: Int32(PYN_CALIBRATION_GAUSSIAN)
    case .gamma: Int32(PYN_CALIBRATION_GAMMA)
    case .tail: Int32(PYN_CALIBRATION_TAIL)
    case .logistic: Int32(PYN_CALIBRATION_LOGISTIC)
    case .isotonic: Int32(PYN_CALIBRATION_ISOTONIC)
    }
  }

  var needsLabels: Bool { self == .logistic || self == .isotonic }
}

/// A curve of the library that turns scores into probabilities.
final class Calibration {
  fileprivate let handle: OpaquePointer

  /// Learn from scores, and from labels where the method needs them.
  init(_ method: CalibrationMethod, scores: [Double], labels: [Int32]) throws {
    var made: OpaquePointer?
    try callLibrary {
      pyn_calibration_create(
        method.number, scores, method.needsLabels ? labels : nil, Int64(scores.count), &made, $0)
    }
    guard let made else {
      throw LibraryError(
        status: pyn_status(PYN_ERROR_INTERNAL), message: "the library made no calibration", row: -1,
        column: -1)
    }
    handle = made
  }

  /// The one that the detector has.
  init?(of detector: Detector) throws {
    var found: OpaquePointer?
    try callLibrary { pyn_detector_get_calibration(detector.pointer, &found, $0) }
    guard let found else { return nil }
    handle = found
  }

  deinit { pyn_calibration_free(handle) }

  var method: CalibrationMethod? {
    var info = pyn_calibration_info()
    info.struct_size = MemoryLayout<pyn_calibration_info>.stride
    guard (try? callLibrary { pyn_calibration_get_info(handle, &info, $0) }) != nil else { return nil }
    return CalibrationMethod.allCases.first { $0.number == info.method }
  }

  func apply(_ scores: UnsafePointer<Double>, count: Int, to probabilities: inout [Double]) throws {
    try callLibrary { pyn_calibration_apply(handle, scores, Int64(count), &probabilities, $0) }
  }
}

extension Detector {
  /// Learn probabilities from the scores of the table's rows, and their labels, in a pass of its own.
  func calibrate(
    by method: CalibrationMethod, _ features: FeatureTable, _ session: Session
  ) throws {
    let (scores, labels) = try scores(of: features, "calibrating", session)
    let calibration = try features.explaining { try Calibration(method, scores: scores, labels: labels) }
    try callLibrary { pyn_detector_set_calibration(pointer, calibration.handle, $0) }
  }
}
