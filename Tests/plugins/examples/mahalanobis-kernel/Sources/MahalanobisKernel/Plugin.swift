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
  fileprivate func ints(_ range: ClosedRange<Int64>, default value: Int64? = nil) -> Self {
    var option = self
    option.types |= Int32(PYN_OPTION_INT)
    (option.int_minimum, option.int_maximum) = (range.lowerBound, range.upperBound)
    if let value {
      option.default_value.type = Int32(PYN_OPTION_INT)
      option.default_value.int_value = value
    }
    return option
  }
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
  /// The first is the default, unless there is one already.
  fileprivate func choices(_ choices: [StaticString]) -> Self {
    var option = self
    option.types |= Int32(PYN_OPTION_STRING)
    option.choices = UnsafePointer(forever(choices.map { forever($0) as UnsafePointer<CChar>? }))
    option.choice_count = Int64(choices.count)
    if option.default_value.type == 0 {
      option.default_value.type = Int32(PYN_OPTION_STRING)
      option.default_value.string_value = forever(choices[0])
    }
    return option
  }
}

private func makeOptions() -> [pyn_plugin_option] {
  [
    option("max_samples", "Rows of the training data that get a kernel.")
      .ints(1...Int64(MahalanobisKernel.mostSamples), default: 512),
    option(
      "bandwidth", "Width of the kernels in standard deviations; \"scott\" or \"silverman\": by their rules."
    ).doubles(1e-6...1e6, default: 2).choices(["scott", "silverman"]),
    option("shrinkage", "How much smaller correlations are taken than they are found.")
      .doubles(1e-6...1, default: 0.5),
    option("random_state", "Seed; \"random\" for a new one with every fit.")
      .ints(0...Int64.max, default: 0).choices(["random"]),
  ]
}

private func options(_ values: UnsafePointer<pyn_value>?, _ count: Int64) throws(PluginError)
  -> MahalanobisKernel.Options
{
  guard count == 4, let values else {
    throw PluginError(PYN_ERROR_INVALID_ARGUMENT, "MahalanobisKernel was given \(count) values for 4 options")
  }
  let isNumber = values[1].type == Int32(PYN_OPTION_DOUBLE)
  return .init(
    samples: Int(values[0].int_value), bandwidth: isNumber ? values[1].double_value : nil,
    silverman: !isNumber && values[1].string_value.map { $0[1] == 0x69 } ?? false,  // s-i-lverman
    shrinkage: values[2].double_value, seed: Int(values[3].int_value))
}

/// What `instance` of the tables points to.
private final class Instance {
  let host: HostPointer
  let detector: MahalanobisKernel
  init(_ host: HostPointer, _ detector: MahalanobisKernel) { (self.host, self.detector) = (host, detector) }

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
  table.name = forever("MahalanobisKernel")
  table.version = forever("1.0.0")
  table.description = forever(
    "How thin the data are around a row: a kernel density with Mahalanobis' distance.")
  table.reference = forever(
    "Silverman (1986), Density Estimation for Statistics and Data Analysis, section 4.2")
  table.capabilities = Int64(PYN_PLUGIN_THREAD_SAFE_SCORE)
  let list = makeOptions()
  table.options = UnsafePointer(forever(list))
  table.option_count = Int64(list.count)
  table.class_data = UnsafeMutableRawPointer(mutating: host)

  table.create = { table, call, values, count, instance in
    guard let host = owner(of: table) else { return null }
    return guarded(host, call) { () throws(PluginError) in
      instance?.pointee = Instance(host, MahalanobisKernel(try options(values, count))).retained
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
  table.fitted = { instance, index, name, value in
    guard let detector = Instance.of(instance)?.detector, let model = detector.model else { return null }
    let numbers: [(StaticString, Double)] = [
      ("max_samples", Double(model.samples)), ("bandwidth", detector.bandwidth),
      ("random_state", Double(detector.options.seed)),
    ]
    guard index >= 0, index < numbers.count else { return pyn_status(PYN_ERROR_NOT_SUPPORTED) }
    name?.pointee = forever(numbers[Int(index)].0)
    value?.pointee = numbers[Int(index)].1
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
      let detector = MahalanobisKernel(try options(values, count))
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
  answer.name = forever("mahalanobis-kernel")
  answer.version = forever("1.0.0")
  answer.description = forever("Kernel density with Mahalanobis' distance.")
  answer.author = forever("The Pynomaly authors")
  answer.licence = forever("Apache-2.0")
  answer.classes = classes
  answer.class_count = 1
  plugin.pointee = answer
  return pyn_status(PYN_OK)
}
