import CPynomaly
import Detection

/// Write a value into the caller's structure; `string` keeps a text for it.
private func write(
  _ value: OptionValue, to target: UnsafeMutablePointer<pyn_value>,
  _ string: (String) -> UnsafePointer<CChar>?
) {
  target.pointee.bool_value = 0
  target.pointee.int_value = 0
  target.pointee.double_value = 0
  target.pointee.string_value = nil
  switch value {
  case .int(let number):
    target.pointee.type = Int32(PYN_OPTION_INT)
    target.pointee.int_value = Int64(number)
  case .double(let number):
    target.pointee.type = Int32(PYN_OPTION_DOUBLE)
    target.pointee.double_value = number
  case .bool(let flag):
    target.pointee.type = Int32(PYN_OPTION_BOOL)
    target.pointee.bool_value = flag ? 1 : 0
  case .string(let text):
    target.pointee.type = Int32(PYN_OPTION_STRING)
    target.pointee.string_value = string(text)
  }
}

/// The value that the caller's structure holds.
func optionValue(_ value: pyn_value) throws(DetectionError) -> OptionValue {
  switch value.type {
  case Int32(PYN_OPTION_INT): return .int(Int(value.int_value))
  case Int32(PYN_OPTION_DOUBLE): return .double(value.double_value)
  case Int32(PYN_OPTION_BOOL): return .bool(value.bool_value != 0)
  // Detectors and lists are texts, too; the option's own form says which is allowed.
  case Int32(PYN_OPTION_STRING), Int32(PYN_OPTION_DETECTOR), Int32(PYN_OPTION_DETECTOR_LIST),
    Int32(PYN_OPTION_NUMBER_LIST):
    return .string(try text(value.string_value, "string_value"))
  default:
    throw DetectionError(
      .invalidArgument, "type of pyn_value is \(value.type); allowed are the PYN_OPTION_* numbers")
  }
}

@_cdecl("pyn_detector_get_option_info") @implementation
public func pyn_detector_get_option_info(
  _ name: UnsafePointer<CChar>?, _ index: Int64, _ info: UnsafeMutablePointer<pyn_option_info>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let options = try Registry.find(text(name, "name")).info.options
    let target = try required(info, "info")
    try check(
      structSize: target.pointee.struct_size, atLeast: MemoryLayout<pyn_option_info>.size,
      "pyn_option_info")
    guard index >= 0, index < Int64(options.count) else {
      throw DetectionError(
        .invalidArgument, "there is no option \(index); allowed are 0 to \(options.count - 1)")
    }
    let spec = options[Int(index)]
    target.pointee.name = interned(spec.name)
    target.pointee.description = interned(spec.description)
    target.pointee.allowed = interned(spec.allowed)
    target.pointee.types = Int32(
      (spec.ints != nil ? PYN_OPTION_INT : 0) + (spec.doubles != nil ? PYN_OPTION_DOUBLE : 0)
        + (spec.bools ? PYN_OPTION_BOOL : 0)
        + (spec.choices.isEmpty && spec.form == nil ? 0 : PYN_OPTION_STRING))
    switch spec.form {
    case .detector: target.pointee.types |= Int32(PYN_OPTION_DETECTOR)
    case .detectors: target.pointee.types |= Int32(PYN_OPTION_DETECTOR_LIST)
    case .numbers: target.pointee.types |= Int32(PYN_OPTION_NUMBER_LIST)
    case nil: break
    }
    target.pointee.double_minimum_exclusive = spec.doubles?.minimumExclusive == true ? 1 : 0
    target.pointee.int_minimum = Int64(spec.ints?.lowerBound ?? 0)
    target.pointee.int_maximum = Int64(spec.ints?.upperBound ?? 0)
    target.pointee.double_minimum = spec.doubles?.minimum ?? 0
    target.pointee.double_maximum = spec.doubles?.maximum ?? 0
    target.pointee.choices = internedList(spec.choices)
    target.pointee.choice_count = Int64(spec.choices.count)
    var value = pyn_value()
    value.struct_size = MemoryLayout<pyn_value>.size
    write(spec.defaultValue, to: &value, interned)
    target.pointee.default_value = value
  }
}

private func set(
  _ detector: OpaquePointer?, _ option: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<pyn_error>?, _ value: () throws(DetectionError) -> OptionValue
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    try handle.detector.set(text(option, "option"), value())
  }
}

@_cdecl("pyn_detector_set_int") @implementation
public func pyn_detector_set_int(
  _ detector: OpaquePointer?, _ option: UnsafePointer<CChar>?, _ value: Int64,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  set(detector, option, error) { .int(Int(value)) }
}

@_cdecl("pyn_detector_set_double") @implementation
public func pyn_detector_set_double(
  _ detector: OpaquePointer?, _ option: UnsafePointer<CChar>?, _ value: Double,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  set(detector, option, error) { .double(value) }
}

@_cdecl("pyn_detector_set_bool") @implementation
public func pyn_detector_set_bool(
  _ detector: OpaquePointer?, _ option: UnsafePointer<CChar>?, _ value: Int32,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  set(detector, option, error) { .bool(value != 0) }
}

@_cdecl("pyn_detector_set_string") @implementation
public func pyn_detector_set_string(
  _ detector: OpaquePointer?, _ option: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  set(detector, option, error) { () throws(DetectionError) in .string(try text(value, "value")) }
}

@_cdecl("pyn_detector_set_text") @implementation
public func pyn_detector_set_text(
  _ detector: OpaquePointer?, _ option: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    try handle.detector.set(text(option, "option"), text: text(value, "text"))
  }
}

@_cdecl("pyn_detector_get_option") @implementation
public func pyn_detector_get_option(
  _ detector: OpaquePointer?, _ option: UnsafePointer<CChar>?,
  _ value: UnsafeMutablePointer<pyn_value>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let handle = try handle(detector)
    let name = try text(option, "option")
    let found = try handle.detector.options.value(name)
    let target = try required(value, "value")
    try check(
      structSize: target.pointee.struct_size, atLeast: MemoryLayout<pyn_value>.size, "pyn_value")
    write(found, to: target) { handle.keep($0, option: name) }
  }
}
