/// A detector that an option of another one names, with the options that the text gives it:
/// `LocalOutlierFactor(n_neighbors=20, metric="manhattan")`.
public struct NestedDetector: Sendable {
  public let detectorClass: any DetectorClass
  public private(set) var options: Options
  /// The options that are not left to their defaults.
  private var given: Set<String> = []

  /// Detectors within detectors within the option's own, and no deeper.
  static let deepest = 3
  static let mostInList = 256
  static let longestText = 1 << 16

  /// The detectors that a text names: one, or a list of at least one.
  static func read(_ text: String, list: Bool) throws(DetectionError) -> [NestedDetector] {
    try read(text, list: list, depth: 1)
  }

  private static func read(
    _ string: String, list: Bool, depth: Int
  ) throws(DetectionError) -> [NestedDetector] {
    let text = NestedText(string)
    guard string.utf8.count <= longestText else {
      throw text.fault(longestText, "the text is longer than \(longestText) bytes")
    }
    guard depth <= deepest else {
      throw text.fault(0, "detectors are nested more than \(deepest) deep")
    }
    let items = list ? try text.items(of: text.whole) : try text.parts(of: text.whole)
    guard items.count <= (list ? mostInList : 1) else {
      throw text.fault(
        items[list ? mostInList : 1].lowerBound,
        list ? "there are more than \(mostInList) detectors" : "there is more than one detector")
    }
    var found: [NestedDetector] = []
    for item in items { found.append(try NestedDetector(text, item, depth: depth)) }
    return found
  }

  private init(_ text: NestedText, _ range: Range<Int>, depth: Int) throws(DetectionError) {
    let open = text.first("(", in: range)
    let nameRange = text.trimmed(range.lowerBound..<(open ?? range.upperBound))
    guard !nameRange.isEmpty else { throw text.fault(range.lowerBound, "a detector's name is missing") }
    if let wrong = nameRange.first(where: { !NestedDetector.isOfName(text.byte($0)) }) {
      throw text.fault(wrong, "a detector is written NAME or NAME(option=value, ...)")
    }
    if open != nil, text.byte(range.upperBound - 1) != UInt8(ascii: ")") {
      throw text.fault(range.upperBound, "there is text behind the options of \(text.text(nameRange))")
    }
    do throws(DetectionError) {
      detectorClass = try Registry.find(text.text(nameRange))
    } catch {
      // Told apart by whoever reads a model file: a plugin may be missing.
      var fault = text.fault(nameRange.lowerBound, error.message)
      fault.status = .unknownDetector
      throw fault
    }
    options = Options(detectorClass.info.options)
    guard let open else { return }
    let inside = text.trimmed(open + 1..<range.upperBound - 1)
    guard !inside.isEmpty else { return }
    for part in try text.parts(of: inside) { try set(text, part, depth: depth) }
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      return true
    default: return false
    }
  }

  /// One `option=value`.
  private mutating func set(
    _ text: NestedText, _ part: Range<Int>, depth: Int
  ) throws(DetectionError) {
    guard let equals = text.first("=", in: part) else {
      throw text.fault(part.lowerBound, "option=value is expected")
    }
    let name = text.text(text.trimmed(part.lowerBound..<equals))
    let value = text.trimmed(equals + 1..<part.upperBound)
    guard !value.isEmpty else { throw text.fault(equals, "option \(name) has no value") }
    guard given.insert(name).inserted else {
      throw text.fault(part.lowerBound, "option \(name) is given twice")
    }
    let plain = try text.unquoted(value)
    do throws(DetectionError) {
      let form = options.specs.first { $0.name == name }?.form
      if let form, form != .numbers {
        let inner = try NestedDetector.read(
          plain ?? text.text(value), list: form == .detectors, depth: depth + 1)
        options.keep(name, .string(NestedDetector.text(inner, form)))
      } else if let plain {
        try options.set(name, .string(plain))
      } else {
        try options.set(name, text: text.text(value))
      }
    } catch {
      let place = error.status == .unknownOption ? part.lowerBound : value.lowerBound
      var fault = text.fault(place, "\(detectorClass.info.name): \(error.message)")
      if error.status == .unknownDetector { fault.status = .unknownDetector }
      throw fault
    }
  }

  // ------------------------------------------------------------------------------ as text again

  /// The one text that stands for this detector: options that were given, in the order of the detector's list.
  var text: String {
    let specs = options.specs.filter { given.contains($0.name) }
    guard !specs.isEmpty else { return detectorClass.info.name }
    let values = specs.map { spec in
      let value = (try? options.value(spec.name)) ?? spec.defaultValue
      guard case .string(let string) = value else { return "\(spec.name)=\(value.text)" }
      return "\(spec.name)=\(spec.form == nil ? NestedText.quoted(string) : string)"
    }
    return "\(detectorClass.info.name)(\(values.joined(separator: ", ")))"
  }

  static func text(_ detectors: [NestedDetector], _ form: OptionSpec.Form) -> String {
    let texts = detectors.map(\.text).joined(separator: ", ")
    return form == .detectors ? "[\(texts)]" : texts
  }

  // -------------------------------------------------------------------------------------- seeds

  /// The same with a seed drawn for it wherever none was given: for the option random_state, or else for that
  /// of the detectors that it holds.
  func seeded(_ seed: UInt64, stream: Int) throws(DetectionError) -> NestedDetector {
    var seeded = self
    var random = Random(seed: seed, stream: UInt64(stream))
    let drawn = random.next() >> 11
    if let spec = options.specs.first(where: { $0.name == "random_state" }) {
      if !given.contains(spec.name), let most = spec.ints?.upperBound {
        seeded.options.keep(spec.name, .int(Int(drawn % (UInt64(max(most, 0)) + 1))))
        seeded.given.insert(spec.name)
      }
      return seeded
    }
    for spec in options.specs {
      guard let form = spec.form, form != .numbers else { continue }
      var inner: [NestedDetector] = []
      for (index, detector) in try options.detectors(spec.name).enumerated() {
        inner.append(try detector.seeded(drawn, stream: index))
      }
      seeded.options.keep(spec.name, .string(NestedDetector.text(inner, form)))
      seeded.given.insert(spec.name)
    }
    return seeded
  }
}

