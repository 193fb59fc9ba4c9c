/// The model file, little-endian throughout:
///
///     8 bytes   magic 89 50 59 4e 4d 44 4c 0a
///     u32       format version, 1
///     u32       detector ABI: 1 for the built-in ones, 2 for those of plugins
///     u64       length of the whole file
///     sections  u32 tag, u64 length, payload; the tags below, each once, in this order (plugin only
///               with detector ABI 2, calibration only where the detector has one)
///     u32       CRC-32C of all before it
///
/// Strings are a u32 length and UTF-8 bytes.
public enum ModelFile {
  static let magic: [UInt8] = [0x89, 0x50, 0x59, 0x4e, 0x4d, 0x44, 0x4c, 0x0a]
  static let version: UInt32 = 1

  enum DetectorABI: UInt32 {
    case builtIn = 1
    case plugin = 2
  }

  enum Section: UInt32 {
    case detector = 0x4445_5401  // name
    case plugin = 0x504c_4701  // name and version of the plugin, version of the detector
    case options = 0x4f50_5401  // count, then name, type, value each
    case features = 0x4645_4101  // count, whether named, names
    case threshold = 0x5448_5201  // f64; of detectors with partial_fit also scores of the last rows, with their count
    case calibration = 0x4341_4c01  // method, parameters, knots
    case model = 0x4d4f_4401  // the detector's own
  }

  /// The bytes of a fitted detector.
  public static func bytes(of detector: Detector) throws(DetectionError) -> [UInt8] {
    let model = try detector.fittedModel()
    var writer = ModelWriter()
    writer.write(raw: magic)
    writer.write(version)
    let info = detector.detectorClass.info
    writer.write(abi(of: info).rawValue)
    let lengthPlace = writer.bytes.count
    writer.write(UInt64(0))
    try write(info, detector.options, to: &writer)
    try writer.section(.features) { writer in
      writer.write(UInt64(model.featureCount))
      writer.write(UInt32(detector.featureNames.isEmpty ? 0 : 1))
      for name in detector.featureNames { writer.write(name) }
    }
    try writer.section(.threshold) { writer in
      writer.write(detector.threshold)
      if !detector.recentScores.isEmpty { writer.write(all: detector.recentScores) }
    }
    if let calibration = detector.calibration {
      try writer.section(.calibration) { (writer) throws(DetectionError) in
        try calibration.write(to: &writer)
      }
    }
    try writer.section(.model) { (writer) throws(DetectionError) in try model.write(to: &writer) }
    if let failure = writer.failure { throw failure }
    writer.overwrite(at: lengthPlace, UInt64(writer.bytes.count + 4))
    writer.write(crc32c(writer.bytes))
    return writer.bytes
  }

  private static func abi(of info: DetectorInfo) -> DetectorABI {
    info.origin == nil ? .builtIn : .plugin
  }

  /// The sections that say which detector it is, and its options.
  private static func write(
    _ info: DetectorInfo, _ options: Options, to writer: inout ModelWriter
  ) throws(DetectionError) {
    try writer.section(.detector) { $0.write(info.name) }
    if let origin = info.origin {
      try writer.section(.plugin) { writer in
        writer.write(origin.plugin)
        writer.write("\(origin.pluginVersion)")
        writer.write("\(origin.version)")
      }
    }
    try writer.section(.options) { writer in
      writer.write(UInt32(options.specs.count))
      for spec in options.specs {
        writer.write(spec.name)
        writer.write((try? options.value(spec.name)) ?? spec.defaultValue)
      }
    }
  }

  // ------------------------------------------------------------------------------ models within models

  /// A model that another one holds: u32 detector ABI, and the sections detector, plugin, options and model.
  static func write(_ member: Member, to writer: inout ModelWriter) throws(DetectionError) {
    let info = member.detectorClass.info
    writer.write(abi(of: info).rawValue)
    try write(info, member.options, to: &writer)
    try writer.section(.model) { (writer) throws(DetectionError) in
      try member.model.write(to: &writer)
    }
  }

