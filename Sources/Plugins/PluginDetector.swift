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
    var instance: PluginInstance
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
    let needsScores = table.pointee.threshold == nil && options.double("contamination") == nil
    let call = needsScores ? call.part(0...0.5) : call
    try instance.learn(training, call: call, inPart: inPart)
    let model = try PluginModel(instance, options: options, featureCount: training.X.columns)
    if needsScores {
      let scores = try Buffer<Double>(count: training.X.rows)
      try model.score(training.X, call: call.part(1...2), into: scores.base)
      model.naturalThreshold = quantile(scores, 0.9)
    }
    return model
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    let instance = try PluginInstance(
      self, loading: reader.readRest(), options: options, featureCount: featureCount)
    return try PluginModel(instance, options: options, featureCount: featureCount)
  }
}
