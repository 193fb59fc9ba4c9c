import CPlugins
import CPynomaly
import Detection
import Glibc

/// An instance that a plugin made; destroyed with its owner.
final class PluginInstance: @unchecked Sendable {
  let detector: PluginDetector
  let pointer: UnsafeMutableRawPointer
  /// The values it was made with, in the order of the plugin's list; a copy is made with the same.
  let values: [OptionValue]

  private typealias Make = (
    _ values: UnsafePointer<pyn_value>?, _ call: OpaquePointer,
    _ instance: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    _ thrown: UnsafeMutablePointer<cplugins_exception>
  ) -> pyn_status

  convenience init(
    _ detector: PluginDetector, creating options: Options
  ) throws(DetectionError) {
    let count = Int64(detector.ownOptions)
    try self.init(detector, PluginInstance.values(detector, options), "create") {
      values, call, instance, thrown in
      cplugins_create(detector.table, call, values, count, instance, thrown)
    }
  }

  convenience init(
    _ detector: PluginDetector, loading bytes: UnsafeRawBufferPointer, _ values: [OptionValue],
    featureCount: Int
  ) throws(DetectionError) {
    let count = Int64(detector.ownOptions)
    try self.init(detector, values, "load") { values, call, instance, thrown in
      cplugins_load(
        detector.table, call, values, count, Int64(featureCount), bytes.baseAddress, bytes.count,
        instance, thrown)
    }
  }

  private init(
    _ detector: PluginDetector, _ values: [OptionValue], _ function: StaticString, _ make: Make
  ) throws(DetectionError) {
    var state = CallState(Call(threads: 1))
    var made: UnsafeMutableRawPointer?
    var thrown = cplugins_exception()
    let status = withUnsafeMutablePointer(to: &state) { state in
      withCValues(values) { make($0, OpaquePointer(state), &made, &thrown) }
    }
    try state.check(status, thrown, detector.name, function)
    guard let made else {
      throw DetectionError(
        .plugin, "\(detector.name): \(function) returned PYN_OK, but left the instance NULL")
    }
    self.detector = detector
    self.values = values
    pointer = made
  }

  deinit { cplugins_destroy(detector.table, pointer) }

  func learn(_ training: Training, call: Call, inPart: Bool) throws(DetectionError) {
    var view = training.X.view
    var state = CallState(call, teller: ProgressTeller(call, "fit"))
    var thrown = cplugins_exception()
    let status = withUnsafeMutablePointer(to: &state) { state in
      withUnsafePointer(to: &view) { view in
        var given = pyn_plugin_training(
          struct_size: MemoryLayout<pyn_plugin_training>.size, X: view,
          sample_weight: training.weights?.baseAddress,
          labels: detector.can(Int(PYN_PLUGIN_NEEDS_LABELS)) ? training.labels?.baseAddress : nil)
        return cplugins_learn(
          detector.table, inPart ? 1 : 0, pointer, OpaquePointer(state), &given, &thrown)
      }
    }
    try state.check(status, thrown, detector.name, inPart ? "partial_fit" : "fit")
  }

  func save() throws(DetectionError) -> [UInt8] {
    var state = CallState(Call(threads: 1))
    state.writer = ModelWriter()
    var thrown = cplugins_exception()
    let status = withUnsafeMutablePointer(to: &state) {
      cplugins_save(detector.table, pointer, OpaquePointer($0), &thrown)
    }
    try state.check(status, thrown, detector.name, "save")
    return state.writer?.bytes ?? []
  }

  func copy(featureCount: Int) throws(DetectionError) -> PluginInstance {
    try save().withUnsafeBufferPointer { (bytes) throws(DetectionError) in
      try PluginInstance(
        detector, loading: UnsafeRawBufferPointer(bytes), values, featureCount: featureCount)
    }
  }

  /// nil where the plugin has no threshold of its own.
  func threshold() throws(DetectionError) -> Double? {
    guard detector.table.pointee.threshold != nil else { return nil }
    var state = CallState(Call(threads: 1))
    var thrown = cplugins_exception()
    var value = Double.nan
    let status = withUnsafeMutablePointer(to: &state) {
      cplugins_threshold(detector.table, pointer, OpaquePointer($0), &value, &thrown)
    }
    try state.check(status, thrown, detector.name, "threshold")
    guard value.isFinite else {
      throw DetectionError(
        .plugin, "\(detector.name): threshold gave \(value); a finite number is needed")
    }
    return value
  }

  /// The numbers that fitting found.
  func fitted() -> [(name: String, value: Double)] {
    guard detector.table.pointee.fitted != nil else { return [] }
    var found: [(name: String, value: Double)] = []
    var thrown = cplugins_exception()
    for index in 0..<Int64(256) {
      var name: UnsafePointer<CChar>?
      var value = 0.0
      let status = cplugins_fitted(detector.table, pointer, index, &name, &value, &thrown)
      guard status == Status.ok.rawValue, let name, let text = String(validatingCString: name) else {
        break
      }
      found.append((text, value))
    }
    return found
  }

  /// The values for the plugin. "random" becomes a seed, and that stays what the model is made with.
  private static func values(_ detector: PluginDetector, _ options: Options) -> [OptionValue] {
    detector.info.options.prefix(detector.ownOptions).map { spec in
      let value = (try? options.value(spec.name)) ?? spec.defaultValue
      guard spec.name == "random_state", value == .string("random") else { return value }
      let most = UInt64(max(spec.ints?.upperBound ?? 0, 0))
      return .int(Int(SystemRandomNumberGenerator().freshSeed() % (most + 1)))
    }
  }
}

/// The values as C has them, for as long as `body` runs.
private func withCValues<Result>(
  _ values: [OptionValue], _ body: (UnsafePointer<pyn_value>?) -> Result
) -> Result {
  var strings: [UnsafeMutablePointer<CChar>?] = []
  defer { strings.forEach { free($0) } }
  let converted = values.map { value in
    var converted = pyn_value()
    converted.struct_size = MemoryLayout<pyn_value>.size
    switch value {
    case .int(let number):
      converted.type = Int32(PYN_OPTION_INT)
      converted.int_value = Int64(number)
    case .double(let number):
      converted.type = Int32(PYN_OPTION_DOUBLE)
      converted.double_value = number
    case .bool(let flag):
      converted.type = Int32(PYN_OPTION_BOOL)
      converted.bool_value = flag ? 1 : 0
    case .string(let text):
      strings.append(strdup(text))
      converted.type = Int32(PYN_OPTION_STRING)
      converted.string_value = strings.last.flatMap { $0 }.map { UnsafePointer($0) }
    }
    return converted
  }
  return converted.withUnsafeBufferPointer { body($0.baseAddress) }
}
