import Testing

@testable import Detection

/// Model files of the detectors with an ellipse, a surface or hyperplanes.
struct MarginModelFileTests {
  static let variants: [(String, [String: OptionValue])] = [
    ("EllipticEnvelope", [:]),
    ("EllipticEnvelope", ["assume_centered": .bool(true)]),
    ("OneClassSVM", [:]),
    ("OneClassSVM", ["kernel": .string("poly")]),
    ("OneClassSVM", ["kernel": .string("linear")]),
    ("PCA", [:]),
    ("SGDOneClassSVM", ["n_components": .int(5)]),
    ("SGDOneClassSVM", ["approximation": .string("fourier"), "average": .bool(true)]),
    ("SGDOneClassSVM", ["kernel": .string("linear")]),
    ("PCA", ["n_components": .int(2), "weighted": .bool(false)]),
  ]

  private func detector(_ bytes: [UInt8]) throws -> Detector {
    try bytes.withUnsafeBytes { try ModelFile.detector(from: $0) }
  }

  @Test(arguments: variants) func aModelComesBackAsItWas(
    name: String, options: [String: OptionValue]
  ) throws {
    let X = Table.cloud(50, 3)
    let saved = try fitted(name, X, options)
    let bytes = try ModelFile.bytes(of: saved)
    let loaded = try detector(bytes)
    #expect(try scores(loaded, X) == scores(saved, X))
    #expect(try explanation(loaded, X) == explanation(saved, X))
    #expect(try ModelFile.bytes(of: loaded) == bytes)
  }

  /// With the checksum made right again, so that what lies behind it must look after itself.
  @Test(arguments: variants) func damagedBytesAreRefusedOrHarmless(
    name: String, options: [String: OptionValue]
  ) throws {
    let X = Table.cloud(12, 3)
    let bytes = try ModelFile.bytes(of: fitted(name, X, options))
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= [0x01, 0x80, 0xff, 0x40][index % 4]
      let crc = crc32c(damaged.dropLast(4))
      for byte in 0..<4 {
        damaged[damaged.count - 4 + byte] = UInt8(truncatingIfNeeded: crc >> (8 * UInt32(byte)))
      }
      if let model = try? detector(damaged), model.model?.featureCount == 3 {
        #expect(try scores(model, X).allSatisfy { !$0.isNaN })
        _ = try explanation(model, X)
      }
    }
    for length in 0..<bytes.count {
      #expect(throws: DetectionError.self) { try self.detector(Array(bytes.prefix(length))) }
    }
  }
}
