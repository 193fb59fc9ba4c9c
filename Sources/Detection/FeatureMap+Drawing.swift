import Glibc

extension FeatureMap {
  /// The map that options ask for, drawn from the first rows.
  static func make(
    _ X: Matrix, weights: UnsafeBufferPointer<Double>?, options: Options, seed: UInt64, call: Call
  ) throws(DetectionError) -> FeatureMap {
    let frame = try Frame(features: Array(0..<X.columns), of: X.columns)
    let moments = try ColumnMoments(X, frame, call)
    let nothing = try Buffer<Float>(count: 0)
    let kind = Kind(options)
    guard kind != .identity else {
      let none = try KernelRows(kernel(1), features: 0, count: 0)
      return try FeatureMap(.identity, gamma: 1, means: moments.means, rows: none, phases: nothing)
    }
    let gamma = try KernelFunction.gamma(options, columns: X.columns, variance: moments.variance)
    let wanted = options.int("n_components") ?? 100
    var random = Random(seed: seed, stream: 1)
    if kind == .fourier {
      let rows = try KernelRows(kernel(gamma), features: X.columns, count: wanted)
      let phases = try Buffer<Float>(count: rows.padded)
      let values = try Buffer<Double>(count: X.columns)
      // cos(w x + phase) with w normal of variance 2 gamma, in turns, in the coordinates of the frame.
      let scale = (2 / 1.4426950408889634).squareRoot() / (2 * Double.pi)
      for row in 0..<wanted {
        for column in 0..<X.columns { values[column] = random.normal() * scale }
        rows.set(row, values.base)
        phases[row] = Float(random.unit())
      }
      return try FeatureMap(kind, gamma: gamma, means: moments.means, rows: rows, phases: phases)
    }
    let chosen = try landmarks(X.rows, min(wanted, X.rows), weights, &random)
    let rows = try KernelRows(kernel(gamma), features: X.columns, count: chosen.count)
    let map = try FeatureMap(kind, gamma: gamma, means: moments.means, rows: rows, phases: nothing)
    let tile = try map.frame.makeTile()
    for (place, row) in chosen.enumerated() {
      try map.frame.load(X, from: row, rows: 1, into: tile.base)
      rows.set(place, tile.base)
    }
    return map
  }

  /// Rows drawn without replacement, in proportion to weights where there are.
  private static func landmarks(
    _ rows: Int, _ count: Int, _ weights: UnsafeBufferPointer<Double>?, _ random: inout Random
  ) throws(DetectionError) -> [Int] {
    try Memory.require(count, of: 64)
    guard let weights else {
      // Floyd's way: each of the last `count` numbers, or one drawn below it.
      var seen = Set<Int>()
      for last in (rows - count)..<rows {
        let drawn = random.below(last + 1)
        seen.insert(seen.contains(drawn) ? last : drawn)
      }
      return seen.sorted()
    }
    // The greatest logarithms of uniform numbers by weight (Efraimidis, Spirakis 2006).
    var keys: [(key: Double, row: Int)] = []
    try Memory.require(rows, of: 16)
    for row in 0..<rows where weights[row] > 0 {
      keys.append((log(1 - random.unit()) / weights[row], row))
    }
    keys.sort { ($1.key, $0.row) < ($0.key, $1.row) }
    return keys.prefix(count).map(\.row).sorted()
  }
}

extension FeatureMap.Kind {
  init(_ options: Options) {
    if options.string("kernel") == "linear" {
      self = .identity
    } else {
      self = options.string("approximation") == "fourier" ? .fourier : .nystroem
    }
  }
}
