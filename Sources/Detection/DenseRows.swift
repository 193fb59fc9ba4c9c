import CKernels

/// Rows for the search by dot products: in double precision one after another, and in single precision
/// less the centre of the data, in panels of 16. `Kernels/DotFiltering.swift` says how they are compared.
final class DenseRows {
  let points: Buffer<Double>
  let panels: Buffer<Float>
  let halves: Buffer<Float>
  let centre: Buffer<Double>
  /// A power of two that brings the values into the range of single precision.
  let scale: Double
  let shrink: Double
  let width: Int
  /// Columns of the panels: all, or those of the projection and the length of the rest.
  let panelWidth: Int
  let rowCount: Int
  private let projection: Projection?

  /// More columns than this are measured in double precision alone.
  static let mostColumns = 1 << 18

  var panelCount: Int { (rowCount + 15) / 16 }

  init(
    _ X: Matrix, _ order: Buffer<UInt32>, layout: NeighbourLayout, k: Int, call: Call
  ) throws(DetectionError) {
    width = X.columns
    rowCount = X.rows
    let points = try Buffer<Double>(count: rowCount * width, zeroed: false)
    self.points = points
    centre = try Buffer(count: width)
    scale = DenseRows.scale(DenseRows.findCentre(layout, centre))
    let chunk = max(16, (1 << 20) / (16 * width) * 16)
    try forEachChunk(
      (rowCount + chunk - 1) / chunk, threads: call.threads,
      teller: ProgressTeller(call.part(0...0.3), "fit")
    ) { (number, _) throws(DetectionError) in
      for slot in (number * chunk)..<min((number + 1) * chunk, X.rows) {
        let row = Int(order[slot])
        let target = points.base + slot * X.columns
        for column in 0..<X.columns { target[column] = X.value(row, column) }
      }
    }
    projection = try Projection(
      points, rows: rowCount, width: width, centre: centre, scale: scale, k: k,
      call: call.part(0.3...0.5))
    panelWidth = projection.map { $0.directions + 1 } ?? width
    let padded = (rowCount + 15) / 16 * 16
    panels = try Buffer(count: padded * panelWidth)
    halves = try Buffer(count: padded, zeroed: false)
    halves.base.update(repeating: .infinity, count: padded)
    shrink = 1 - (2 * Double(panelWidth + 2) + 16) * 0x1p-24
    let chunkPanels = max(1, 65536 / (16 * width))
    try forEachChunk(
      (padded / 16 + chunkPanels - 1) / chunkPanels, threads: call.threads,
      teller: ProgressTeller(call.part(0.5...1), "fit")
    ) { (chunk, _) throws(DetectionError) in
      for slot in (chunk * chunkPanels * 16)..<min((chunk + 1) * chunkPanels * 16, self.rowCount) {
        let panel = self.panels.base + (slot >> 4) * 16 * self.panelWidth + (slot & 15)
        let norm = self.shorten(self.points.base + slot * self.width, to: panel, stride: 16)
        let half = self.shrink * norm / 2
        let rounded = Float(half)
        self.halves[slot] = Double(rounded) > half ? rounded.nextDown : rounded
      }
    }
  }

  /// The middle of each column; returns the largest distance of a value from it.
  static func findCentre(_ layout: NeighbourLayout, _ centre: Buffer<Double>) -> Double {
    let (least, greatest) = layout.extremes()
    var largest = 0.0
    for column in 0..<centre.count {
      centre[column] = least[column] / 2 + greatest[column] / 2
      largest = max(largest, greatest[column] - centre[column], centre[column] - least[column])
    }
    return largest
  }

  static func scale(_ largest: Double) -> Double {
    guard largest > 0 else { return 1 }
    let exponent = max(-500, min(500, 20 - Int(largest.exponent)))
    return Double(sign: .plus, exponent: exponent, significand: 1)
  }

  /// Write a row in single precision; returns its squared length.
  @inline(__always)
  func shorten(
    _ row: UnsafePointer<Double>, to target: UnsafeMutablePointer<Float>, stride: Int
  ) -> Double {
    if let projection { return projection.shorten(row, to: target, stride: stride) }
    var norm = 0.0
    for column in 0..<width {
      let value = Float((row[column] - centre[column]) * scale)
      target[column * stride] = value
      norm += Double(value) * Double(value)
    }
    return norm
  }

  func store(_ rowOf: Buffer<UInt32>) -> ck_row_store {
    ck_row_store(
      points: points.base, panels: panels.base, halves: halves.base, rows: rowOf.base,
      columns: Int64(width), panel_columns: Int64(panelWidth), shrink: shrink, scale: scale)
  }
}
