import CPynomaly
import Detection
import Glibc

/// What a plugin says of itself, checked and copied.
struct PluginDescription {
  let name: String
  let version: Version
  let description: String
  let author: String?
  let licence: String?
  let classes: [PluginDetector]

  /// `table` as pynomaly_plugin_init filled it.
  init(_ table: pyn_plugin, path: String) throws(DetectionError) {
    let reader = TableReader(path)
    name = try reader.text(table.name, "pyn_plugin.name")
    guard PluginNames.isPlugin(name) else {
      throw reader.refuse(
        "pyn_plugin.name is \"\(printable(name))\"; allowed are \(PluginNames.pluginRule)")
    }
    version = try reader.version(table.version, "pyn_plugin.version")
    description = try reader.text(table.description, "pyn_plugin.description")
    author = try reader.optionalText(table.author, "pyn_plugin.author")
    licence = try reader.optionalText(table.licence, "pyn_plugin.licence")
    guard (1...1024).contains(table.class_count), let pointers = table.classes else {
      throw reader.refuse(
        "pyn_plugin.class_count is \(table.class_count)"
          + "\(table.classes == nil ? ", classes is NULL" : ""); allowed are 1 to 1024")
    }
    var classes: [PluginDetector] = []
    for index in 0..<Int(table.class_count) {
      guard let pointer = pointers[index] else {
        throw reader.refuse("pyn_plugin.classes[\(index)] is NULL")
      }
      let detector = try reader.detector(pointer, plugin: name, version: version)
      guard !classes.contains(where: { $0.name == detector.name }) else {
        throw reader.refuse("two of its classes are called \(detector.name)")
      }
      classes.append(detector)
    }
    self.classes = classes
  }
}

/// Texts in messages: what is not printable ASCII is shown as a question mark.
private func printable(_ text: String) -> String {
  String(text.prefix(80).map { $0.isASCII && ($0.asciiValue ?? 0) >= 0x20 ? $0 : "?" })
}

/// Reads the tables of one plugin.
private struct TableReader {
  private let path: String

  init(_ path: String) { self.path = path }

  func refuse(_ what: String) -> DetectionError { DetectionError(.plugin, "\(path): \(what)") }

  func text(_ pointer: UnsafePointer<CChar>?, _ what: String) throws(DetectionError) -> String {
    guard let text = try optionalText(pointer, what), !text.isEmpty else {
      throw refuse("\(what) is \(pointer == nil ? "NULL" : "empty"); a text is needed")
    }
    return text
  }

