import Glibc
import Testing

@testable import Detection

struct SGDOneClassSVMTests {
  static let variants: [[String: OptionValue]] = [
    [:],
    ["approximation": .string("fourier"), "nu": .double(0.1)],
    ["kernel": .string("linear")],
    ["average": .bool(true), "learning_rate": .string("invscaling"), "eta0": .double(0.5)],
  ]

  /// What scikit-learn's SGDOneClassSVM does, in plain words: weights and offset after some epochs.
  private func reference(
    _ X: Table, nu: Double, epochs: Int, average: Int, weights: [Double]
  ) -> (weights: [Double], offset: Double) {
    var w = [Double](repeating: 0, count: X.columns)
    var (b, t) = (1.0, 1)
    var (meanW, meanB) = (w, 0.0)
    let start = 1 / (nu * (1 / nu.squareRoot()).squareRoot())
    for _ in 0..<epochs {
      for row in 0..<X.rows {
        let x = X.row(row)
        let margin = zip(w, x).map { $0 * $1 }.reduce(0, +) + b
        let eta = 1 / (nu * (start + Double(t) - 1))
        let update = margin <= 1 ? eta * weights[row] : 0
        for column in w.indices { w[column] = w[column] * max(0, 1 - eta * nu) + update * x[column] }
        b += update - eta * nu
        if average > 0, average <= t {
          let share = 1 / Double(t - average + 1)
          for column in w.indices { meanW[column] += (w[column] - meanW[column]) * share }
          meanB += (b - meanB) * share
        }
        t += 1
      }
    }
    return average > 0 && average <= t - 1 ? (meanW, 1 - meanB) : (w, 1 - b)
  }

  @Test(arguments: [0, 1, 70]) func withoutAMapEachRowMakesItsOwnStep(average: Int) throws {
    let X = Table.cloud(60, 3)
    let weights = (0..<60).map { Double($0 % 4) / 2 }
    let detector = Detector(SGDOneClassSVM())
    let options: [String: OptionValue] = [
      "kernel": .string("linear"), "nu": .double(0.3), "shuffle": .bool(false), "max_iter": .int(3),
      "tol": .string("none"), "average": .int(average),
    ]
    for (name, value) in options { try detector.set(name, value) }
    try weights.withUnsafeBufferPointer {
      try detector.fit(Training(try X.matrix, weights: $0), call: Call(threads: 1))
    }
    let expected = reference(X, nu: 0.3, epochs: 3, average: average, weights: weights)
    for (row, found) in try scores(detector, X).enumerated() {
      let product = zip(expected.weights, X.row(row)).map { $0 * $1 }.reduce(0, +)
      #expect(abs(found - (expected.offset - product)) < 1e-10)
    }
    #expect(try number(detector, "t") == 181)
    #expect(detector.threshold == 0)
  }

