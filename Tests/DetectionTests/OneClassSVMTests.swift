import CKernels
import Glibc
import Testing

@testable import Detection

struct OneClassSVMTests {
  static let kernels: [[String: OptionValue]] = [
    [:],
    ["nu": .double(0.1), "gamma": .double(0.3)],
    ["kernel": .string("linear")],
    ["kernel": .string("poly"), "degree": .int(2), "coef0": .double(1)],
    ["kernel": .string("sigmoid"), "gamma": .double(0.05), "nu": .double(0.2)],
  ]

  private func cloud(_ rows: Int, _ columns: Int) -> Table {
    var random = Random(seed: 2, stream: UInt64(rows))
    return Table(rows, columns) { _, column in random.normal() * Double(column + 1) + 3 }
  }

  /// Two rows and a radial kernel: by symmetry both multipliers are nu, and the decision is known.
  @Test func twoRowsAreSolvedByHand() throws {
    let X = Table(2, 1) { row, _ in Double(row) }
    let detector = try fitted("OneClassSVM", X, ["gamma": .double(1), "nu": .double(0.5)])
    let rho = 0.5 * (1 + exp(-1))
    #expect(abs(try number(detector, "rho") - rho) < 1e-6)
    let middle = Table(1, 1) { _, _ in 0.5 }
    #expect(abs(try scores(detector, middle)[0] - (rho - exp(-0.25))) < 1e-6)
    #expect(detector.threshold == 0)
  }

  /// No pair of multipliers violates optimality: checked against kernel values computed here.
  @Test(arguments: kernels) func theSolutionIsOptimal(options: [String: OptionValue]) throws {
    let X = cloud(90, 3)
    let detector = try fitted("OneClassSVM", X, options)
    let model = try #require(detector.model as? SVMModel)
    #expect(try number(detector, "violation") < 1e-3)
    let nu = options["nu"] == nil ? 0.5 : try #require(detector.options.double("nu"))
    #expect(abs(model.coefficients.elements.reduce(0, +) - nu * 90) < 1e-9)
    let found = try scores(detector, X)
    let scale = max(1, abs(model.rho))
    let outside = found.count { $0 > 1e-3 * scale }
    #expect(outside <= Int(nu * 90 + 1e-9))
    #expect(found.count { $0 > -1e-3 * scale } >= Int(nu * 90))
  }

  @Test(arguments: kernels) func shrinkingDoesNotChangeTheSolution(options: [String: OptionValue]) throws {
    let X = cloud(300, 3)
    let plain = try fitted("OneClassSVM", X, options)
    var other = options
    other["cache_size"] = .double(0.02)  // sets of 64 rows, and a cache of a few
    let small = try fitted("OneClassSVM", X, other)
    other["shrinking"] = .bool(false)
    let whole = try fitted("OneClassSVM", X, other)
    let expected = try number(plain, "objective")
    for detector in [small, whole] {
      #expect(abs(try number(detector, "objective") - expected) <= 1e-3 * max(1, abs(expected)))
      #expect(abs(try number(detector, "rho") - number(plain, "rho")) < 5e-3)
    }
  }

  @Test func aSampleFirstGivesTheSameSolution() throws {
    let X = cloud(6200, 2)
    let options: [String: OptionValue] = ["nu": .double(0.02), "gamma": .double(0.05)]
    let detector = try fitted("OneClassSVM", X, options, threads: 2)
    var limited = options
    limited["max_iter"] = .int(1_000_000)  // with a limit it begins as libsvm does
    let other = try fitted("OneClassSVM", X, limited)
    let expected = try number(other, "objective")
    #expect(abs(try number(detector, "objective") - expected) < 1e-4 * expected)
  }

  @Test func weightsCountAsRepeatedRows() throws {
    let X = cloud(40, 2)
    let twice = Table(80, 2) { row, column in X.values[row / 2 * 2 + column] }
    let weights = try Buffer<Double>(count: 40)
    weights.base.update(repeating: 2, count: 40)
    let weighted = Detector(OneClassSVM())
    try weighted.fit(
      Training(try X.matrix, weights: UnsafeBufferPointer(start: weights.base, count: 40)),
      call: Call(threads: 1))
    let repeated = try fitted("OneClassSVM", twice, ["gamma": .double(try number(weighted, "gamma"))])
    let (a, b) = (try scores(weighted, X), try scores(repeated, X))
    for row in 0..<40 { #expect(abs(a[row] - b[row]) < 5e-3) }
  }

  @Test func rowsWithoutWeightDoNotTakePart() throws {
    let X = cloud(40, 2)
    X.values[0] = 1e6
    let weights = try Buffer<Double>(count: 40)
    weights.base.update(repeating: 1, count: 40)
    weights[0] = 0
    let detector = Detector(OneClassSVM())
    try detector.set("nu", .double(1))
    try detector.fit(
      Training(try X.matrix, weights: UnsafeBufferPointer(start: weights.base, count: 40)),
      call: Call(threads: 1))
    #expect(try number(detector, "support_count") == 39)
    #expect(try scores(detector, X).allSatisfy { $0 > -1e-6 })
  }

  @Test func whatDoesNotFitAKernelIsSaid() throws {
    func message(_ X: Table, _ options: [String: OptionValue] = [:]) -> String {
      do {
        _ = try fitted("OneClassSVM", X, options)
        return ""
      } catch {
        return (error as? DetectionError)?.message ?? ""
      }
    }
    let huge = Table(5, 1) { row, _ in Double(row) * 1e100 }
    #expect(message(huge, ["kernel": .string("linear")]).contains("too large for this kernel"))
    #expect(
      message(Table(5, 2) { row, column in row == 3 && column == 1 ? .infinity : 1 })
        .contains("row 3, column 1"))
    #expect(message(Table(5, 1) { row, _ in Double(row) }, ["nu": .double(1.5)]).contains("nu"))
    #expect(message(Table(3, 2) { _, _ in 7 }) == "")  // all the same: fits, all alike
  }

