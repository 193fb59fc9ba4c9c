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
    "cblof": ("CBLOF", ["n_clusters": .int(4), "use_weights": .bool(true)]),
    "copod": ("COPOD", [:]),
    "ecod": ("ECOD", [:]),
    "halfspace": ("HalfSpaceTrees", ["n_trees": .int(5), "window_size": .int(120)]),
    "halfspace-first": ("HalfSpaceTrees", ["n_trees": .int(3), "height": .int(4), "window_size": .int(1000)]),
    "hbos": ("HBOS", ["n_bins": .int(5)]),
    "loda": ("LODA", ["n_random_cuts": .int(5)]),
    "mad": ("MAD", [:]),
    "ellipse": ("EllipticEnvelope", [:]),
    "profile": ("MatrixProfile", ["window": .int(12)]),
    "profile-last": (
      "MatrixProfile", ["normalize": .bool(false), "row_score": .string("last"), "novelty": .bool(true)]
    ),
    "svm": ("OneClassSVM", ["nu": .double(0.1)]),
    "svm-poly": ("OneClassSVM", ["kernel": .string("poly"), "gamma": .double(1e-4), "nu": .double(0.1)]),
    "pca": ("PCA", [:]),
    "sgd-fourier": ("SGDOneClassSVM", ["approximation": .string("fourier"), "n_components": .int(20)]),
    "sgd-linear": ("SGDOneClassSVM", ["kernel": .string("linear"), "average": .bool(true)]),
    "sgd-nystroem": ("SGDOneClassSVM", ["n_components": .int(20), "nu": .double(0.1)]),
    "cuts": ("RobustRandomCutForest", ["n_estimators": .int(5), "max_samples": .int(40)]),
    "cuts-sliding": ("RobustRandomCutForest", ["n_estimators": .int(2), "max_samples": .int(30), "sampling": .string("sliding")]),
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

  /// A file with the section of a calibration; made through Python, as any program would.
  @Test func aCalibrationIsReadAsItWas() throws {
    let file = Self.folder.appendingPathComponent("format1-calibrated")
    let detector = try [UInt8](Data(contentsOf: file.appendingPathExtension("pynomaly"))).withUnsafeBytes {
      try ModelFile.detector(from: $0)
    }
    #expect(detector.calibration?.method == .tail)
    let text = try String(
      contentsOf: file.appendingPathExtension("probabilities"), encoding: .utf8)
    let X = Self.rows()
    let found = try Buffer<Double>(count: X.rows)
    try detector.predictProbability(try X.matrix, call: Call(threads: 1), into: found.base)
    let expected = text.split(separator: "\n").compactMap { Double($0) }
    #expect(expected.count == X.rows)
    for (row, kept) in expected.enumerated() { #expect(abs(found[row] - kept) <= 1e-12) }
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