  static func readMember(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> Member {
    reader.depth += 1
    defer { reader.depth -= 1 }
    guard reader.depth <= NestedDetector.deepest else {
      throw reader.damaged("models are nested more than \(NestedDetector.deepest) deep")
    }
    let head = try readNames(&reader, abi: try reader.read(UInt32.self, "detector ABI"))
    let detectorClass = try detectorClass(for: head)
    let options = try readOptions(&reader, of: detectorClass)
    let model = try readModel(&reader, of: detectorClass, options, featureCount: featureCount)
    return Member(detectorClass: detectorClass, options: options, model: model)
  }

  /// The model in the next section. What its class finds wrong with its numbers is damage of the file.
  private static func readModel(
    _ reader: inout ModelReader, of detectorClass: any DetectorClass, _ options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    var section = try reader.section(.model)
    do throws(DetectionError) {
      let model = try detectorClass.read(&section, options: options, featureCount: featureCount)
      try section.finish()
      return model
    } catch where error.status == .invalidData {
      throw section.damaged(error.message)
    }
  }

  private static func readOptions(
    _ reader: inout ModelReader, of detectorClass: any DetectorClass
  ) throws(DetectionError) -> Options {
    var section = try reader.section(.options)
    var options = Options(detectorClass.info.options)
    for _ in 0..<(try section.read(UInt32.self, "option count")) {
      let name = try section.readString("option name")
      let value = try section.readOptionValue()
      do throws(DetectionError) {
        try options.set(fromFile: name, value)
      } catch {
        throw section.damaged(error.message)
      }
    }
    try section.finish()
    return options
  }

  // --------------------------------------------------------------------------------------- reading

  /// What a model file says of itself, without its model.
  public struct Head {
    public let detector: String
    public let origin: DetectorInfo.Origin?
  }

  public static func head(of bytes: UnsafeRawBufferPointer) throws(DetectionError) -> Head {
    var reader = ModelReader(bytes)
    return try readHead(&reader, length: bytes.count)
  }

  private static func readHead(
    _ reader: inout ModelReader, length actual: Int
  ) throws(DetectionError) -> Head {
    for byte in magic where try reader.read(UInt8.self, "magic") != byte {
      throw DetectionError(.modelFormat, "this is not a pynomaly model file: the first 8 bytes differ")
    }
    let version = try reader.read(UInt32.self, "format version")
    guard version == Self.version else {
      throw DetectionError(
        .modelVersion,
        "the model file has format version \(version); this library reads version \(Self.version)")
    }
    let abi = try reader.read(UInt32.self, "detector ABI")
    let length = try reader.read(UInt64.self, "length")
    guard length == UInt64(actual) else {
      throw DetectionError(
        .modelFormat, "the model file is \(actual) bytes long, but says \(length)")
    }
    try reader.checkAndDropChecksum()
    return try readNames(&reader, abi: abi)
  }

  private static func readNames(
    _ reader: inout ModelReader, abi: UInt32
  ) throws(DetectionError) -> Head {
    guard let abi = DetectorABI(rawValue: abi) else {
      throw DetectionError(
        .modelVersion, "the model file has detector ABI \(abi); this library reads 1 and 2")
    }

    var section = try reader.section(.detector)
    let name = try section.readString("detector name")
    try section.finish()
    guard abi == .plugin else { return Head(detector: name, origin: nil) }

    section = try reader.section(.plugin)
    let plugin = try section.readString("plugin's name")
    let pluginVersion = try section.readVersion("plugin's version")
    let detectorVersion = try section.readVersion("detector's version")
    try section.finish()
    return Head(
      detector: name,
      origin: .init(plugin: plugin, pluginVersion: pluginVersion, version: detectorVersion))
  }

  /// The class that reads the model, or why there is none.
  private static func detectorClass(for head: Head) throws(DetectionError) -> any DetectorClass {
    let found = try? Registry.find(head.detector)
    guard let wanted = head.origin else {
      if let found, found.info.origin == nil { return found }
      throw DetectionError(
        .modelVersion,
        "the model file is of the detector \"\(head.detector)\", which this library does not have")
    }
    let what =
      "the model file is of the detector \"\(head.detector)\" of the plugin \"\(wanted.plugin)\""
      + " \(wanted.pluginVersion)"
    guard let found else {
      throw DetectionError(
        .modelVersion, "\(what), which is not loaded: load the plugin first (pyn_plugin_load)")
    }
    guard let origin = found.info.origin, origin.plugin == wanted.plugin else {
      throw DetectionError(
        .modelVersion,
        "\(what), but the loaded detector of that name is"
          + (found.info.origin.map { " of the plugin \"\($0.plugin)\"" } ?? " built in"))
    }
    guard origin.version >= wanted.version else {
      throw DetectionError(
        .modelVersion,
        "\(what), model version \(wanted.version); the loaded plugin \(origin.pluginVersion) reads"
          + " models up to version \(origin.version): update the plugin")
    }
    return found
  }

  /// The detector that the bytes hold. They may come from a stranger: whatever they say is checked.
  public static func detector(
    from bytes: UnsafeRawBufferPointer
  ) throws(DetectionError) -> Detector {
    var reader = ModelReader(bytes)
    let detectorClass = try detectorClass(for: readHead(&reader, length: bytes.count))

    let options = try readOptions(&reader, of: detectorClass)
    var section = try reader.section(.features)
    let featureCount = try section.readCount("feature count", atLeast: 1, atMost: 1 << 30)
    var featureNames: [String] = []
    if try section.read(UInt32.self, "whether features are named") != 0 {
      for _ in 0..<featureCount { featureNames.append(try section.readString("feature name")) }
    }
    try section.finish()

    section = try reader.section(.threshold)
    let threshold = try section.read(Double.self, "threshold")
    guard threshold.isFinite else { throw section.damaged("the threshold is \(threshold)") }
    let recent = section.isAtEnd ? [] : try section.readAll(Double.self, "recent scores")
    guard recent.count <= Detector.mostRecentScores, recent.allSatisfy(\.isFinite) else {
      throw section.damaged("the recent scores are too many, or not finite")
    }
    try section.finish()

    var calibration: Calibration?
    if reader.isNext(.calibration) {
      section = try reader.section(.calibration)
      calibration = try Calibration.read(&section)
      try section.finish()
    }

    let model = try readModel(&reader, of: detectorClass, options, featureCount: featureCount)
    try reader.finish()
    return Detector(
      detectorClass, options: options, model: model, threshold: threshold,
      featureNames: featureNames, recentScores: recent, calibration: calibration)
  }
}

private let crcTable: [UInt32] = (0..<256).map { byte in
  (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
}

/// CRC-32C (Castagnoli), as in RFC 3720.
func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
  crcTable.withUnsafeBufferPointer { table in
    ~bytes.reduce(~0) { crc, byte in table[Int((crc ^ UInt32(byte)) & 0xff)] ^ (crc >> 8) }
  }
}
