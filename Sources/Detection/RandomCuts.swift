import Glibc

/// Projections onto random directions, each of the root of the number of features with normal weights.
struct RandomCuts: Sendable {
  let featureCount: Int
  let count: Int
  /// Features in each cut.
  let terms: Int
  let seed: UInt64
  /// `terms` for each cut, in ascending order of the features.
  private let features: Buffer<UInt32>
  private let weights: Buffer<Double>

  /// Larger values, which a projection could carry beyond the range of numbers, count as this.
  private static let limit = 1e300

  init(count: Int, features featureCount: Int, seed: UInt64) throws(DetectionError) {
    guard featureCount < 1 << 31 else {
      throw DetectionError(
        .invalidData, "the data have \(featureCount) columns; allowed are less than 2^31")
    }
    self.featureCount = featureCount
    self.count = count
    self.seed = seed
    terms = max(1, Int(Double(featureCount).squareRoot()))
    features = try Buffer(count: count * terms)
    weights = try Buffer(count: count * terms)
    let order = try Buffer<UInt32>(count: featureCount)
    for index in 0..<featureCount { order[index] = UInt32(index) }
    for cut in 0..<count {
      var random = Random(seed: seed, stream: UInt64(cut))
      let own = UnsafeMutableBufferPointer(start: features.base + cut * terms, count: terms)
      for index in 0..<terms {
        let drawn = index + random.below(featureCount - index)
        own[index] = order[drawn]
        (order[index], order[drawn]) = (order[drawn], order[index])
      }
      var ascending = own
      ascending.sort()
      for index in 0..<terms { weights[cut * terms + index] = random.normal() }
    }
  }

  private init(
    featureCount: Int, count: Int, terms: Int, seed: UInt64, features: Buffer<UInt32>,
    weights: Buffer<Double>
  ) {
    self.featureCount = featureCount
    self.count = count
    self.terms = terms
    self.seed = seed
    self.features = features
    self.weights = weights
  }

  func features(of cut: Int) -> UnsafeBufferPointer<UInt32> {
    UnsafeBufferPointer(start: features.base + cut * terms, count: terms)
  }

  /// How many cuts use each feature.
  func uses() throws(DetectionError) -> Buffer<Int> {
    let uses = try Buffer<Int>(count: featureCount)
    for index in 0..<(count * terms) { uses[Int(features[index])] += 1 }
    return uses
  }

  /// Hand the projections of chunk after chunk of rows to `body`, each chunk cut after cut on one thread,
  /// with room for as many numbers.
  func forEachProjection(
    _ X: Matrix, call: Call, stage: StaticString,
    body: (
      _ first: Int, _ rows: Int, _ worker: Int, _ cut: Int, _ values: UnsafePointer<Double>,
      _ room: UnsafeMutablePointer<Double>
    ) -> Void
  ) throws(DetectionError) {
    let kernels = ColumnKernels.chosen
    try forEachRowChunk(X, call: call, stage: stage, scratch: featureCount + 2) {
      (first, rows, worker, block) throws(DetectionError) in
      for column in 0..<featureCount {
        try kernels.load(X, column: column, from: first, rows: rows, into: block + column * rows)
      }
      kernels.clampValues(block, featureCount * rows, RandomCuts.limit)
      let values = block + featureCount * rows
      for cut in 0..<count {
        kernels.projectRows(
          block, rows, rows, features.base + cut * terms, weights.base + cut * terms, terms, values)
        body(first, rows, worker, cut, values, values + rows)
      }
    }
  }

  /// The range of every cut's projections.
  func ranges(of X: Matrix, call: Call) throws(DetectionError) -> [ClosedRange<Double>] {
    let threads = RowChunks(X, threads: call.threads).threads
    let size = threads.multipliedReportingOverflow(by: count)
    let lows = try Buffer<Double>(count: size.overflow ? Int.max : size.partialValue)
    let highs = try Buffer<Double>(count: lows.count)
    for index in 0..<lows.count {
      lows[index] = .infinity
      highs[index] = -.infinity
    }
    nonisolated(unsafe) let (low, high) = (lows.base, highs.base)
    try forEachProjection(X, call: call, stage: "fit") { (_, rows, worker, cut, values, _) in
      var (least, greatest) = (0.0, 0.0)
      ColumnKernels.chosen.columnRange(values, rows, &least, &greatest)
      let place = worker * count + cut
      low[place] = min(low[place], least)
      high[place] = max(high[place], greatest)
    }
    try Memory.require(count, of: 16)
    return (0..<count).map { cut in
      let places = (0..<threads).map { $0 * count + cut }
      return places.reduce(.infinity) {
        min($0, lows[$1])
      }...places.reduce(-.infinity) {
        max($0, highs[$1])
      }
    }
  }

