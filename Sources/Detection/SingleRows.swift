import CKernels

/// The rows of panels less their mean, in single precision: what decides most questions of k-means. 4 bytes a
/// value and a row.
final class SingleRows: @unchecked Sendable {
  let values: Buffer<Float>
  /// Of the rows' lengths; 0 behind the last row.
  let squares: Buffer<Float>
  let means: Buffer<Double>
  /// A power of two that brings the values below 1.
  let scale: Double
  /// The sum of ``squares``.
  let sumOfSquares: Double
  /// The mean of the columns' variances, in the units of the panels.
  let meanVariance: Double

  /// What a sum of products in single precision is off by, in the lengths of the two rows.
  static func error(columns: Int) -> Double { Double(columns + 5) * 0x1p-24 * 1.2 }

  init(_ panels: RowPanels, threads: Int) throws(DetectionError) {
    let columns = panels.columns
    let lanes = 8 * panels.count
    means = try panels.means(threads: threads)
    scale = Double(
      sign: .plus, exponent: panels.largest > 0 ? -Int(panels.largest.exponent) - 2 : 0, significand: 1)
    values = try Buffer(count: lanes * columns, zeroed: false)
    squares = try Buffer(count: lanes, zeroed: false)
    let partial = try Buffer<Double>(count: panels.chunks)
    let (means, scale, values, squares) = (means, scale, values, squares)
    try panels.forEachChunkOfPanels(threads: threads) { (chunk, first, number, _) in
      let lane = 8 * first
      partial[chunk] = PanelKernels.chosen.makeSingles(
        panels.values.base + lane * columns, min(8 * number, panels.rows - lane), columns, means.base,
        scale, values.base + lane * columns, squares.base + lane)
    }
    var sum = 0.0
    for chunk in 0..<panels.chunks { sum += partial[chunk] }
    sumOfSquares = sum
    meanVariance = sum / scale / scale / Double(panels.rows) / Double(columns)
  }

  /// A row of doubles in single precision; returns the square of its length.
  func write(
    _ row: UnsafePointer<Double>, to target: UnsafeMutablePointer<Float>, step: Int
  ) -> Double {
    var square = 0.0
    for column in 0..<means.count {
      let value = (row[column] - means[column]) * scale
      target[step * column] = Float(value)
      square += value * value
    }
    return square
  }
}

/// Centres in single precision, eight at a time as the kernels take them.
final class SingleCentres: @unchecked Sendable {
  private let rows: SingleRows
  private let packed: Buffer<Float>
  private let halves: Buffer<Float>

  init(_ rows: SingleRows, most: Int) throws(DetectionError) {
    self.rows = rows
    let groups = (most + 7) / 8
    let (size, overflow) = (8 * groups).multipliedReportingOverflow(by: rows.means.count)
    guard !overflow else { throw .outOfMemory(bytes: Int.max) }
    packed = try Buffer(count: size)
    halves = try Buffer(count: 8 * groups)
    for place in 0..<halves.count { halves[place] = .infinity }
  }

  /// The centres, and what distances from them may be off by.
  func set(_ centres: UnsafePointer<Double>, count: Int) -> ck_single_centres {
    let columns = rows.means.count
    var longest = 0.0
    for centre in 0..<count {
      let square = rows.write(
        centres + centre * columns, to: packed.base + (centre >> 3) * columns * 8 + (centre & 7),
        step: 8)
      halves[centre] = Float(square / 2)
      longest = max(longest, square)
    }
    return ck_single_centres(
      packed: packed.base, halves: halves.base,
      by_length: Float(SingleRows.error(columns: columns) * longest.squareRoot()),
      by_square: Float(Double(columns + 8) * 0x1p-51), least: Float(longest * 0x1.4p-23 + 1e-36),
      scale: rows.scale)
  }
}
