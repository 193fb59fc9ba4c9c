import CPlugins
import CPynomaly
import Detection
import Glibc

/// A detector class of a plugin, checked, behind the protocol of the built-in ones.
final class PluginDetector: DetectorClass, @unchecked Sendable {
  let info: DetectorInfo
  let table: UnsafePointer<pyn_plugin_class>
  /// How many of the options are the plugin's own; the host's follow.
  let ownOptions: Int
  let abilities: Int64
  /// "INNE", as errors begin.
  var name: String { info.name }

  init(
    _ table: UnsafePointer<pyn_plugin_class>, info: DetectorInfo, ownOptions: Int, abilities: Int64
  ) {
    self.table = table
    self.info = info
    self.ownOptions = ownOptions
    self.abilities = abilities
  }

  var usualContamination: Double? { table.pointee.threshold == nil ? 0.1 : nil }

  func can(_ ability: Int) -> Bool { abilities & Int64(ability) != 0 }

  // MARK: learning

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    let instance = try PluginInstance(self, creating: options)
    return try learn(instance, training, options, call, inPart: false)
  }

  func partialFit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    guard table.pointee.partial_fit != nil else {
      throw DetectionError(
        .notSupported, "\(name) cannot learn in parts (partial_fit); it only fits all rows at once")
    }
    let instance: PluginInstance
    if let previous = previous as? PluginModel {
      // The earlier model may be in use, and must stay if this fails.
      instance = try previous.copy()
    } else {
      instance = try PluginInstance(self, creating: options)
    }
    return try learn(instance, training, options, call, inPart: true)
  }

  private func learn(
    _ instance: PluginInstance, _ training: Training, _ options: Options, _ call: Call, inPart: Bool
  ) throws(DetectionError) -> PluginModel {
    try PluginModel.check(training.X, nanAllowed: PluginModel.takesMissing(options))
    try instance.learn(training, call: call, inPart: inPart)
    return try PluginModel(
      instance, nanAllowed: PluginModel.takesMissing(options), featureCount: training.X.columns)
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    // The values that the model was made with: the detector's own may have been set anew since.
    guard case .bool(let nanAllowed) = try reader.readOptionValue() else {
      throw reader.damaged("it does not say whether values may be missing")
    }
    let own = info.options.prefix(ownOptions)
    var values = own.map(\.defaultValue)
    for _ in 0..<(try reader.readCount("number of options", atMost: 1024)) {
      let name = try reader.readString("option name")
      let value = try reader.readOptionValue()
      // Options that a later version of the plugin added keep their defaults.
      guard let index = own.firstIndex(where: { $0.name == name }),
        let accepted = try? own[index].accept(value)
      else { throw reader.damaged("option \(name): \(value.text) is not allowed") }
      values[index] = accepted
    }
    let instance = try PluginInstance(
      self, loading: reader.readRest(), values, featureCount: featureCount)
    return try PluginModel(instance, nanAllowed: nanAllowed, featureCount: featureCount)
  }
}
