import Testing

@testable import Detection

struct ModelFileTests {
  private func detector(_ bytes: [UInt8]) throws -> Detector {
    try bytes.withUnsafeBytes { try ModelFile.detector(from: $0) }
  }

  @Test(arguments: IsolationForestTests.variants) func aModelComesBackAsItWas(
    options: [String: OptionValue]
  ) throws {
    let X = Table.cloud(500, 3)
    let saved = try fitted(X, options)
    try saved.setThreshold(0.61)
    try saved.setFeatureNames(["a", "größe", "c"])
    let bytes = try ModelFile.bytes(of: saved)
    let loaded = try detector(bytes)
    #expect(try scores(loaded, X) == scores(saved, X))
    #expect(loaded.threshold == 0.61)
    #expect(loaded.featureNames == ["a", "größe", "c"])
    for spec in saved.options.specs {
      #expect(try loaded.options.value(spec.name) == saved.options.value(spec.name))
    }
    #expect(try ModelFile.bytes(of: loaded) == bytes)
  }

  /// With the checksum made right again, so that what lies behind it must look after itself.
  @Test func damagedBytesAreRefusedOrHarmless() throws {
    let X = Table.cloud(60, 3)
    for options: [String: OptionValue] in [[:], ["ndim": .int(2)], ["missing_values": .string("native")]] {
      var small = options
      small["n_estimators"] = .int(3)
      small["max_samples"] = .int(12)
      let bytes = try ModelFile.bytes(of: try fitted(X, small))
      for index in bytes.indices {
        for mask: UInt8 in [0x01, 0x80, 0xff] {
          var damaged = bytes
          damaged[index] ^= mask
          #expect(throws: DetectionError.self) { try self.detector(damaged) }
          let crc = crc32c(damaged.dropLast(4))
          for byte in 0..<4 {
            damaged[damaged.count - 4 + byte] = UInt8(truncatingIfNeeded: crc >> (8 * UInt32(byte)))
          }
          if let model = try? detector(damaged), model.model?.featureCount == 3 {
            _ = try scores(model, X)
          }
        }
      }
      for length in 0..<bytes.count {
        #expect(throws: DetectionError.self) { try self.detector(Array(bytes.prefix(length))) }
      }
    }
  }

  @Test func checksumIsCastagnolis() {
    #expect(crc32c(Array("123456789".utf8)) == 0xe306_9283)
  }
}