  @Test func maxIterStops() throws {
    let detector = try fitted("OneClassSVM", cloud(90, 3), ["max_iter": .int(3)])
    #expect(try number(detector, "n_iter") == 3)
    #expect(try number(detector, "violation") > 1e-3)
  }

  @Test(arguments: kernels) func sharesSumToTheScore(options: [String: OptionValue]) throws {
    let X = cloud(60, 3)
    let detector = try fitted("OneClassSVM", X, options)
    try expectShares(detector, X)
    let far = Table(2, 3) { row, column in row == 0 ? 1e300 : column == 1 ? 900 : 3 }
    try expectShares(detector, far)
    #expect(try scores(detector, far).allSatisfy { $0.isFinite })
  }

  @Test func theFarFeatureExplainsMost() throws {
    let X = cloud(60, 3)
    let detector = try fitted("OneClassSVM", X)
    let far = Table(1, 3) { _, column in column == 1 ? 60 : 3 }
    let shares = try explanation(detector, far)
    #expect(shares[1] > 0.9 * shares.reduce(0, +))
  }

  @Test(arguments: kernels) func threadsDoNotChangeBits(options: [String: OptionValue]) throws {
    let X = cloud(200, 3)
    let bytes = try [1, 3].map { try ModelFile.bytes(of: fitted("OneClassSVM", X, options, threads: $0)) }
    #expect(bytes[0] == bytes[1])
  }

  @Test func kernelsOfBothBuildsAgree() throws {
    #if arch(x86_64)
      let builds = ck_has_x86_64_v3() != 0 ? [SVMKernels.baseline, .x86v3] : [.baseline]
    #else
      let builds = [SVMKernels.baseline]
    #endif
    var random = Random(seed: 1, stream: 1)
    let (features, blocks) = (5, 3)
    let rows = try Buffer<Float>(count: blocks * 8 * features)
    let points = try Buffer<Float>(count: 4 * features)
    let coefficients = try Buffer<Double>(count: blocks * 8)
    for index in 0..<rows.count { rows[index] = Float(random.normal()) }
    for index in 0..<points.count { points[index] = Float(random.normal()) }
    for index in 0..<coefficients.count { coefficients[index] = random.unit() }
    let results = try builds.map { kernels -> [Double] in
      let out = try Buffer<Float>(count: blocks * 8)
      kernels.radialRow(points.base, features, rows.base, blocks, out.base)
      let sums = try Buffer<Double>(count: 4)
      kernels.addRadialSums(points.base, features, rows.base, coefficients.base, blocks, sums.base)
      var total = 0.0
      for row in 0..<(blocks * 8) {
        var distance = 0.0
        for feature in 0..<features {
          let away = Double(rows[(row / 8 * features + feature) * 8 + row % 8] - points[feature])
          distance += away * away
        }
        #expect(abs(Double(out[row]) - exp2(-distance)) < 1e-6 * exp2(-distance))
        total += coefficients[row] * exp2(-distance)
      }
      #expect(abs(sums[0] - total) < 1e-6 * total)
      let gradient = try Buffer<Double>(count: blocks * 8)
      kernels.moveGradient(gradient.base, out.base, rows.base, 0.7, blocks * 8)
      let (penalty, diagonal) = (try Buffer<Double>(count: 24), try Buffer<Float>(count: 24))
      penalty[3] = .infinity
      for index in 0..<24 { diagonal[index] = 1 }
      var (least, widest) = (0.0, 0.0)
      let i = kernels.leastGradient(gradient.base, penalty.base, 24, &least)
      #expect(i != 3 && (0..<24).allSatisfy { $0 == 3 || gradient[$0] >= gradient[i] })
      let j = kernels.bestPartner(
        gradient.base, penalty.base, out.base, diagonal.base, 1, least, 24, &widest)
      #expect(j >= 0 && j != i && j != 3)
      return out.elements.map(Double.init) + sums.elements + gradient.elements
        + [Double(i), Double(j), least, widest]
    }
    for result in results { #expect(result == results[0]) }
  }

  @Test func theExponentialIsAccurate() {
    for step in 0..<2000 {
      let t = -Float(step) * 0.05
      let found = ck_exp2_8(SIMD8(repeating: t))[3]
      #expect(abs(Double(found) - exp2(Double(t))) <= 3e-7 * exp2(Double(t)))
    }
  }
}
