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
  /// Detectors other than the forest.
  static let others: [String: (detector: String, options: [String: OptionValue])] = [
    "lof": ("LocalOutlierFactor", [:]),
    "lof-dots": ("LocalOutlierFactor", ["algorithm": .string("brute"), "contamination": .double(0.1)]),
    "knn": ("KNN", ["metric": .string("cosine"), "method": .string("median")]),
    "knn-minkowski": ("KNN", ["p": .double(2.5), "novelty": .bool(true)]),
    "copod": ("COPOD", [:]),
    "ecod": ("ECOD", [:]),
    "ensemble": ("Ensemble", ["detectors": .string("[KNN, MAD]")]),
    "ensemble-ranks": (
      "Ensemble",
      [
        "detectors": .string("[COPOD, HBOS, Ensemble(detectors=[MAD, PCA])]"),
        "combination": .string("rank_average"),
      ]
    ),
    "hbos": ("HBOS", ["n_bins": .int(5)]),
    "loda": ("LODA", ["n_random_cuts": .int(5)]),
    "mad": ("MAD", [:]),
    "ellipse": ("EllipticEnvelope", [:]),
    "svm": ("OneClassSVM", ["nu": .double(0.1)]),
    "svm-poly": ("OneClassSVM", ["kernel": .string("poly"), "gamma": .double(1e-4), "nu": .double(0.1)]),
    "pca": ("PCA", [:]),
    "window": ("SlidingWindow", ["detector": .string("HBOS"), "window": .int(4)]),
    "window-shapes": (
      "SlidingWindow",
      ["detector": .string("KNN"), "standardize": .bool(true), "aggregation": .string("mean")]
    ),
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
        #expect(abs(found - kept) <= 1e-12 * max(1, abs(kept)), "\(file.lastPathComponent)")
      }
    }
  }

  private static func write(_ prefix: String, _ X: Table) throws {
    for (name, options) in models {
      var small = options
      small["n_estimators"] = .int(5)
      try write("\(prefix)-\(name)", try fitted(X, small), X)
    }
    for (name, other) in others {
      try write("\(prefix)-\(name)", try fitted(other.detector, X, other.options), X)
    }
  }

  private static func write(_ name: String, _ detector: Detector, _ X: Table) throws {
    try detector.setFeatureNames(["a", "b", "c"])
    let file = folder.appendingPathComponent(name)
    guard !FileManager.default.fileExists(atPath: file.appendingPathExtension("pynomaly").path) else {
      return
    }
    try Data(ModelFile.bytes(of: detector)).write(to: file.appendingPathExtension("pynomaly"))
    try scores(detector, X).map { "\($0)\n" }.joined().write(
      to: file.appendingPathExtension("scores"), atomically: true, encoding: .utf8)
  }
}