  func optionalText(
    _ pointer: UnsafePointer<CChar>?, _ what: String
  ) throws(DetectionError) -> String? {
    guard let pointer else { return nil }
    let length = strnlen(pointer, 4097)
    guard length <= 4096 else { throw refuse("\(what) is longer than 4096 bytes") }
    let bytes = UnsafeRawBufferPointer(start: pointer, count: length)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw refuse("\(what) is not UTF-8 text")
    }
    return text
  }

  func version(_ pointer: UnsafePointer<CChar>?, _ what: String) throws(DetectionError) -> Version {
    let text = try text(pointer, what)
    guard let version = Version(text) else {
      throw refuse("\(what) is \"\(printable(text))\"; three numbers are needed, such as 1.0.0")
    }
    return version
  }

  /// The sizes that version 1 of the contract allows a structure.
  private func check(size: Int, _ least: Int, _ what: String) throws(DetectionError) {
    guard size >= least, size <= 4096, size % 8 == 0 else {
      throw refuse(
        "struct_size of \(what) is \(size); \(least) was expected: set it to sizeof of the structure in"
          + " pynomaly_plugin.h")
    }
  }

  // MARK: classes

  func detector(
    _ pointer: UnsafePointer<pyn_plugin_class>, plugin: String, version pluginVersion: Version
  ) throws(DetectionError) -> PluginDetector {
    let size = UnsafeRawPointer(pointer).load(as: Int.self)
    try check(size: size, MemoryLayout<pyn_plugin_class>.size, "pyn_plugin_class")
    let table = pointer.pointee
    let name = try text(table.name, "pyn_plugin_class.name")
    guard PluginNames.isDetector(name) else {
      throw refuse(
        "a detector is called \"\(printable(name))\"; allowed are \(PluginNames.detectorRule), and no"
          + " words of Python's")
    }
    for (slot, isSet) in [
      ("create", table.create != nil), ("fit", table.fit != nil), ("score", table.score != nil),
      ("save", table.save != nil), ("load", table.load != nil), ("destroy", table.destroy != nil),
    ] where !isSet {
      throw refuse("\(name): the required function \(slot) is NULL")
    }
    let known = Int64(
      PYN_PLUGIN_SAMPLE_WEIGHT | PYN_PLUGIN_MISSING_VALUES | PYN_PLUGIN_NEEDS_LABELS
        | PYN_PLUGIN_THREAD_SAFE_SCORE)
    guard table.capabilities & ~known == 0 else {
      throw refuse(
        "\(name): capabilities are \(table.capabilities); only the bits \(known) have a meaning")
    }
    var capabilities: DetectorInfo.Capabilities = []
    func add(_ flag: Int, _ capability: DetectorInfo.Capabilities) {
      if table.capabilities & Int64(flag) != 0 { capabilities.insert(capability) }
    }
    add(Int(PYN_PLUGIN_SAMPLE_WEIGHT), .sampleWeight)
    add(Int(PYN_PLUGIN_MISSING_VALUES), .missingValues)
    add(Int(PYN_PLUGIN_NEEDS_LABELS), .needsLabels)
    if table.explain != nil { capabilities.insert(.explain) }
    if table.partial_fit != nil { capabilities.insert(.partialFit) }
    let own = try options(table, of: name)
    let added = HostOptions.added(
      hasThreshold: table.threshold != nil, takesMissing: capabilities.contains(.missingValues))
    let info = DetectorInfo(
      name: name, description: try text(table.description, "\(name): description"),
      reference: try text(table.reference, "\(name): reference"), capabilities: capabilities,
      options: own + added,
      origin: .init(
        plugin: plugin, pluginVersion: pluginVersion,
        version: try version(table.version, "\(name): version")))
    return PluginDetector(
      pointer, info: info, ownOptions: own.count, abilities: table.capabilities)
  }

  // MARK: options

  private func options(
    _ table: pyn_plugin_class, of detector: String
  ) throws(DetectionError) -> [OptionSpec] {
    guard (0...1024).contains(table.option_count) else {
      throw refuse("\(detector): option_count is \(table.option_count); allowed are 0 to 1024")
    }
    guard table.option_count > 0 else { return [] }
    guard let first = table.options else {
      throw refuse("\(detector): options is NULL, but option_count is \(table.option_count)")
    }
    // A plugin of a later version has larger elements; all are of the size of the first.
    let stride = first.pointee.struct_size
    var specs: [OptionSpec] = []
    for index in 0..<Int(table.option_count) {
      let element = UnsafeRawPointer(first) + index * stride
      let size = element.load(as: Int.self)
      try check(size: size, MemoryLayout<pyn_plugin_option>.size, "\(detector): option \(index)")
      guard size == stride else {
        throw refuse(
          "\(detector): struct_size of option \(index) is \(size), of option 0 \(stride); all must be"
            + " the same")
      }
      let spec = try option(
        element.assumingMemoryBound(to: pyn_plugin_option.self).pointee, index, of: detector)
      guard !specs.contains(where: { $0.name == spec.name }) else {
        throw refuse("\(detector): two options are called \(spec.name)")
      }
      specs.append(spec)
    }
    return specs
  }

  private func option(
    _ table: pyn_plugin_option, _ index: Int, of detector: String
  ) throws(DetectionError) -> OptionSpec {
    let name = try text(table.name, "\(detector): the name of option \(index)")
    func refuse(_ what: String) -> DetectionError {
      self.refuse("\(detector), option \(printable(name)): \(what)")
    }
    guard PluginNames.isOption(name) else {
      throw refuse("names of options are \(PluginNames.optionRule)")
    }
    if let why = PluginNames.whyReserved(name) { throw refuse("the name is taken: \(why)") }
    let description = try text(table.description, "\(detector), option \(name): description")
    let types = Int(table.types)
    guard types > 0, types & ~15 == 0 else {
      throw refuse("types is \(types); allowed are PYN_OPTION_* added up")
    }
    var ints: ClosedRange<Int>?
    if types & Int(PYN_OPTION_INT) != 0 {
      guard table.int_minimum <= table.int_maximum else {
        throw refuse("int_minimum \(table.int_minimum) is above int_maximum \(table.int_maximum)")
      }
      ints = Int(table.int_minimum)...Int(table.int_maximum)
    }
    var doubles: OptionSpec.Doubles?
    if types & Int(PYN_OPTION_DOUBLE) != 0 {
      let exclusive = table.double_minimum_exclusive != 0
      guard table.double_minimum.isFinite, table.double_maximum.isFinite,
        table.double_minimum < table.double_maximum
          || !exclusive && table.double_minimum == table.double_maximum
      else {
        throw refuse(
          "double_minimum is \(table.double_minimum), double_maximum \(table.double_maximum); finite"
            + " bounds with something between them are needed")
      }
      doubles = .init(
        minimum: table.double_minimum, minimumExclusive: exclusive, maximum: table.double_maximum)
    }
    let choices = try choices(table, refuse)
    let spec = OptionSpec(
      name, description, default: try value(table.default_value, refuse), ints: ints,
      doubles: doubles, bools: types & Int(PYN_OPTION_BOOL) != 0, choices: choices)
    guard spec.allows(spec.defaultValue) else {
      throw refuse("the default \(spec.defaultValue.text) is not allowed; allowed: \(spec.allowed)")
    }
    if name == "random_state" {
      guard let ints, ints.lowerBound <= 0, ints.upperBound >= 0, choices.isEmpty || choices == ["random"]
      else {
        throw refuse("a seed must allow ints from 0 on, and no text but \"random\"")
      }
    }
    return spec
  }

  private func choices(
    _ table: pyn_plugin_option, _ refuse: (String) -> DetectionError
  ) throws(DetectionError) -> [String] {
    guard Int(table.types) & Int(PYN_OPTION_STRING) != 0 else {
      guard table.choice_count == 0 else {
        throw refuse("it has \(table.choice_count) choices, but its types lack PYN_OPTION_STRING")
      }
      return []
    }
    guard (1...256).contains(table.choice_count), let pointers = table.choices else {
      throw refuse("it has \(table.choice_count) choices; allowed are 1 to 256")
    }
    var choices: [String] = []
    for index in 0..<Int(table.choice_count) {
      let choice = try text(pointers[index], "choice \(index) of an option")
      guard !choices.contains(choice) else { throw refuse("two choices are \"\(printable(choice))\"") }
      choices.append(choice)
    }
    return choices
  }

  private func value(
    _ table: pyn_value, _ refuse: (String) -> DetectionError
  ) throws(DetectionError) -> OptionValue {
    switch Int(table.type) {
    case Int(PYN_OPTION_INT): return .int(Int(table.int_value))
    case Int(PYN_OPTION_DOUBLE): return .double(table.double_value)
    case Int(PYN_OPTION_BOOL): return .bool(table.bool_value != 0)
    case Int(PYN_OPTION_STRING): return .string(try text(table.string_value, "the default of an option"))
    default: throw refuse("the type of its default is \(table.type); allowed is one of PYN_OPTION_*")
    }
  }
}

/// The options that the host adds to every detector of a plugin.
enum HostOptions {
  static func added(hasThreshold: Bool, takesMissing: Bool) -> [OptionSpec] {
    var added = [
      OptionSpec.contamination(
        auto: hasThreshold ? "the method's own" : "the 0.9 quantile of the training scores")
    ]
    if takesMissing {
      added.append(
        OptionSpec(
          "missing_values", "\"error\" refuses NaN; \"native\" takes it as a value.",
          default: .string("error"), choices: ["error", "native"]))
    }
    return added
  }
}
