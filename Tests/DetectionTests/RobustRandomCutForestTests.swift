import Glibc
import Testing

@testable import Detection

/// A cut tree as objects, for references that go by the definitions.
private indirect enum Node {
  case leaf(point: [Double], rows: Int)
  case cut(feature: Int, at: Double, left: Node, right: Node)

  init(_ tree: CutTree, _ place: Int32, columns: Int) throws {
    let points = try #require(tree.points)
    if place < 0 {
      let leaf = Int(~place)
      self = .leaf(
        point: (0..<columns).map { points[leaf * tree.width + $0] },
        rows: Int(try #require(tree.counts)[leaf]))
    } else {
      let node = try #require(tree.nodes)[Int(place)]
      self = .cut(
        feature: Int(node.feature), at: node.cut,
        left: try Node(tree, node.left, columns: columns),
        right: try Node(tree, node.right, columns: columns))
    }
  }

  var rows: Int {
    switch self {
    case .leaf(_, let rows): rows
    case .cut(_, _, let left, let right): left.rows + right.rows
    }
  }

  var points: [[Double]] {
    switch self {
    case .leaf(let point, _): [point]
    case .cut(_, _, let left, let right): left.points + right.points
    }
  }

  /// How much each side of the box around all points grows by x, and how long the sides are in all.
  func growth(_ x: [Double]) -> (sides: [Double], length: Double) {
    let points = points
    var sides: [Double] = []
    var length = 0.0
    for feature in x.indices {
      let low = points.map { $0[feature] }.min()!
      let high = points.map { $0[feature] }.max()!
      sides.append(max(low, x[feature], high) - min(low, x[feature], high) - (high - low))
      length += high - low
    }
    return (sides, length)
  }

  /// Every tree that inserting x can make, with its probability.
  func insertions(_ x: [Double]) -> [(Double, Node)] {
    if case .leaf(let point, let rows) = self, point == x {
      return [(1, .leaf(point: point, rows: rows + 1))]
    }
    let (sides, length) = growth(x)
    let share = sides.reduce(0, +) / (length + sides.reduce(0, +))
    // On which side of the cut x is does not matter to its displacement.
    var all: [(Double, Node)] = [
      (share, .cut(feature: 0, at: 0, left: .leaf(point: x, rows: 1), right: self))
    ]
    guard case .cut(let feature, let at, let left, let right) = self else { return all }
    if x[feature] <= at {
      all += left.insertions(x).map {
        ($0 * (1 - share), .cut(feature: feature, at: at, left: $1, right: right))
      }
    } else {
      all += right.insertions(x).map {
        ($0 * (1 - share), .cut(feature: feature, at: at, left: left, right: $1))
      }
    }
    return all
  }

  /// The collusive displacement of the leaf at x: of all subtrees with it, the most rows beside one to a row in it.
  func displacement(_ x: [Double]) -> Double? {
    switch self {
    case .leaf(let point, _): return point == x ? 0 : nil
    case .cut(_, _, let left, let right):
      if let below = left.displacement(x) { return max(below, Double(right.rows) / Double(left.rows)) }
      if let below = right.displacement(x) { return max(below, Double(left.rows) / Double(right.rows)) }
      return nil
    }
  }

  /// Whether every cut parts its points.
  var isParted: Bool {
    guard case .cut(let feature, let at, let left, let right) = self else { return true }
    return left.points.allSatisfy { $0[feature] <= at } && right.points.allSatisfy { $0[feature] > at }
      && left.isParted && right.isParted
  }
}

private func forest(
  _ X: Table, _ options: [String: OptionValue] = [:], threads: Int = 1
) throws -> CutForestModel {
  try #require(
    fitted("RobustRandomCutForest", X, options, threads: threads).model as? CutForestModel)
}

struct RobustRandomCutForestTests {
  @Test func scoreIsTheExpectedDisplacementOfEveryInsertion() throws {
    let X = Table(40, 3) { row, column in Double((row * 37 + column * 11) % 17) + (row == 39 ? 30 : 0) }
    let model = try forest(X, ["n_estimators": .int(5), "max_samples": .int(30)])
    // Rows that are there, rows between and rows far outside.
    let new = Table(60, 3) { row, column in
      row < 40 ? X.values[row * 3 + column] : Double((row * 53 + column * 29) % 41) - 5.5
    }
    let found = try Buffer<Double>(count: 60)
    try model.score(new.matrix, call: Call(threads: 1), into: found.base)
    for row in 0..<60 {
      let x = new.row(row)
      var sum = 0.0
      for tree in model.trees {
        let node = try Node(tree, tree.root, columns: 3)
        for (share, after) in node.insertions(x) where share > 0 {
          sum += share * (try #require(after.displacement(x)))
        }
      }
      #expect(abs(found[row] - sum / 5) <= 1e-12 * max(1, sum))
    }
  }

  /// What inserting really does, many times over.
  @Test func insertingDisplacesAsExpected() throws {
    let X = Table.cloud(64, 2)
    let model = try forest(X, ["n_estimators": .int(1), "max_samples": .int(64)])
    let x = Table(1, 2) { _, column in column == 0 ? 2.5 : -1 }
    let score = try Buffer<Double>(count: 1)
    try model.score(x.matrix, call: Call(threads: 1), into: score.base)
    let row = try Buffer<Double>(count: 4)
    row.base.update(from: x.values, count: 2)
    var (sum, squares) = (0.0, 0.0)
    let times = 3000
    for time in 0..<times {
      let tree = try model.trees[0].copy(room: 65, atMost: 65)
      var random = Random(seed: 9, stream: UInt64(time))
      tree.insert(row.base, as: 64, &random)
      let displacement = try #require(try Node(tree, tree.root, columns: 2).displacement(x.row(0)))
      sum += displacement
      squares += displacement * displacement
    }
    let mean = sum / Double(times)
    let deviation = (squares / Double(times) - mean * mean).squareRoot() / Double(times).squareRoot()
    #expect(deviation > 0)
    #expect(abs(mean - score[0]) < 4.5 * deviation)
  }

  @Test(arguments: ["reservoir", "sliding"])
  func treesStayWholeThroughInsertingAndDeleting(_ sampling: String) throws {
    // Few different values: many rows are equal.
    let X = Table(400, 4) { row, column in Double((row * row * (column + 3)) % 7) }
    let detector = Detector(try Registry.find("RobustRandomCutForest"))
    for (name, value) in [
      ("sampling", OptionValue.string(sampling)), ("max_samples", .int(40)), ("n_estimators", .int(4)),
    ] { try detector.set(name, value) }
    for first in stride(from: 0, to: 400, by: 31) {
      try detector.partialFit(
        Training(try X.matrix.slice(first..<min(first + 31, 400))), call: Call(threads: 2))
      let model = try #require(detector.model as? CutForestModel)
      for tree in model.trees {
        let whole = try Node(tree, tree.root, columns: 4)
        #expect(whole.rows == tree.entryCount)
        #expect(whole.isParted)
        #expect(Set(whole.points).count == tree.leafCount)
        try expectBoxes(tree, tree.root)
      }
    }
    let model = try #require(detector.model as? CutForestModel)
    guard sampling == "sliding" else { return }
    let last = (360..<400).map { X.row($0) }.sorted { $0.lexicographicallyPrecedes($1) }
    for tree in model.trees {
      let points = try #require(tree.points)
      let held = (0..<tree.entryCount).map { entry in
        (0..<4).map { points[tree.leaf(of: entry) * tree.width + $0] }
      }
      #expect(held.sorted { $0.lexicographicallyPrecedes($1) } == last)
    }
  }

  /// Counts and boxes are those of the rows below, to the bit.
  private func expectBoxes(_ tree: CutTree, _ place: Int32) throws {
    guard place >= 0 else { return }
    let node = try #require(tree.nodes)[Int(place)]
    let boxes = try #require(tree.boxes)
    let own = try Node(tree, place, columns: 4)
    #expect(Int(node.count) == own.rows)
    let left = try Node(tree, node.left, columns: 4)
    #expect(Int(node.left_count) == left.rows)
    for feature in 0..<4 {
      let values = own.points.map { $0[feature] }
      #expect(boxes[2 * tree.width * Int(place) + feature] == values.min())
      #expect(boxes[2 * tree.width * Int(place) + tree.width + feature] == values.max())
    }
    try expectBoxes(tree, node.left)
    try expectBoxes(tree, node.right)
  }

  /// How often each row is held, over many trees, against its chance.
  @Test(arguments: [0, 0.05])
  func reservoirHoldsRowsByTheirWeight(_ decay: Double) throws {
    let X = Table(60, 1) { row, _ in Double(row) }
    let trees = 1500
    let model = try forest(
      X, ["n_estimators": .int(trees), "max_samples": .int(12), "time_decay": .double(decay)], threads: 2)
    var held = [Int](repeating: 0, count: 60)
    for tree in model.trees {
      let points = try #require(tree.points)
      for entry in 0..<tree.entryCount { held[Int(points[tree.leaf(of: entry) * tree.width])] += 1 }
    }
    // The same draw, row after row: weights without replacement.
    var expected = [Double](repeating: 0.2, count: 60)
    if decay > 0 {
      var random = Random(seed: 77, stream: 1)
      expected = [Double](repeating: 0, count: 60)
      for _ in 0..<5000 {
        let keys = (0..<60).map { row in
          (-logarithm(1 - random.unit()) / exponential(decay * Double(row)), row)
        }.sorted { $0.0 < $1.0 }
        for (_, row) in keys.prefix(12) { expected[row] += 1.0 / 5000 }
      }
    }
    #expect(held.reduce(0, +) == 12 * trees)
    var worst = 0.0
    for row in 0..<60 {
      let share = Double(held[row]) / Double(trees)
      let spread = (expected[row] * (1 - expected[row]) / Double(trees)).squareRoot()
      worst = max(worst, abs(share - expected[row]) / (1.3 * spread))
    }
    #expect(worst < 4)
  }

  @Test func partsMakeTheSameForestAsTheWhole() throws {
    let X = Table.cloud(900, 5)
    let options: [String: OptionValue] = ["n_estimators": .int(6), "max_samples": .int(100)]
    let whole = try fitted("RobustRandomCutForest", X, options, threads: 2)
    let parts = Detector(try Registry.find("RobustRandomCutForest"))
    for (name, value) in options { try parts.set(name, value) }
    for first in stride(from: 0, to: 900, by: 7) {
      try parts.partialFit(
        Training(try X.matrix.slice(first..<min(first + 7, 900))), call: Call(threads: 1))
    }
    #expect(try scores(parts, X) == scores(whole, X, threads: 2))
    #expect(whole.threshold > 0 && parts.threshold > 0)
  }

  @Test func equalRowsDisplaceNothing() throws {
    let X = Table(500, 3) { _, column in Double(column) }
    let detector = try fitted("RobustRandomCutForest", X, ["n_estimators": .int(10)])
    #expect(try scores(detector, Table(1, 3) { _, column in Double(column) }) == [0])
    #expect(try scores(detector, Table(1, 3) { _, column in Double(column) + 1e-9 }) == [256])
    let own = try shares(detector, Table(1, 3) { _, column in column == 1 ? 5 : Double(column) })
    #expect(own == [[0, 256, 0]])
  }

  @Test func sharesGoToTheFeatureThatIsOdd() throws {
    let X = Table.cloud(500, 4)
    let detector = try fitted("RobustRandomCutForest", X, ["n_estimators": .int(30)])
    let odd = Table(1, 4) { _, column in column == 2 ? 12 : 0.1 }
    let own = try shares(detector, odd)[0]
    #expect(own[2] > 0.9 * own.reduce(0, +))
    let score = try scores(detector, odd)[0]
    #expect(abs(own.reduce(0, +) - score) < 1e-9)
  }

  @Test func valuesAtTheEndOfTheRange() throws {
    let small = Table.cloud(300, 3)
    let huge = Table(300, 3) { row, column in small.values[row * 3 + column] * 0x1p1019 }
    // The same draws on the same shape: sums that overflow are taken at another scale.
    let few: [String: OptionValue] = ["n_estimators": .int(10)]
    let a = try scores(fitted("RobustRandomCutForest", small, few), small)
    let b = try scores(fitted("RobustRandomCutForest", huge, few), huge)
    for (x, y) in zip(a, b) { #expect(abs(x - y) <= 0.3 * x) }
    #expect(b.allSatisfy { $0.isFinite })
  }

  /// Memory that was used before holds no numbers that a model file may have.
  private func dirtyTheHeap() throws {
    for count in [4, 12, 30, 60, 100, 120, 240, 500] {
      let buffers = try (0..<8).map { _ in try Buffer<UInt64>(count: count, zeroed: false) }
      for buffer in buffers { buffer.base.update(repeating: .max, count: count) }
    }
  }

  @Test func slidingModelsAreTheSameBytesAndLoad() throws {
    let X = Table.cloud(130, 3)
    var files: [[UInt8]] = []
    for _ in 0..<3 {
      try dirtyTheHeap()
      let detector = try slidingForest()
      for (first, end) in [(0, 100), (100, 110), (110, 130)] {
        try dirtyTheHeap()
        try detector.partialFit(Training(try X.matrix.slice(first..<end)), call: Call(threads: 1))
      }
      files.append(try ModelFile.bytes(of: detector))
      let loaded = try files[0].withUnsafeBytes { try ModelFile.detector(from: $0) }
      #expect(try scores(loaded, X) == scores(detector, X))
      #expect(try ModelFile.bytes(of: loaded) == files[0])
    }
    #expect(files[1] == files[0] && files[2] == files[0])
  }

  private func slidingForest() throws -> Detector {
    let detector = Detector(try Registry.find("RobustRandomCutForest"))
    for (name, value) in [
      ("sampling", OptionValue.string("sliding")), ("max_samples", .int(30)), ("n_estimators", .int(3)),
    ] { try detector.set(name, value) }
    return detector
  }

  /// However the rows come: all at once, one by one, or in parts that do not end where windows do.
  @Test(arguments: [1, 7, 30, 45, 100, 131])
  func slidingPartsMakeTheSameForestAsTheWhole(_ size: Int) throws {
    for rows in [20, 30, 31, 59, 60, 131, 200] {
      let X = Table.cloud(rows, 3)
      let whole = try slidingForest()
      try whole.fit(Training(try X.matrix), call: Call(threads: 1))
      let parts = try slidingForest()
      for first in stride(from: 0, to: rows, by: size) {
        try parts.partialFit(
          Training(try X.matrix.slice(first..<min(first + size, rows))), call: Call(threads: 1))
      }
      #expect(try scores(parts, X) == scores(whole, X), "\(rows) rows by \(size)")
    }
  }

  /// Differences whose halves are 0.
  @Test(arguments: [1.0, 2, 3]) func sharesOfSubnormalDifferences(_ unit: Double) throws {
    let X = Table(200, 3) { row, column in
      Double((row * 37 + column * 11) % 5) * unit * Double.leastNonzeroMagnitude
    }
    let detector = try fitted(
      "RobustRandomCutForest", X, ["n_estimators": .int(10), "max_samples": .int(20)])
    let new = Table(6, 3) { row, column in
      column == 1 ? Double(row) * unit * Double.leastNonzeroMagnitude : 0
    }
    for table in [X, new] {
      for (own, score) in zip(try shares(detector, table), try scores(detector, table)) {
        #expect(own.allSatisfy { $0.isFinite && $0 >= 0 })
        #expect(abs(own.reduce(0, +) - score) <= 1e-9 * score)
      }
    }
  }

  #if arch(x86_64)
    /// Where the program has told the processor that subnormal numbers be 0.
    @Test func differencesThatAreFlushedToZero() throws {
      var before = fenv_t()
      fegetenv(&before)
      defer { fesetenv(&before) }
      var flushing = before
      flushing.__mxcsr |= 0x8000
      fesetenv(&flushing)
      let X = Table(300, 3) { row, column in
        2.3e-308 * (1 + 0.01 * Double((row * row * (column + 3)) % 7))
      }
      let detector = try slidingForest()
      for first in stride(from: 0, to: 300, by: 10) {
        try detector.partialFit(
          Training(try X.matrix.slice(first..<(first + 10))), call: Call(threads: 1))
      }
      #expect(try scores(detector, X).allSatisfy { $0.isFinite })
      #expect(try shares(detector, X).allSatisfy { $0.allSatisfy { $0.isFinite } })
      let bytes = try ModelFile.bytes(of: detector)
      #expect(try bytes.withUnsafeBytes { try ModelFile.detector(from: $0) }.model?.featureCount == 3)
    }
  #endif
}

private func logarithm(_ x: Double) -> Double { Glibc.log(x) }
private func exponential(_ x: Double) -> Double { Glibc.exp(x) }