  /// With every row a landmark nothing is approximated: the exact machine's optimum is reached.
  @Test func landmarksEverywhereGiveTheExactMachine() throws {
    let X = Table.cloud(120, 2)
    let exact = try fitted("OneClassSVM", X, ["nu": .double(0.2), "tol": .double(1e-6)])
    let least = 0.2 * (1 - (try number(exact, "objective")) / pow(0.2 * 120, 2))
    let detector = try fitted(
      "SGDOneClassSVM", X,
      ["nu": .double(0.2), "n_components": .int(120), "max_iter": .int(400), "tol": .string("none")])
    #expect(abs(try number(detector, "objective") - least) < 2e-3)
    let (ours, theirs) = (try scores(detector, X), try scores(exact, X))
    // The exact machine's multipliers sum to 24, ours to 1. An objective within 2e-3 leaves w 0.14 from the
    // best, and with it each row's value.
    let scale = try number(exact, "rho") / number(detector, "rho")
    #expect(abs(scale - 24) < 0.5)
    for row in 0..<120 { #expect(abs(ours[row] - theirs[row] / scale) < 0.05) }
  }

  @Test(arguments: [FeatureKernels.baseline, FeatureKernels.chosen])
  func wavesAndKernelValuesAreWhatTheySay(kernels: FeatureKernels) throws {
    var random = Random(seed: 3, stream: 0)
    let (points, blocks) = (try Buffer<Float>(count: 4 * 5), try Buffer<Float>(count: 2 * 8 * 5))
    let (phases, out) = (try Buffer<Float>(count: 16), try Buffer<Float>(count: 4 * 16))
    for index in 0..<20 { points[index] = Float(random.normal()) }
    for index in 0..<80 { blocks[index] = Float(random.normal()) }
    for index in 0..<16 { phases[index] = Float(random.unit()) }
    points[0] = 300  // many turns, and a kernel value of 0
    func each(_ body: (_ place: Int, _ pairs: [(Double, Double)], _ phase: Double) -> Void) {
      for row in 0..<4 {
        for wave in 0..<16 {
          let pairs = (0..<5).map {
            (Double(points[row * 5 + $0]), Double(blocks[(wave / 8 * 5 + $0) * 8 + wave % 8]))
          }
          body(row * 16 + wave, pairs, Double(phases[wave]))
        }
      }
    }
    kernels.cosineFeatures(points.base, 5, blocks.base, phases.base, 2, out.base, 16)
    each { place, pairs, phase in
      let turns = pairs.map { $0 * $1 }.reduce(phase, +)
      let tolerance = 1e-6 + 4e-6 * abs(turns)
      #expect(abs(Double(out[place]) - cos(2 * Double.pi * turns)) < tolerance)
    }
    kernels.radialFeatures(points.base, 5, blocks.base, 2, out.base, 16)
    each { place, pairs, _ in
      let squared = pairs.map { ($0 - $1) * ($0 - $1) }.reduce(0, +)
      #expect(abs(Double(out[place]) - exp2(-squared)) < 1e-5)
    }
  }

  @Test func kernelBuildsGiveTheSameBits() throws {
    var random = Random(seed: 4, stream: 0)
    let (rows, floats) = (try Buffer<Double>(count: 12 * 24), try Buffer<Float>(count: 12 * 24))
    let (weights, steps) = (try Buffer<Double>(count: 24), try Buffer<Double>(count: 12))
    for index in 0..<rows.count {
      rows[index] = random.normal()
      floats[index] = Float(rows[index])
    }
    for index in 0..<24 { weights[index] = random.normal() }
    for index in 0..<12 { steps[index] = random.unit() }
    func results(_ kernels: FeatureKernels) throws -> [Double] {
      let (gradient, products) = (try Buffer<Double>(count: 24), try Buffer<Double>(count: 24))
      var moved = 0.0
      var all = [
        kernels.hingeBatch(rows.base, 24, 12, weights.base, 0.3, steps.base, gradient.base, &moved),
        kernels.hingeBatchOfFloats(
          floats.base, 24, 12, weights.base, 0.3, steps.base, gradient.base, &moved), moved,
      ]
      kernels.rowProducts(rows.base, 24, 12, weights.base, products.base)
      kernels.rowProductsOfFloats(floats.base, 24, 12, weights.base, products.base + 12)
      for index in 0..<24 { all += [gradient[index], products[index]] }
      return all
    }
    let found = try results(.chosen)
    #expect(try results(.baseline) == found)
    #expect(found[0] > 0 && found[2] > 0)
  }

  /// The inverse times the kernel values is the identity where landmarks count; equal ones count once.
  @Test func theMetricInvertsTheKernel() throws {
    let rows = try KernelRows(FeatureMap.kernel(0.4), features: 2, count: 11)
    for place in 0..<11 {
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2) { point in
        point[0] = Double(place % 5)
        point[1] = Double(place / 5)
        if place == 10 { point.update(repeating: 0) }  // as place 0
        if let base = point.baseAddress { rows.set(place, base) }
      }
    }
    let metric = try LandmarkMetric(rows, call: Call(threads: 1), range: 0...1)
    let values = try Buffer<Float>(count: rows.padded)
    let scratch = try KernelRows.Scratch(rows)
    for row in 0..<10 {
      rows.row(row, scratch, into: values.base)
      for column in 0..<11 {
        var sum = 0.0
        for place in 0..<11 { sum += Double(values[place]) * metric.inverse[place * 16 + column] }
        #expect(abs(sum - (row == column ? 1 : 0)) < 1e-6)
      }
    }
    for place in 0..<16 { #expect(metric.inverse[10 * 16 + place] == 0) }
  }

  @Test(arguments: variants) func threadsDoNotChangeIt(options: [String: OptionValue]) throws {
    let X = Table.cloud(3000, 4)
    var options = options
    options["max_iter"] = .int(3)
    let one = try fitted("SGDOneClassSVM", X, options)
    let three = try fitted("SGDOneClassSVM", X, options, threads: 3)
    #expect(try ModelFile.bytes(of: one) == ModelFile.bytes(of: three))
    #expect(try scores(one, X) == scores(one, X, threads: 3))
  }

  @Test(arguments: variants) func keptFeaturesAreThoseMadeAnew(options: [String: OptionValue]) throws {
    let X = Table.cloud(700, 3)
    var options = options
    options["tol"] = .string("none")
    options["max_iter"] = .int(2)
    let whole = try fitted("SGDOneClassSVM", X, options)
    // Learning in parts keeps no features.
    options["max_iter"] = .int(1)
    let parts = Detector(SGDOneClassSVM())
    for (name, value) in options { try parts.set(name, value) }
    for _ in 0..<2 { try parts.partialFit(Training(try X.matrix), call: Call(threads: 1)) }
    #expect(try scores(parts, X) == scores(whole, X))
    #expect(try number(parts, "t") == 1401)
  }

  @Test func partsLearnWithTheFirstFeatures() throws {
    let X = Table.cloud(400, 3)
    let detector = Detector(SGDOneClassSVM())
    try detector.partialFit(Training(try X.matrix.slice(0..<40)), call: Call(threads: 1))
    #expect(try number(detector, "component_count") == 40)
    let gamma = try number(detector, "gamma")
    let before = try #require(detector.model as? SGDModel)
    let intercept = before.state.weights[0]
    for first in stride(from: 40, to: 400, by: 90) {
      try detector.partialFit(
        Training(try X.matrix.slice(first..<(first + 90))), call: Call(threads: 1))
    }
    #expect(before.state.weights[0] == intercept)
    #expect(try number(detector, "gamma") == gamma)
    #expect(try number(detector, "n_iter") == 5)
    let found = try scores(detector, X)
    #expect(found.suffix(5).min() ?? 0 > found.prefix(395).sorted()[300])
    try detector.set("approximation", .string("fourier"))
    #expect(throws: DetectionError.self) {
      try detector.partialFit(Training(try X.matrix), call: Call(threads: 1))
    }
  }

