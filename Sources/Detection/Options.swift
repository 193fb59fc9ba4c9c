/// One value of an option.
public enum OptionValue: Hashable, Sendable {
  case int(Int)
  case double(Double)
  case bool(Bool)
  case string(String)

  var typeName: String {
    switch self {
    case .int: return "int"
    case .double: return "double"
    case .bool: return "bool"
    case .string: return "string"
    }
  }

  public var text: String {
    switch self {
    case .int(let value): return "\(value)"
    case .double(let value): return "\(value)"
    case .bool(let value): return "\(value)"
    case .string(let value): return "\"\(value)\""
    }
  }
}

/// What an option is called, means and allows. Several kinds of value may be allowed at once.
public struct OptionSpec: Sendable {
  /// Doubles from `minimum` (itself allowed unless `minimumExclusive`) to `maximum`.
  public struct Doubles: Sendable {
    public var minimum: Double
    public var minimumExclusive: Bool
    public var maximum: Double

    public init(minimum: Double, minimumExclusive: Bool, maximum: Double) {
      self.minimum = minimum
      self.minimumExclusive = minimumExclusive
      self.maximum = maximum
    }
  }

  public let name: String
  public let description: String
  public let defaultValue: OptionValue
  public let ints: ClosedRange<Int>?
  public let doubles: Doubles?
  public let bools: Bool
  public let choices: [String]
  /// Texts other than the choices, where some are allowed.
  public let form: Form?

  public init(
    _ name: String, _ description: String, default defaultValue: OptionValue,
    ints: ClosedRange<Int>? = nil, doubles: Doubles? = nil, bools: Bool = false,
    choices: [String] = [], form: Form? = nil
  ) {
    self.name = name
    self.description = description
    self.defaultValue = defaultValue
    self.ints = ints
    self.doubles = doubles
    self.bools = bools
    self.choices = choices
    self.form = form
  }

  /// What is allowed, in words.
  public var allowed: String {
    var parts: [String] = []
    if let ints {
      parts.append(
        ints.upperBound == Int.max
          ? "int >= \(ints.lowerBound)" : "int in [\(ints.lowerBound), \(ints.upperBound)]")
    }
    if let doubles {
      parts.append(
        "double in \(doubles.minimumExclusive ? "(" : "[")\(doubles.minimum), \(doubles.maximum)]")
    }
    if bools { parts.append("true or false") }
    if !choices.isEmpty { parts.append(choices.map { "\"\($0)\"" }.joined(separator: " or ")) }
    if let form { parts.append(form.allowed) }
    return parts.joined(separator: ", or ")
  }

  public func allows(_ value: OptionValue) -> Bool { (try? accept(value)) == value }

  /// The value as this option keeps it; an int stands for a double where only doubles are allowed.
  public func accept(_ value: OptionValue) throws(DetectionError) -> OptionValue {
    switch value {
    case .int(let number):
      if let ints {
        if ints.contains(number) { return value }
      } else if let double = doubles, double.contains(Double(number)) {
        return .double(Double(number))
      }
    case .double(let number):
      if let doubles, doubles.contains(number) { return value }
    case .bool:
      if bools { return value }
    case .string(let text):
      if choices.contains(text) { return value }
      guard let form else { break }
      do throws(DetectionError) {
        return .string(try form.canonical(text))
      } catch {
        throw DetectionError(
          .invalidOption, "option \(name): \(error.message); allowed: \(allowed)")
      }
    }
    throw DetectionError(
      .invalidOption,
      "option \(name): \(value.text) (\(value.typeName)) is not allowed; allowed: \(allowed)")
  }
}

extension OptionSpec.Doubles {
  func contains(_ value: Double) -> Bool {
    (minimumExclusive ? value > minimum : value >= minimum) && value <= maximum
  }
}

/// The options of one detector with their values.
public struct Options: Sendable {
  public let specs: [OptionSpec]
  private var values: [OptionValue]

  init(_ specs: [OptionSpec]) {
    self.specs = specs
    values = specs.map(\.defaultValue)
  }

  public func value(_ name: String) throws(DetectionError) -> OptionValue {
    values[try index(name)]
  }

  public mutating func set(_ name: String, _ value: OptionValue) throws(DetectionError) {
    let index = try index(name)
    values[index] = try specs[index].accept(value)
  }

  /// Set as a model file says, which may name a detector of a plugin that is not loaded: whoever reads the
  /// model then says so better.
  mutating func set(fromFile name: String, _ value: OptionValue) throws(DetectionError) {
    let index = try index(name)
    if case .string(let text) = value, let form = specs[index].form, form != .numbers {
      do throws(DetectionError) {
        values[index] = .string(try form.canonical(text))
      } catch {
        guard error.status == .unknownDetector else { throw error }
        values[index] = value
      }
    } else {
      values[index] = try specs[index].accept(value)
    }
  }

  /// Set to a value that is known to be allowed.
  mutating func keep(_ name: String, _ value: OptionValue) {
    if let index = try? index(name) { values[index] = value }
  }

  /// Set from text, taken as the first of int, double, bool, string that it reads as and that is allowed.
  public mutating func set(_ name: String, text: String) throws(DetectionError) {
    let index = try index(name)
    var readings: [OptionValue] = []
    if let number = Int(text) { readings.append(.int(number)) }
    if let number = Double(text), number.isFinite { readings.append(.double(number)) }
    if text == "true" || text == "false" { readings.append(.bool(text == "true")) }
    readings.append(.string(text))
    for reading in readings {
      if let value = try? specs[index].accept(reading) {
        values[index] = value
        return
      }
    }
    values[index] = try specs[index].accept(readings[0])
  }

  private func index(_ name: String) throws(DetectionError) -> Int {
    if let index = specs.firstIndex(where: { $0.name == name }) { return index }
    throw DetectionError(
      .unknownOption,
      "there is no option \"\(name)\"; the options are \(specs.map(\.name).joined(separator: ", "))")
  }

  // Values of options that a detector declares itself, of the kinds it declares.

  public func int(_ name: String) -> Int? {
    if case .int(let value)? = try? value(name) { return value }
    return nil
  }

  public func double(_ name: String) -> Double? {
    if case .double(let value)? = try? value(name) { return value }
    return nil
  }

  func bool(_ name: String) -> Bool {
    (try? value(name)) == .bool(true)
  }

  public func string(_ name: String) -> String? {
    if case .string(let value)? = try? value(name) { return value }
    return nil
  }
}
