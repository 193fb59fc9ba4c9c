import Testing

@testable import Detection

/// Models within models, in files.
struct NestedModelFileTests {
  private func detector(_ bytes: [UInt8]) throws -> Detector {
    try bytes.withUnsafeBytes { try ModelFile.detector(from: $0) }
  }

  private static let kinds: [(String, [String: OptionValue])] = [
    (
      "Ensemble", ["detectors": .string("[KNN(n_neighbors=2), MAD]"), "combination": .string("rank_average")]
    ),
    ("Ensemble", ["detectors": .string("[Ensemble(detectors=[SlidingWindow(detector=MAD, window=2)])]")]),
    ("SlidingWindow", ["detector": .string("MAD"), "window": .int(3), "standardize": .bool(true)]),
  ]

  @Test func modelsComeBackAsTheyWere() throws {
    let X = Table.cloud(40, 2)
    for (name, options) in Self.kinds {
      let saved = try fitted(name, X, options)
      let bytes = try ModelFile.bytes(of: saved)
      let loaded = try detector(bytes)
      #expect(try scores(loaded, X) == scores(saved, X))
      #expect(try shares(loaded, X) == shares(saved, X))
      #expect(loaded.threshold == saved.threshold)
      #expect(try ModelFile.bytes(of: loaded) == bytes)
    }
  }

  @Test func damagedBytesAreRefusedOrHarmless() throws {
    let X = Table.cloud(12, 2)
    for (name, options) in Self.kinds {
      let bytes = try ModelFile.bytes(of: fitted(name, X, options))
      for index in bytes.indices {
        for mask: UInt8 in [0x01, 0x80, 0xff] {
          var damaged = bytes
          damaged[index] ^= mask
          let crc = crc32c(damaged.dropLast(4))
          for byte in 0..<4 {
            damaged[damaged.count - 4 + byte] = UInt8(truncatingIfNeeded: crc >> (8 * UInt32(byte)))
          }
          if let model = try? detector(damaged), model.model?.featureCount == 2 {
            let found = try? scores(model, X)
            #expect(found?.allSatisfy { $0.isFinite } != false)
          }
        }
      }
    }
  }

  /// Deeper than options allow: only a stranger's file could be.
  @Test func modelsAreNestedNoDeeperThanOptions() throws {
    let X = Table.cloud(12, 2)
    let inner = try fitted("MAD", X)
    var member = Member(
      detectorClass: inner.detectorClass, options: inner.options, model: try #require(inner.model))
    for depth in 1...5 {
      let model = EnsembleModel(
        [member], [MemberScale(count: 1, mean: 0, spread: 1, sorted: nil)], .average, [1], seed: 0,
        featureCount: 2, trainingScores: nil)
      let outer = Detector(
        Ensemble(), options: Options(Ensemble().info.options), model: model, threshold: 0,
        featureNames: [])
      let bytes = try ModelFile.bytes(of: outer)
      if depth <= NestedDetector.deepest {
        #expect(try scores(detector(bytes), X) == scores(inner, X))
      } else {
        let error = #expect(throws: DetectionError.self) { try detector(bytes) }
        #expect(error?.status == .modelFormat)
        #expect(error?.message.contains("nested more than 3 deep") == true)
      }
      member = Member(detectorClass: Ensemble(), options: outer.options, model: model)
    }
  }

  @Test func aSeriesWithinWindowsIsRefused() throws {
    let X = Table.cloud(12, 2)
    let inner = try fitted("SlidingWindow", X, ["detector": .string("MAD"), "window": .int(2)])
    let shape = try #require(
      SeriesShape(window: 1, stride: 1, channels: 2, aggregation: .last, standardizes: false))
    let model = SlidingWindowModel(
      Member(
        detectorClass: inner.detectorClass, options: inner.options, model: try #require(inner.model)),
      shape, trainingScores: nil)
    let outer = Detector(
      SlidingWindow(), options: Options(SlidingWindow().info.options), model: model, threshold: 0,
      featureNames: [])
    #expect(throws: DetectionError.self) { try self.detector(ModelFile.bytes(of: outer)) }
  }
}