  @Test func warmStartGoesOn() throws {
    let X = Table.cloud(300, 2)
    let detector = try fitted(
      "SGDOneClassSVM", X, ["warm_start": .bool(true), "max_iter": .int(1), "tol": .string("none")])
    let first = try number(detector, "objective")
    try detector.fit(Training(try X.matrix), call: Call(threads: 1))
    #expect(try number(detector, "n_iter") == 2)
    #expect(try number(detector, "t") == 301)
    #expect(try number(detector, "objective") < first)
  }

  @Test(arguments: variants) func sharesSumToTheScore(options: [String: OptionValue]) throws {
    let X = Table.cloud(300, 4)
    let detector = try fitted("SGDOneClassSVM", X, options)
    let odd = Table(2, 4) { row, column in row == 0 ? (column == 2 ? -7 : 0.1) : 0 }
    let (found, parts) = (try scores(detector, odd), try shares(detector, odd))
    #expect(found[0] > 0)
    for row in 0..<2 {
      #expect(abs(parts[row].reduce(0, +) - max(found[row], 0)) < 1e-9 * abs(found[row]))
      #expect(parts[row].allSatisfy { $0 >= 0 })
    }
    #expect(parts[0][2] > 0.6 * found[0])
  }

  @Test func badCasesAreErrors() throws {
    let X = Table(50, 2) { row, _ in Double(row) * 1e200 }
    #expect(throws: DetectionError.self) {
      try fitted(
        "SGDOneClassSVM", X,
        [
          "kernel": .string("linear"), "learning_rate": .string("constant"), "eta0": .double(1e200),
        ])
    }
    let holes = Table(2000, 2) { row, _ in row == 1999 ? .nan : Double(row) }
    let error = #expect(throws: DetectionError.self) {
      try fitted("SGDOneClassSVM", holes, threads: 2)
    }
    #expect(error?.row == 1999)
  }

  @Test(arguments: [1, 3]) func longWorkIsCancelled(threads: Int) throws {
    let X = Table.cloud(20_000, 10)
    let detector = Detector(SGDOneClassSVM())
    try detector.set("tol", .string("none"))
    let call = Call(threads: threads) { fraction, _ in fraction < 0.3 }
    let error = #expect(throws: DetectionError.self) {
      try detector.fit(Training(try X.matrix), call: call)
    }
    #expect(error?.status == .cancelled)
    #expect(detector.model == nil)
  }
}
