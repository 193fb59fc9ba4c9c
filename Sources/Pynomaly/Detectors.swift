import CProfiling
import CPynomaly
import Detection
import Glibc

/// What a pyn_detector pointer stands for: a detector and the C strings handed out with it.
final class DetectorHandle {
  let detector: Detector
  /// Around its work in a profile of this process.
  let label: UnsafePointer<CChar>?
  private(set) var featureNames: [UnsafeMutablePointer<CChar>] = []
  /// Values of options that were asked for.
  private var optionTexts: [String: UnsafeMutablePointer<CChar>] = [:]

  init(_ detector: Detector) {
    self.detector = detector
    label = interned(detector.detectorClass.info.name)
    refreshFeatureNames()
  }

  deinit {
    dropFeatureNames()
    for text in optionTexts.values { free(text) }
  }

  /// An option's text as a C string that lives until another one of that option is asked for.
  func keep(_ text: String, option: String) -> UnsafePointer<CChar>? {
    if let kept = optionTexts[option] {
      if String(cString: kept) == text { return UnsafePointer(kept) }
      free(kept)
    }
    optionTexts[option] = strdup(text)
    return optionTexts[option].map { UnsafePointer($0) }
  }

  func refreshFeatureNames() {
    dropFeatureNames()
    featureNames = detector.featureNames.compactMap { strdup($0) }
  }

  private func dropFeatureNames() {
    for name in featureNames { free(name) }
    featureNames = []
  }

  /// A pointer for the caller, who frees it.
  var retainedPointer: OpaquePointer { OpaquePointer(Unmanaged.passRetained(self).toOpaque()) }
}

@inline(__always)
func handle(_ pointer: OpaquePointer?) throws(DetectionError) -> DetectorHandle {
  let pointer = try required(pointer, "detector")
  return Unmanaged<DetectorHandle>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
}

/// Do the detector's work under a label with its name, which profiles of this process show.
@inline(__always)
func labelled(
  _ handle: DetectorHandle, _ body: () throws(DetectionError) -> Void
) throws(DetectionError) {
  let label = cp_label_callees(handle.label)
  defer { cp_label_pop(label) }
  try body()
}

@_cdecl("pyn_detector_count") @implementation
public func pyn_detector_count() -> Int64 { Int64(Registry.classes.count) }

@_cdecl("pyn_detector_name_at") @implementation
public func pyn_detector_name_at(_ index: Int64) -> UnsafePointer<CChar>? {
  let classes = Registry.classes
  guard index >= 0, index < Int64(classes.count) else { return nil }
  return interned(classes[Int(index)].info.name)
}

@_cdecl("pyn_detector_get_info") @implementation
public func pyn_detector_get_info(
  _ name: UnsafePointer<CChar>?, _ info: UnsafeMutablePointer<pyn_detector_info>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let found = try Registry.find(text(name, "name")).info
    let target = try required(info, "info")
    try check(
      structSize: target.pointee.struct_size, atLeast: FirstSize.detectorInfo, "pyn_detector_info")
    target.pointee.name = interned(found.name)
    target.pointee.description = interned(found.description)
    target.pointee.reference = interned(found.reference)
    target.pointee.capabilities = found.capabilities.rawValue
    target.pointee.option_count = Int64(found.options.count)
    guard target.pointee.struct_size >= MemoryLayout<pyn_detector_info>.size else { return }
    target.pointee.plugin = found.origin.flatMap { interned($0.plugin) }
    target.pointee.version = found.origin.flatMap { interned("\($0.version)") }
  }
}

@_cdecl("pyn_detector_create") @implementation
public func pyn_detector_create(
  _ name: UnsafePointer<CChar>?, _ detector: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(detector, "detector")
    target.pointee = nil
    let found = try Registry.find(text(name, "name"))
    target.pointee = DetectorHandle(Detector(found)).retainedPointer
  }
}

@_cdecl("pyn_detector_copy") @implementation
public func pyn_detector_copy(
  _ detector: OpaquePointer?, _ copy: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(copy, "copy")
    target.pointee = nil
    target.pointee = DetectorHandle(try handle(detector).detector.copy()).retainedPointer
  }
}

@_cdecl("pyn_detector_free") @implementation
public func pyn_detector_free(_ detector: OpaquePointer?) {
  guard let detector else { return }
  Unmanaged<DetectorHandle>.fromOpaque(UnsafeRawPointer(detector)).release()
}
