import Glibc

/// How many bins a histogram gets.
enum BinCount {
  case fixed(Int)
  /// As many as a penalised likelihood chooses.
  case automatic

  static func option(_ name: String) -> OptionSpec {
    OptionSpec(
      name,
      "Bins of each histogram; \"auto\" for the number that a penalised likelihood chooses (Birge,"
        + " Rozenholc 2006, as in PyOD), less than the root of the rows.",
      default: .int(10), ints: 1...BinTable.mostBins, choices: ["auto"])
  }

  init(_ options: Options, _ name: String) {
    self = options.int(name).map { .fixed($0) } ?? .automatic
  }
}

/// The range of every column.
func columnRanges(
  of X: Matrix, call: Call
) throws(DetectionError) -> [ClosedRange<Double>] {
  let slots = RowChunks(X, threads: call.threads).threads
    .multipliedReportingOverflow(by: 2 * X.columns)
  let ends = try Buffer<Double>(count: slots.overflow ? Int.max : slots.partialValue, zeroed: false)
  for index in 0..<(ends.count / 2) {
    ends[2 * index] = .infinity
    ends[2 * index + 1] = -.infinity
  }
  nonisolated(unsafe) let all = ends.base
  let columns = X.columns
  try forEachRowChunk(X, call: call, stage: "fit", scratch: 1) {
    (first, rows, worker, values) throws(DetectionError) in
    let own = all + worker * 2 * columns
    for column in 0..<columns {
      try ColumnKernels.chosen.load(X, column: column, from: first, rows: rows, into: values)
      var (low, high) = (0.0, 0.0)
      ColumnKernels.chosen.columnRange(values, rows, &low, &high)
      own[2 * column] = min(own[2 * column], low)
      own[2 * column + 1] = max(own[2 * column + 1], high)
    }
  }
  try Memory.require(columns, of: MemoryLayout<ClosedRange<Double>>.stride)
  return (0..<columns).map { column in
    var (low, high) = (Double.infinity, -Double.infinity)
    for worker in 0..<(ends.count / (2 * columns)) {
      low = min(low, ends[2 * (worker * columns + column)])
      high = max(high, ends[2 * (worker * columns + column) + 1])
    }
    return low...high
  }
}

extension SortedColumn {
  /// The number of bins, less than the root of the rows, that maximises a penalised likelihood of the
  /// histogram: the sum over D bins of N ln(D N / n + 1) - (D - 1 + (ln D)^2.5). It is PyOD's form of Birgé
  /// and Rozenholc (2006), whose penalty counts once for all bins, not once for each: columns of few
  /// distinct values, whose likelihood grows without end, would then get as many bins as allowed.
  func bestBinCount() throws(DetectionError) -> Int {
    let most = max(2, Int(Double(rows).squareRoot()))
    let (low, high) = BinTable.span(values[0]...values[count - 1])
    var best = (value: -Double.infinity, bins: 1)
    for bins in 1..<most {
      if bins % 64 == 0 { try check() }
      let step = BinTable.width(low, high, bins)
      guard step > 0 else { break }
      let penalty = Double(bins) - 1 + pow(log(Double(bins)), 2.5)
      var likelihood = 0.0 - Double(bins) * penalty
      var before = 0
      var index = 0
      for bin in 1...bins where index < count {
        // Rows below the bin's right edge; the last bin takes all that are left.
        let edge =
          bin == bins ? Double.infinity : BinTable.edge(low, high, step, bins, bin)
        index = firstIndex(notBelow: edge, from: index)
        let upTo = index > 0 ? Int(ends[index - 1]) : 0
        if upTo > before {
          let own = Double(upTo - before)
          likelihood += own * log(Double(bins) * own / Double(rows) + 1)
        }
        before = upTo
      }
      if likelihood > best.value { best = (likelihood, bins) }
    }
    return best.bins
  }

  /// The first value at or behind `start` that is not below x, looked for in growing strides.
  private func firstIndex(notBelow x: Double, from start: Int) -> Int {
    var low = start
    var stride = 1
    while low + stride < count, values[low + stride - 1] < x {
      low += stride
      stride *= 2
    }
    var high = min(low + stride, count)
    while low < high {
      let middle = (low + high) / 2
      if values[middle] < x { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
