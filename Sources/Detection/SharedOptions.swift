/// Options that many detectors have, spelt once.
extension OptionSpec {
  /// auto: what "auto" stands for; nil where only a share is allowed.
  public static func contamination(
    auto: String?, default value: OptionValue = .string("auto")
  ) -> OptionSpec {
    OptionSpec(
      "contamination",
      "Share of outliers in the training data, which sets the threshold"
        + (auto.map { "; \"auto\" for \($0)." } ?? "."),
      default: value, doubles: .init(minimum: 0, minimumExclusive: true, maximum: 0.5),
      choices: auto == nil ? [] : ["auto"])
  }

  /// For methods that have no threshold of their own; goes with ``DetectorClass/usualContamination``.
  static let usualContamination = contamination(auto: "0.1, as PyOD takes it")

  static let randomState = OptionSpec(
    "random_state",
    "Seed; \"random\" for a new one with every fit (the model keeps which).", default: .int(0),
    ints: 0...Int.max, choices: ["random"])
}

extension Options {
  /// The seed that random_state gives or asks to be drawn; 0 for a detector without that option.
  var seed: UInt64 {
    guard specs.contains(where: { $0.name == "random_state" }) else { return 0 }
    return int("random_state").map { UInt64(bitPattern: Int64($0)) }
      ?? SystemRandomNumberGenerator().freshSeed()
  }
}