extension OptionSpec {
  /// What the text of an option holds, other than one of its choices.
  public enum Form: Sendable {
    case detector
    case detectors
    /// Finite numbers, 0 or more.
    case numbers

    var allowed: String {
      switch self {
      case .detector: return "a detector, as \"LocalOutlierFactor(n_neighbors=20)\""
      case .detectors: return "detectors, as \"[IsolationForest, KNN(n_neighbors=10)]\""
      case .numbers: return "numbers >= 0, as \"[1, 0.5]\""
      }
    }

    /// The one text that means the same.
    func canonical(_ text: String) throws(DetectionError) -> String {
      guard self == .numbers else {
        return NestedDetector.text(try NestedDetector.read(text, list: self == .detectors), self)
      }
      return "[\(try Form.numbers(in: text).map { "\($0)" }.joined(separator: ", "))]"
    }

    static func numbers(in string: String) throws(DetectionError) -> [Double] {
      let text = NestedText(string)
      var numbers: [Double] = []
      guard string.utf8.count <= NestedDetector.longestText else {
        throw text.fault(0, "the text is longer than \(NestedDetector.longestText) bytes")
      }
      for item in try text.items(of: text.whole) {
        guard let number = Double(text.text(item)), number.isFinite, number >= 0 else {
          throw text.fault(item.lowerBound, "\"\(text.text(item))\" is not a number >= 0")
        }
        numbers.append(number)
      }
      return numbers
    }
  }
}

extension Options {
  /// The detectors that an option holds.
  func detectors(_ name: String) throws(DetectionError) -> [NestedDetector] {
    guard let text = string(name) else { return [] }
    let form = specs.first { $0.name == name }?.form
    do throws(DetectionError) {
      return try NestedDetector.read(text, list: form == .detectors)
    } catch {
      throw DetectionError(.invalidOption, "option \(name): \(error.message)")
    }
  }

  /// The numbers that an option holds; nil where it has one of its choices.
  func numbers(_ name: String) throws(DetectionError) -> [Double]? {
    guard let text = string(name), specs.first(where: { $0.name == name })?.choices.contains(text) != true
    else { return nil }
    return try OptionSpec.Form.numbers(in: text)
  }
}
