import CPynomaly

/// The detectors of the library, as it tells them itself: nothing about them is written down here.
struct DetectorDescription {
  var name: String
  var description: String
  var reference: String
  var capabilities: [String]
  var options: [OptionDescription]
  /// The plugin it is of and its version; nil for a built-in one.
  var plugin: String?
  var version: String?

  static var names: [String] {
    (0..<pyn_detector_count()).map { libraryString(pyn_detector_name_at($0)) }
  }

  /// What may be names in an option's text, in their order.
  static func words(of text: String) -> [String] {
    text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
  }

  init(name: String) throws {
    var info = pyn_detector_info()
    info.struct_size = MemoryLayout<pyn_detector_info>.stride
    try callLibrary { pyn_detector_get_info(name, &info, $0) }
    self.name = libraryString(info.name)
    description = libraryString(info.description)
    reference = libraryString(info.reference)
    let known = [
      (PYN_CAPABILITY_EXPLAIN, "explain"), (PYN_CAPABILITY_SAMPLE_WEIGHT, "sample_weight"),
      (PYN_CAPABILITY_MISSING_VALUES, "missing_values"), (PYN_CAPABILITY_WARM_START, "warm_start"),
      (PYN_CAPABILITY_PARTIAL_FIT, "partial_fit"), (PYN_CAPABILITY_NEEDS_LABELS, "needs_labels"),
      (PYN_CAPABILITY_SERIES, "series"),
    ]
    capabilities = known.filter { info.capabilities & Int64($0.0) != 0 }.map(\.1)
    plugin = info.plugin.map { libraryString($0) }
    version = info.version.map { libraryString($0) }
    options = try (0..<info.option_count).map { try OptionDescription(detector: name, index: $0) }
  }
}

/// One option of a detector.
struct OptionDescription {
  var name: String
  var description: String
  var allowed: String
  var types: [String]
  var choices: [String]
  var defaultValue: OptionValue
  /// The bounds, where numbers of that kind are allowed.
  var ints: ClosedRange<Int64>?
  var doubles: ClosedRange<Double>?
  var isMinimumExclusive: Bool

  init(detector: String, index: Int64) throws {
    var info = pyn_option_info()
    info.struct_size = MemoryLayout<pyn_option_info>.stride
    info.default_value.struct_size = MemoryLayout<pyn_value>.stride
    try callLibrary { pyn_detector_get_option_info(detector, index, &info, $0) }
    name = libraryString(info.name)
    description = libraryString(info.description)
    allowed = libraryString(info.allowed)
    let kinds = [
      (PYN_OPTION_INT, "int"), (PYN_OPTION_DOUBLE, "double"), (PYN_OPTION_BOOL, "bool"),
      (PYN_OPTION_STRING, "string"), (PYN_OPTION_DETECTOR, "detector"),
      (PYN_OPTION_DETECTOR_LIST, "detectors"), (PYN_OPTION_NUMBER_LIST, "numbers"),
    ]
    types = kinds.filter { Int(info.types) & $0.0 != 0 }.map(\.1)
    choices = (0..<Int(info.choice_count)).map { libraryString(info.choices[$0]) }
    defaultValue = OptionValue(info.default_value)
    if types.contains("int"), info.int_minimum <= info.int_maximum {
      ints = info.int_minimum...info.int_maximum
    }
    if types.contains("double"), info.double_minimum <= info.double_maximum {
      doubles = info.double_minimum...info.double_maximum
    }
    isMinimumExclusive = info.double_minimum_exclusive != 0
  }
}

/// The value of an option.
enum OptionValue: Equatable {
  case int(Int64)
  case double(Double)
  case bool(Bool)
  case string(String)

  init(_ value: pyn_value) {
    switch Int(value.type) {
    case PYN_OPTION_INT: self = .int(value.int_value)
    case PYN_OPTION_DOUBLE: self = .double(value.double_value)
    case PYN_OPTION_BOOL: self = .bool(value.bool_value != 0)
    default: self = .string(libraryString(value.string_value))
    }
  }

  /// As one writes it after --set; a double keeps its point, since 1 and 1.0 can mean different things.
  var text: String {
    switch self {
    case .int(let value): "\(value)"
    case .double(let value):
      Number.shortest(value) + (Int(Number.shortest(value)) == nil ? "" : ".0")
    case .bool(let value): value ? "true" : "false"
    case .string(let value): value
    }
  }
}
