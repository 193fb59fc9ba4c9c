import ArgumentParser
import CPynomaly

/// Which detector to make, and its options: passed on as text, so that the library alone knows them.
struct DetectorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The detector; \"pynomaly detectors\" lists them.", valueName: "name"),
    completion: .custom { _, _, _ in DetectorDescription.names })
  var detector: String?

  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp(
      "Set an option of the detector, e.g. --set n_estimators=200. May be given several times.",
      valueName: "option=value"))
  var settings: [String] = []

  @Option(
    help: ArgumentHelp(
      "The share of rows taken for anomalies, which sets the threshold. Short for --set contamination=.",
      valueName: "share"))
  var contamination: String?

  @Option(
    help: ArgumentHelp(
      "The seed of the random numbers. Short for --set random_state=.", valueName: "number"))
  var seed: String?

  static let defaultDetector = "IsolationForest"

  /// Whether anything was asked for that only a fit can give.
  var isUsed: Bool {
    detector != nil || !settings.isEmpty || contamination != nil || seed != nil
  }

  /// A detector with the options set.
  func make() throws -> Detector {
    let name = detector ?? DetectorOptions.defaultDetector
    do {
      let detector = try PluginSearch.detector(name, Detector.init(name:))
      for setting in settings {
        guard let equals = setting.firstIndex(of: "="), equals > setting.startIndex else {
          throw Failure("--set \(setting): expected option=value", code: .usage)
        }
        let text = String(setting[setting.index(after: equals)...])
        try PluginSearch.detectors(within: text) {
          try detector.set(String(setting[..<equals]), text: text)
        }
      }
      if let contamination { try detector.set("contamination", text: contamination) }
      if let seed { try detector.set("random_state", text: seed) }
      return detector
    } catch let error as LibraryError {
      throw Failure(
        "\(name): \(error.message)", code: error.has(PYN_ERROR_PLUGIN) ? .failure : .usage)
    }
  }
}
