import Foundation
import Testing

@testable import Detection

/// Model files of earlier releases are read for ever, and score as they did.
///
/// Tests/Golden/NAME.pynomaly holds the model, NAME.scores what it gave for `rows` when it was saved.
/// A new format version adds files here; none is ever replaced. To add one, run the tests with
/// PYNOMALY_WRITE_GOLDEN=NAME-PREFIX.
struct GoldenFileTests {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Golden")
  static let models: [String: [String: OptionValue]] = [
    "classic": [:],
    "extended": ["ndim": .int(2)],
    "missing": ["missing_values": .string("native")],
    "deep": ["max_samples": .double(1)],
  ]

  /// Of other detectors.
  static let others: [String: (String, [String: OptionValue])] = [
    "ellipse": ("EllipticEnvelope", [:]),
    "svm": ("OneClassSVM", ["nu": .double(0.1)]),
    "svm-poly": ("OneClassSVM", ["kernel": .string("poly"), "gamma": .double(1e-4), "nu": .double(0.1)]),
    "pca": ("PCA", [:]),
  ]

  static func rows() -> Table {
    Table(300, 3) { row, column in Double((row * 7919 + column * 104_729) % 1009) / 7 }
  }

  @Test func earlierFilesScoreAsTheyDid() throws {
    let X = Self.rows()
    if let prefix = ProcessInfo.processInfo.environment["PYNOMALY_WRITE_GOLDEN"] {
      try Self.write(prefix, X)
    }
    let files = try FileManager.default.contentsOfDirectory(
      at: Self.folder, includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "pynomaly" }
    #expect(files.count >= Self.models.count + Self.others.count)
    for file in files {
      let detector = try [UInt8](Data(contentsOf: file)).withUnsafeBytes {
        try ModelFile.detector(from: $0)
      }
      let text = try String(
        contentsOf: file.deletingPathExtension().appendingPathExtension("scores"), encoding: .utf8)
      let expected = text.split(separator: "\n").compactMap { Double($0) }
      #expect(expected.count == X.rows)
      for (found, kept) in zip(try scores(detector, X), expected) {
        #expect(abs(found - kept) < 1e-12 * max(1, abs(kept)), "\(file.lastPathComponent)")
      }
    }
  }

  private static func write(_ prefix: String, _ X: Table) throws {
    for (name, options) in models where !exists("\(prefix)-\(name)") {
      var small = options
      small["n_estimators"] = .int(5)
      let detector = try fitted(X, small)
      try keep(detector, "\(prefix)-\(name)", X)
    }
    for (name, (detector, options)) in others where !exists("\(prefix)-\(name)") {
      try keep(fit(detector, X, options), "\(prefix)-\(name)", X)
    }
  }

  private static func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(
      atPath: folder.appendingPathComponent(name).appendingPathExtension("pynomaly").path)
  }

  private static func keep(_ detector: Detector, _ name: String, _ X: Table) throws {
    try detector.setFeatureNames(["a", "b", "c"])
    let file = folder.appendingPathComponent(name)
    try Data(ModelFile.bytes(of: detector)).write(to: file.appendingPathExtension("pynomaly"))
    try scores(detector, X).map { "\($0)\n" }.joined().write(
      to: file.appendingPathExtension("scores"), atomically: true, encoding: .utf8)
  }
}
