import CKernels

/// One channel of a series as joins read it: values less a centre and scaled by a power of two, and of each
/// window what its correlations need.
final class ProfiledSeries: @unchecked Sendable {
  /// What all series that are compared are shifted and scaled by.
  struct Frame {
    let centre: Double
    /// A power of two: values come to about 1, so that squares are numbers.
    let scale: Double

    /// Farther out, in ranges of the series that the frame is of, is as far.
    static let limit = 1e90

    init(_ X: Matrix, column: Int) {
      var (low, high) = (Double.infinity, -Double.infinity)
      for row in 0..<X.rows {
        let value = X.value(row, column)
        low = min(low, value)
        high = max(high, value)
      }
      // The median of a sample: most values are near it, and lose little by being brought there.
      var sample = (0..<min(X.rows, 1023)).map { X.value($0 * X.rows / min(X.rows, 1023), column) }
      sample.sort()
      centre = sample.isEmpty ? 0 : sample[sample.count / 2]
      let range = max(high / 2 - centre / 2, centre / 2 - low / 2)
      scale =
        range > 0
        ? Double(
          sign: .plus, exponent: max(-1000, min(1000, -Int(range.exponent))), significand: 1) : 1
    }

    func apply(_ value: Double) -> Double {
      max(-Frame.limit, min(Frame.limit, (value - centre) * scale))
    }
  }

  let count: Int
  let values: Buffer<Double>
  private let means: Buffer<Double>
  private let norms: Buffer<Double>
  private let halves: Buffer<Double>
  private let gaps: Buffer<Double>
  private let cuts: Buffer<Int64>
  private var cutCount = 0
  /// The first and the last window whose values are all the same, if there is one.
  private(set) var constant: ClosedRange<Int>?

  func isConstant(_ window: Int) -> Bool { norms[window] == 0 }

  var series: ck_series {
    ck_series(
      values: values.base, means: means.base, norms: norms.base, halves: halves.base,
      gaps: gaps.base, cuts: cuts.base,
      cut_count: Int64(cutCount), windows: Int64(count))
  }

  init(
    _ X: Matrix, column: Int, frame: Frame, window: Int, normalized: Bool
  ) throws(DetectionError) {
    let padding = Int(CK_DIAGONALS)
    count = X.rows - window + 1
    values = try Buffer(count: X.rows + padding)
    for row in 0..<X.rows { values[row] = frame.apply(X.value(row, column)) }
    let size = normalized ? count + padding : 0
    means = try Buffer(count: size)
    norms = try Buffer(count: size)
    halves = try Buffer(count: size)
    gaps = try Buffer(count: size)
    cuts = try Buffer(count: ProfiledSeries.mostCuts)
    if normalized { try describe(window, rows: X.rows) }
  }

  /// Windows whose sum of squares is this much smaller than that of one before, since the last such window, are
  /// cuts: rounding is 2^-52 of the greatest.
  private static let fall = 0x1p-24
  private static let mostCuts = 256

  private func cut(_ index: Int, _ squares: Double, _ greatest: inout Double) {
    greatest = max(greatest, squares)
    guard squares > 0, squares < greatest * ProfiledSeries.fall else { return }
    if cutCount < ProfiledSeries.mostCuts {
      cuts[cutCount] = Int64(index)
      cutCount += 1
    }
    greatest = squares
  }

  /// A stretch of values: how many, their mean, the sum of the squares about it, least and greatest.
  private struct Moments {
    var count = 0.0
    var mean = 0.0
    var squares = 0.0
    var least = Double.infinity
    var greatest = -Double.infinity

    mutating func add(_ value: Double) {
      count += 1
      let gap = value - mean
      mean += gap / count
      squares += gap * (value - mean)
      least = min(least, value)
      greatest = max(greatest, value)
    }

    func joined(_ other: Moments) -> Moments {
      guard other.count > 0 else { return self }
      var both = self
      both.count += other.count
      let gap = other.mean - mean
      both.mean += gap * (other.count / both.count)
      both.squares += other.squares + gap * gap * (count * other.count / both.count)
      both.least = min(least, other.least)
      both.greatest = max(greatest, other.greatest)
      return both
    }
  }

  /// Moments of all windows. Each spans two stretches of `window` rows, the end of the first and the beginning
  /// of the second; both only ever grow (Welford 1962; van Herk 1992), so that nothing cancels.
  private func describe(_ window: Int, rows: Int) throws(DetectionError) {
    let ends = try Buffer<Moments>(count: window)
    var start = 0
    var greatest = 0.0
    while start < count {
      var moments = Moments()
      for place in (0..<window).reversed() {
        moments.add(values[start + place])
        ends[place] = moments
      }
      moments = Moments()
      for place in 0..<min(window, count - start) {
        if place > 0 { moments.add(values[start + window + place - 1]) }
        let whole = ends[place].joined(moments)
        set(start + place, whole)
        cut(start + place, whole.squares, &greatest)
      }
      start += window
    }
    for index in 1..<max(count, 1) {
      let (comes, goes) = (values[index + window - 1], values[index - 1])
      halves[index] = (comes - goes) * 0.5
      gaps[index] = (comes - means[index]) + (goes - means[index - 1])
    }
  }

  private func set(_ index: Int, _ moments: Moments) {
    means[index] = moments.mean
    let norm = 1 / moments.squares.squareRoot()
    if moments.least < moments.greatest, norm.isFinite {
      norms[index] = norm
    } else {
      norms[index] = 0
      constant = (constant?.lowerBound ?? index)...index
    }
  }
}
