import Testing

@testable import Detection

/// Finite numbers at the ends of their range, and options at the ends of theirs.
struct ExtremeValueTests {
  @Test(arguments: ["KNN", "LocalOutlierFactor"], ["kd_tree", "brute"])
  func subnormalRowsHaveAnAngle(detector: String, algorithm: String) throws {
    let corners: [(Double, Double)] = [(1, 0), (0, 1), (1, 1), (2, 1), (1, 3), (3, 1), (2, 2)]
    let X = Table(70, 2) { row, column in
      let corner = corners[row % 7]
      return (column == 0 ? corner.0 : corner.1) * Double(1 + row / 7)
    }
    let fitted = try fitted(
      detector, X,
      ["metric": .string("cosine"), "n_neighbors": .int(3), "algorithm": .string(algorithm)])
    let tiny = Table(2, 2) { row, column in column == 0 ? (row == 0 ? 1e-310 : 5e-324) : 0 }
    let whole = Table(2, 2) { _, column in column == 0 ? 64 : 0 }
    let found = try scores(fitted, tiny)
    #expect(found.allSatisfy { $0.isFinite })
    let expected = try scores(fitted, whole)
    #expect(found == expected)
  }

  @Test(arguments: ["PCA", "EllipticEnvelope", "OneClassSVM"])
  func columnsThatNoMemoryHolds(detector: String) throws {
    var zero = 0.0
    let X = try withUnsafePointer(to: &zero) { pointer in
      try Matrix(
        base: pointer, element: .float64, rows: 2, columns: 1 << 33, rowStride: 0, columnStride: 0)
    }
    #expect(throws: DetectionError.self) {
      try Detector(try Registry.find(detector)).fit(Training(X), call: Call(threads: 1))
    }
  }
}