  /// The range of every cut's projections and the best number of bins for it, from their sorted values. Each
  /// thread works on a cut at a time and takes 28 bytes a row.
  func bestBins(
    of X: Matrix, call: Call
  ) throws(DetectionError) -> ([ClosedRange<Double>], [Int]) {
    guard X.rows < 1 << 32 else {
      throw DetectionError(
        .invalidData, "cannot sort \(X.rows) rows; allowed are less than 2^32")
    }
    if !X.isFinite, let error = X.firstNotFinite(nanAllowed: false) { throw error }
    let threads = max(1, min(call.threads, count))
    var sorters: [(ColumnSorter, values: Buffer<Double>, column: Buffer<Double>)] = []
    for _ in 0..<threads {
      sorters.append(
        (
          try ColumnSorter(rows: X.rows), try Buffer(count: X.rows, zeroed: false),
          try Buffer(count: terms * min(X.rows, 1024), zeroed: false)
        ))
    }
    try Memory.require(count, of: 24)
    let ranges = try Buffer<(Double, Double)>(count: count)
    let bins = try Buffer<Int>(count: count)
    nonisolated(unsafe) let (range, bin) = (ranges.base, bins.base)
    let identity = try Buffer<UInt32>(count: terms)
    for term in 0..<terms { identity[term] = UInt32(term) }
    let teller = ProgressTeller(call, "fit")
    let stop = StopSign(teller, chunks: count)
    try forEachChunk(count, threads: threads, teller: teller) {
      (cut, worker) throws(DetectionError) in
      let (sorter, values, block) = sorters[worker]
      var first = 0
      while first < X.rows {
        if first & 0xfffff == 0 { try stop.check(cut, worker) }
        let rows = min(1024, X.rows - first)
        for (term, feature) in features(of: cut).enumerated() {
          try ColumnKernels.chosen.load(
            X, column: Int(feature), from: first, rows: rows, into: block.base + term * rows)
        }
        ColumnKernels.chosen.clampValues(block.base, terms * rows, RandomCuts.limit)
        ColumnKernels.chosen.projectRows(
          block.base, rows, rows, identity.base, weights.base + cut * terms, terms,
          values.base + first)
        first += rows
      }
      let sorted = try sorter.sort(values.base) {
        () throws(DetectionError) in try stop.check(cut, worker)
      }
      range[cut] = (sorted.values[0], sorted.values[sorted.count - 1])
      bin[cut] = try sorted.bestBinCount()
    }
    return ((0..<count).map { ranges[$0].0...ranges[$0].1 }, (0..<count).map { bins[$0] })
  }

  func write(to writer: inout ModelWriter) {
    writer.write(UInt64(count))
    writer.write(UInt64(terms))
    writer.write(seed)
    writer.write(all: features, count: features.count)
    writer.write(all: weights, count: weights.count)
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> RandomCuts {
    let count = try reader.readCount("number of cuts", atLeast: 1, atMost: 1_000_000)
    let terms = try reader.readCount("features in a cut", atLeast: 1, atMost: featureCount)
    let seed = try reader.read(UInt64.self, "seed")
    let features = try reader.readBuffer(UInt32.self, "features")
    let weights = try reader.readBuffer(Double.self, "weights")
    guard features.count == count * terms, weights.count == features.count else {
      throw reader.damaged("\(count) cuts of \(terms) features have \(features.count) of them")
    }
    for index in 0..<features.count {
      let follows = index % terms == 0 || features[index] > features[index - 1]
      guard follows, Int(features[index]) < featureCount, weights[index].magnitude <= 100 else {
        throw reader.damaged("the cuts do not fit \(featureCount) features")
      }
    }
    return RandomCuts(
      featureCount: featureCount, count: count, terms: terms, seed: seed, features: features,
      weights: weights)
  }
}
