/// A monitor's bytes, little-endian:
///
///     8 bytes   magic 89 50 59 4e 44 52 46 0a
///     u32       format version, 1
///     options   f64 alpha; u64 window, step, reference rows, seed; u32 correction, spending
///     u64       features; u32 whether there are scores; u64 reference rows kept
///     state     u64 rows, looks, first drift; f64 level
///     each column: the sorted reference; f64 statistic, p-value, adjusted one, index; u32 drifted; u64 first
///     the ring of the last rows
///     u32       CRC-32C of all before it
extension DriftMonitor {
  private static let magic: [UInt8] = [0x89, 0x50, 0x59, 0x4e, 0x44, 0x52, 0x46, 0x0a]
  private static let version: UInt32 = 1
  private static let mostColumns = 1 << 30

  public func bytes() throws(DetectionError) -> [UInt8] {
    var writer = ModelWriter()
    writer.write(raw: DriftMonitor.magic)
    writer.write(DriftMonitor.version)
    writer.write(options.alpha)
    for count in [options.window, options.step, options.referenceRows] { writer.write(UInt64(count)) }
    writer.write(options.seed)
    writer.write(UInt32(bitPattern: options.correction.rawValue))
    writer.write(UInt32(bitPattern: options.spending.rawValue))
    writer.write(UInt64(features))
    writer.write(UInt32(hasScores ? 1 : 0))
    writer.write(UInt64(referenceRows))
    for count in [state.rows, state.looks, state.firstDrift] { writer.write(UInt64(count)) }
    writer.write(state.level)
    for (values, finding) in zip(reference, state.findings) {
      try writer.write(all: values)
      for value in [finding.statistic, finding.pValue, finding.adjustedPValue, finding.stabilityIndex] {
        writer.write(value)
      }
      writer.write(UInt32(finding.isDrifted ? 1 : 0))
      writer.write(UInt64(finding.firstDrift))
    }
    writer.write(all: state.recent)
    if let failure = writer.failure { throw failure }
    writer.write(crc32c(writer.bytes))
    return writer.bytes
  }

  /// The monitor that the bytes hold. They may come from a stranger: whatever they say is checked.
  public convenience init(from bytes: UnsafeRawBufferPointer) throws(DetectionError) {
    var reader = ModelReader(bytes)
    for byte in DriftMonitor.magic where try reader.read(UInt8.self, "magic") != byte {
      throw DetectionError(.modelFormat, "this is no saved drift monitor: the first 8 bytes differ")
    }
    let version = try reader.read(UInt32.self, "format version")
    guard version == DriftMonitor.version else {
      throw DetectionError(
        .modelVersion, "the drift monitor has format version \(version); this library reads version 1")
    }
    try reader.checkAndDropChecksum()
    var options = DriftOptions()
    options.alpha = try reader.read(Double.self, "alpha")
    let most = KolmogorovSmirnov.mostRows
    options.window = try reader.readCount("window", atLeast: 2, atMost: most)
    options.step = try reader.readCount("step", atLeast: 1, atMost: .max / 2)
    options.referenceRows = try reader.readCount("reference_rows", atLeast: 2, atMost: most)
    options.seed = try reader.read(UInt64.self, "seed")
    let (correction, spending) = (
      try reader.read(UInt32.self, "correction"), try reader.read(UInt32.self, "spending")
    )
    guard let correction = DriftOptions.Correction(rawValue: Int32(truncatingIfNeeded: correction)),
      let spending = DriftOptions.Spending(rawValue: Int32(truncatingIfNeeded: spending)),
      options.alpha > 0, options.alpha < 1
    else { throw reader.damaged("the options are out of range") }
    options.correction = correction
    options.spending = spending
    let features = try reader.readCount("number of features", atLeast: 1, atMost: DriftMonitor.mostColumns)
    let hasScores = try reader.read(UInt32.self, "whether there are scores") != 0
    let rows = try reader.readCount("number of reference rows", atLeast: 2, atMost: options.referenceRows)
    var state = State(findings: [])
    state.rows = try reader.readCount("number of rows", atMost: .max / 2)
    state.looks = try reader.readCount("number of looks", atMost: state.rows)
    state.firstDrift = try reader.readCount("first drift", atMost: state.rows)
    state.level = try reader.read(Double.self, "level")
    guard state.level >= 0, state.level < 1 else { throw reader.damaged("the level is \(state.level)") }
    var reference: [Buffer<Double>] = []
    for _ in 0..<(features + (hasScores ? 1 : 0)) {
      let limit = Double.greatestFiniteMagnitude
      let values = try reader.readAll(rows, in: -limit...limit, "reference values")
      for row in 1..<rows where values[row - 1] > values[row] {
        throw reader.damaged("the reference values are not in order")
      }
      reference.append(values)
      state.findings.append(try DriftMonitor.finding(&reader, rows: state.rows))
    }
    state.recent = try reader.readAll(Double.self, "recent values")
    try reader.finish()
    guard state.recent.count == reference.count * options.window,
      state.recent.allSatisfy({ $0.isFinite })
    else { throw reader.damaged("the recent values are not \(options.window) finite rows") }
    self.init(
      options: options, features: features, hasScores: hasScores, reference: reference, state: state)
  }

  private static func finding(
    _ reader: inout ModelReader, rows: Int
  ) throws(DetectionError) -> Finding {
    var finding = Finding()
    finding.statistic = try reader.read(Double.self, "statistic")
    finding.pValue = try reader.read(Double.self, "p-value")
    finding.adjustedPValue = try reader.read(Double.self, "adjusted p-value")
    finding.stabilityIndex = try reader.read(Double.self, "stability index")
    finding.isDrifted = try reader.read(UInt32.self, "whether it drifted") != 0
    finding.firstDrift = try reader.readCount("first drift", atMost: rows)
    let shares = [finding.statistic, finding.pValue, finding.adjustedPValue]
    guard shares.allSatisfy({ $0 >= 0 && $0 <= 1 }), finding.stabilityIndex.isFinite else {
      throw reader.damaged("a finding is out of range")
    }
    return finding
  }
}
