/// How a series is cut into windows, and how the windows' scores become those of its rows.
struct SeriesShape: Sendable {
  let window: Int
  let stride: Int
  let channels: Int
  let aggregation: SlidingWindow.Aggregation
  let standardizes: Bool

  /// Numbers in a window.
  let width: Int

  /// More columns than this no detector is given.
  static let mostColumns = 1 << 30

  init?(
    window: Int, stride: Int, channels: Int, aggregation: SlidingWindow.Aggregation, standardizes: Bool
  ) {
    let (width, overflow) = window.multipliedReportingOverflow(by: channels)
    guard !overflow, window > 0, stride > 0, channels > 0, width < SeriesShape.mostColumns else {
      return nil
    }
    self.window = window
    self.stride = stride
    self.channels = channels
    self.aggregation = aggregation
    self.standardizes = standardizes
    self.width = width
  }

  init(_ options: Options, channels: Int) throws(DetectionError) {
    let window = options.int("window") ?? 10
    guard
      let shape = SeriesShape(
        window: window, stride: options.int("stride") ?? 1, channels: channels,
        aggregation: .init(rawValue: options.string("aggregation") ?? "") ?? .last,
        standardizes: options.bool("standardize"))
    else {
      throw DetectionError(
        .invalidOption,
        "option window: \(window) rows of \(channels) columns are too many numbers in a window; allowed are"
          + " less than 2^30")
    }
    self = shape
  }

  /// The windows that hold a row, of `count` windows in all.
  @inline(__always)
  private func windows(with row: Int, of count: Int) -> (first: Int, last: Int) {
    (max(0, row - window + 1), min(row, count - 1))
  }

  /// From the scores of all windows to those of the rows.
  func spread(
    _ scores: Buffer<Double>, rows: Int, into target: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    switch aggregation {
    case .mean:
      try spreadMean(scores.base, scores.count, rows: rows) { target[$0] = $1 }
    case .last, .maximum:
      try forEachChosen(scores, rows: rows) { (row, window) in target[row] = scores[window] }
    }
  }

  /// The mean over the windows that hold each row. Blocks of `window` windows have their sums from their first
  /// and to their last window, so that any run of that length is one sum of each kind: no more work for long
  /// windows, and nothing is ever taken off again.
  func spreadMean(
    _ values: UnsafePointer<Double>, _ count: Int, rows: Int, _ take: (_ row: Int, _ mean: Double) -> Void
  ) throws(DetectionError) {
    let fromFirst = try Buffer<Double>(count: count, zeroed: false)
    let toLast = try Buffer<Double>(count: count, zeroed: false)
    // Sums of windows stay finite.
    func bounded(_ value: Double) -> Double { max(-1e290, min(1e290, value)) }
    for index in 0..<count {
      fromFirst[index] =
        bounded(values[index]) + (index % window == 0 ? 0 : fromFirst[index - 1])
    }
    for index in (0..<count).reversed() {
      let isLast = index % window == window - 1 || index == count - 1
      toLast[index] = bounded(values[index]) + (isLast ? 0 : toLast[index + 1])
    }
    for row in 0..<rows {
      let (first, last) = windows(with: row, of: count)
      let sum: Double
      if first / window != last / window {
        sum = toLast[first] + fromFirst[last]
      } else {
        sum = first % window == 0 ? fromFirst[last] : toLast[first]
      }
      take(row, sum / Double(last - first + 1))
    }
  }

  /// Which window's score each row has: the one that ends with it, or the one with the highest score, the
  /// first of several.
  func forEachChosen(
    _ scores: Buffer<Double>, rows: Int, _ take: (_ row: Int, _ window: Int) -> Void
  ) throws(DetectionError) {
    let count = scores.count
    guard aggregation == .maximum else {
      for row in 0..<rows { take(row, max(0, row - window + 1)) }
      return
    }
    func higher(_ a: Int, _ b: Int) -> Int { scores[b] > scores[a] ? b : a }
    let fromFirst = try Buffer<Int>(count: count, zeroed: false)
    let toLast = try Buffer<Int>(count: count, zeroed: false)
    for index in 0..<count {
      fromFirst[index] = index % window == 0 ? index : higher(fromFirst[index - 1], index)
    }
    for index in (0..<count).reversed() {
      let isLast = index % window == window - 1 || index == count - 1
      toLast[index] = isLast ? index : higher(index, toLast[index + 1])
    }
    for row in 0..<rows {
      let (first, last) = windows(with: row, of: count)
      if first / window != last / window {
        take(row, higher(toLast[first], fromFirst[last]))
      } else {
        take(row, first % window == 0 ? fromFirst[last] : toLast[first])
      }
    }
  }
}
