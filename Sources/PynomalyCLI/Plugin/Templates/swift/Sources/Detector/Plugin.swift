import CPynomalyPlugin

// The tables of the plugin: what the host reads and calls. They live as long as the process.

/// A C string that is never freed.
private func forever(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// An array that is never freed.
private func forever<T>(_ elements: [T]) -> UnsafeMutablePointer<T> {
  let start = UnsafeMutablePointer<T>.allocate(capacity: max(1, elements.count))
  start.initialize(from: elements, count: elements.count)
  return start
}

private func option(_ name: StaticString, _ description: StaticString) -> pyn_plugin_option {
  var option = pyn_plugin_option()
  option.struct_size = MemoryLayout<pyn_plugin_option>.size
  option.name = forever(name)
  option.description = forever(description)
  option.default_value.struct_size = MemoryLayout<pyn_value>.size
  return option
}

extension pyn_plugin_option {
  fileprivate func doubles(_ range: ClosedRange<Double>, default value: Double? = nil) -> Self {
    var option = self
    option.types |= Int32(PYN_OPTION_DOUBLE)
    (option.double_minimum, option.double_maximum) = (range.lowerBound, range.upperBound)
    if let value {
      option.default_value.type = Int32(PYN_OPTION_DOUBLE)
      option.default_value.double_value = value
    }
    return option
  }
}

private func makeOptions() -> [pyn_plugin_option] {
  [
    option("smallest_deviation", "What a column's MAD is taken for at least.")
      .doubles(1e-300...1e300, default: 1e-9)
  ]
}

private func makeDetector(_ values: UnsafePointer<pyn_value>?, _ count: Int64) throws(PluginError) -> Detector
{
  guard count == 1, let values else {
    throw PluginError(PYN_ERROR_INVALID_ARGUMENT, "@DETECTOR@ was given \(count) values for 1 option")
  }
  return Detector(smallestDeviation: values[0].double_value)
}

/// What `instance` of the tables points to.
private final class Instance {
  let host: HostPointer
  let detector: Detector
  init(_ host: HostPointer, _ detector: Detector) { (self.host, self.detector) = (host, detector) }

  var retained: UnsafeMutableRawPointer { Unmanaged.passRetained(self).toOpaque() }

  /// nil only for a host that breaks the contract.
  static func of(_ pointer: UnsafeRawPointer?) -> Instance? {
    pointer.map { Unmanaged<Instance>.fromOpaque($0).takeUnretainedValue() }
  }
}

private func owner(of table: UnsafePointer<pyn_plugin_class>?) -> HostPointer? {
  table?.pointee.class_data.map { HostPointer($0.assumingMemoryBound(to: pyn_plugin_host.self)) }
}

private let null = pyn_status(PYN_ERROR_NULL_ARGUMENT)

private func makeClass(_ host: HostPointer) -> pyn_plugin_class {
  var table = pyn_plugin_class()
  table.struct_size = MemoryLayout<pyn_plugin_class>.size
  table.name = forever("@DETECTOR@")
  table.version = forever("1.0.0")  // of the model's bytes
  table.description = forever("How far a row is from the medians of the columns.")
  table.reference = forever("Iglewicz, Hoaglin (1993), How to Detect and Handle Outliers")
  table.capabilities = Int64(PYN_PLUGIN_THREAD_SAFE_SCORE)
  let list = makeOptions()
  table.options = UnsafePointer(forever(list))
  table.option_count = Int64(list.count)
  table.class_data = UnsafeMutableRawPointer(mutating: host)

  table.create = { table, call, values, count, instance in
    guard let host = owner(of: table) else { return null }
    return guarded(host, call) { () throws(PluginError) in
      instance?.pointee = Instance(host, try makeDetector(values, count)).retained
    }
  }
  table.fit = { instance, call, training in
    guard let instance = Instance.of(instance), let X = training?.pointee.X else { return null }
    return guarded(instance.host, call) { () throws(PluginError) in
      try instance.detector.fit(
        Rows(host: instance.host, matrix: X), Call(host: instance.host, pointer: call))
    }
  }
  table.score = { instance, call, X, scores in
    guard let instance = Instance.of(instance), let X, let scores else { return null }
    return guarded(instance.host, call) { () throws(PluginError) in
      try instance.detector.score(
        Rows(host: instance.host, matrix: X), Call(host: instance.host, pointer: call), to: scores)
    }
  }
  table.explain = { instance, call, X, shares in
    guard let instance = Instance.of(instance), let X, let shares else { return null }
    return guarded(instance.host, call) { () throws(PluginError) in
      try instance.detector.explain(
        Rows(host: instance.host, matrix: X), Call(host: instance.host, pointer: call), to: shares)
    }
  }
  // What Iglewicz and Hoaglin call an outlier. Without this function: the 0.9 quantile of the training's scores.
  table.threshold = { _, _, value in
    value?.pointee = 3.5
    return pyn_status(PYN_OK)
  }
  table.fitted = { instance, index, name, value in
    guard let instance = Instance.of(instance) else { return null }
    guard index == 0 else { return pyn_status(PYN_ERROR_NOT_SUPPORTED) }
    name?.pointee = forever("columns")
    value?.pointee = Double(instance.detector.columns)
    return pyn_status(PYN_OK)
  }
  table.save = { instance, call in
    guard let instance = Instance.of(instance) else { return null }
    return guarded(instance.host, call) { () throws(PluginError) in
      try instance.detector.save(Call(host: instance.host, pointer: call))
    }
  }
  table.load = { table, call, values, count, features, data, size, instance in
    guard let host = owner(of: table) else { return null }
    return guarded(host, call) { () throws(PluginError) in
      let detector = try makeDetector(values, count)
      try detector.load(
        UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : size), features: Int(features), host)
      instance?.pointee = Instance(host, detector).retained
    }
  }
  table.destroy = { instance in
    if let instance { Unmanaged<Instance>.fromOpaque(instance).release() }
  }
  return table
}

/// A list of classes for each host of the process (a program may hold two libraries). Only init uses it, which
/// hosts call one at a time.
nonisolated(unsafe) private var lists:
  [(host: HostPointer, classes: UnsafePointer<UnsafePointer<pyn_plugin_class>?>)] = []

@_cdecl("pynomaly_plugin_init") @implementation
public func pynomaly_plugin_init(
  _ host: UnsafePointer<pyn_plugin_host>?, _ requested_abi: Int32, _ plugin: UnsafeMutablePointer<pyn_plugin>?
) -> pyn_status {
  guard let host, let plugin else { return null }
  guard requested_abi == 1 else {
    (plugin.pointee.abi_minimum, plugin.pointee.abi_maximum) = (1, 1)
    return pyn_status(PYN_ERROR_NOT_SUPPORTED)
  }
  let classes: UnsafePointer<UnsafePointer<pyn_plugin_class>?>
  if let known = lists.first(where: { $0.host == host }) {
    classes = known.classes
  } else {
    classes = UnsafePointer(
      forever([UnsafePointer(forever([makeClass(host)])) as UnsafePointer<pyn_plugin_class>?]))
    lists.append((host, classes))
  }
  var answer = pyn_plugin()
  answer.struct_size = MemoryLayout<pyn_plugin>.size
  (answer.abi_version, answer.abi_minimum, answer.abi_maximum) = (1, 1, 1)
  answer.name = forever("@NAME@")
  answer.version = forever("0.1.0")
  answer.description = forever("How far a row is from the medians of the columns.")
  answer.classes = classes
  answer.class_count = 1
  plugin.pointee = answer
  return pyn_status(PYN_OK)
}
