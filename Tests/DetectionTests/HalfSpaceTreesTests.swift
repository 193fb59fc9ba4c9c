import Testing

@testable import Detection

private func detector(_ options: [String: OptionValue] = [:]) throws -> Detector {
  let detector = Detector(try Registry.find("HalfSpaceTrees"))
  for (name, value) in options { try detector.set(name, value) }
  return detector
}

/// river's score by the definition: walk down, add mass * 2^depth, stop below the limit.
private func reference(_ model: HalfSpaceModel, window: ArraySlice<[Double]>, _ x: [Double]) -> Double {
  let height = model.plan.height
  func path(_ x: [Double], _ tree: Int) -> [Int] {
    var nodes = [1]
    for _ in 0..<height {
      let node = model.standing[(tree << height) + nodes[nodes.count - 1]]
      nodes.append(2 * nodes[nodes.count - 1] + (x[Int(node.feature)] < node.split ? 0 : 1))
    }
    return nodes
  }
  var sum = 0.0
  for tree in 0..<model.plan.treeCount {
    var masses: [Int: Double] = [:]
    for row in window { for node in path(row, tree) { masses[node, default: 0] += 1 } }
    var weight = 1.0
    for node in path(x, tree) {
      sum += masses[node, default: 0] * weight
      if masses[node, default: 0] < model.plan.sizeLimit * Double(window.count) { break }
      weight *= 2
    }
  }
  return 1 - sum / (Double(model.plan.treeCount) * Double(window.count) * (2 * Double(1 << height) - 1))
}

struct HalfSpaceTreesTests {
  @Test(arguments: ["window", "unit"])
  func scoresAreThoseOfTheLastFullWindow(_ limits: String) throws {
    let X = Table(1000, 3) { row, column in Double((row * 7919 + column * 104_729) % 1009) / 1009 }
    let rows = (0..<1000).map { X.row($0) }
    let options: [String: OptionValue] = [
      "window_size": .int(150), "n_trees": .int(9), "height": .int(6), "limits": .string(limits),
    ]
    let detector = try detector(options)
    // Parts that end inside windows, at their ends, and that hold several.
    for (first, end, window) in [
      (0, 1, 0..<1), (1, 100, 0..<100), (100, 150, 0..<150), (150, 160, 0..<150), (160, 299, 0..<150),
      (299, 300, 150..<300), (300, 940, 750..<900), (940, 1000, 750..<900),
    ] {
      try detector.partialFit(Training(try X.matrix.slice(first..<end)), call: Call(threads: 1))
      let model = try #require(detector.model as? HalfSpaceModel)
      let found = try scores(detector, X)
      for row in stride(from: 0, to: 1000, by: 61) {
        let expected = reference(model, window: rows[window], rows[row])
        #expect(abs(found[row] - expected) < 1e-12, "after \(end) rows")
      }
    }
    let whole = try fitted("HalfSpaceTrees", X, options)
    #expect(try scores(whole, X, threads: 2) == scores(detector, X))
  }

  @Test func farRowsScoreHigherThanNearOnes() throws {
    let X = Table.cloud(2000, 4)
    let detector = try fitted("HalfSpaceTrees", X)
    let found = try scores(detector, X)
    #expect(found.suffix(5).min()! > found.prefix(1995).reduce(0, +) / 1995 + 0.05)
    #expect(found.allSatisfy { $0 >= 0 && $0 <= 1 })
  }

  @Test func sharesGoToTheFeatureThatIsOdd() throws {
    let X = Table.cloud(2000, 4)
    let detector = try fitted("HalfSpaceTrees", X, ["n_trees": .int(200)])
    let odd = Table(1, 4) { _, column in column == 2 ? 12 : 0 }
    let own = try shares(detector, odd)[0]
    #expect(own.max() == own[2])
    let score = try scores(detector, odd)[0]
    #expect(abs(own.reduce(0, +) - score) < 1e-12)
  }

  @Test func constantFeaturesAreNotCut() throws {
    let X = Table(600, 3) { row, column in column == 1 ? 4 : Double((row * 31 + column) % 101) }
    let model = try #require(try fitted("HalfSpaceTrees", X).model as? HalfSpaceModel)
    for tree in 0..<model.plan.treeCount {
      for node in 1..<(1 << model.plan.height) {
        #expect(model.standing[(tree << model.plan.height) + node].feature != 1)
      }
    }
    let equal = try fitted("HalfSpaceTrees", Table(600, 2) { _, _ in 4 })
    let found = try scores(equal, Table(2, 2) { row, _ in row == 0 ? 4 : 4.1 })
    #expect(found[0] == 0 && found[1] > 0.5)
  }

  @Test func thresholdOfSmallPartsGoesByEarlierRowsToo() throws {
    let X = Table.cloud(900, 2)
    let detector = try detector(["contamination": .double(0.1)])
    for row in 0..<900 {
      try detector.partialFit(Training(try X.matrix.slice(row..<(row + 1))), call: Call(threads: 1))
    }
    let above = try scores(detector, X).filter { $0 > detector.threshold }.count
    #expect(above > 30 && above < 250)
    #expect(detector.recentScores.count == 900)
    // The scores travel with the model.
    let bytes = try ModelFile.bytes(of: detector)
    let loaded = try bytes.withUnsafeBytes { try ModelFile.detector(from: $0) }
    #expect(loaded.recentScores == detector.recentScores)
    try loaded.partialFit(Training(try X.matrix.slice(0..<1)), call: Call(threads: 1))
    try detector.partialFit(Training(try X.matrix.slice(0..<1)), call: Call(threads: 1))
    #expect(loaded.threshold == detector.threshold)
    // A call with many rows goes by these alone.
    try detector.fit(Training(try X.matrix), call: Call(threads: 1))
    #expect(try scores(detector, X).filter { $0 > detector.threshold }.count == 90)
  }

  @Test func valuesAtTheEndOfTheRange() throws {
    let most = Double.greatestFiniteMagnitude
    let varied = Table(300, 3) { row, column in
      [most, 0.9 * most, -most, 0.5 * most][(row * (column + 1)) % (2 + column)]
    }
    for X in [
      varied, Table(300, 2) { _, _ in most }, Table(300, 2) { _, column in column == 0 ? most : -most },
    ] {
      let detector = try fitted("HalfSpaceTrees", X)
      let found = try scores(detector, X)
      #expect(found.allSatisfy { $0 >= 0 && $0 <= 1 })
      let bytes = try ModelFile.bytes(of: detector)
      let loaded = try bytes.withUnsafeBytes { try ModelFile.detector(from: $0) }
      #expect(try scores(loaded, X) == found)
    }
    let equal = try fitted("HalfSpaceTrees", Table(300, 2) { _, _ in most })
    let found = try scores(equal, Table(2, 2) { row, _ in row == 0 ? most : 0.9 * most })
    #expect(found[0] == 0 && found[1] > 0.5)
  }
}
