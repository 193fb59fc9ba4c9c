/// Histograms with bins of equal width, and what each bin is worth: the model of HBOS (one a feature) and of
/// LODA (one a cut). The bins are NumPy's: each includes its left edge, the last one both edges.
final class BinTable: @unchecked Sendable {
  struct Grid {
    /// The edges of all bins: the range of the values, wider where all were equal.
    let low: Double
    let high: Double
    let bins: Int
    /// Where its edges and parts begin.
    let first: Int
    let scale: Double
    /// How far out a value still counts with the outermost bin.
    let near: Double
  }

  let grids: [Grid]
  private let edges: Buffer<Double>
  /// For each grid: left of all bins, the bins, right of them.
  let parts: Buffer<Double>

  static let mostBins = 1 << 20

  /// bins: how many for each range; a range that cannot be cut into so many gets one.
  ///
  /// - closedRight: inner edges belong to the bin at their left.
  /// - tolerance: in widths of a bin; none when below 0.
  init(
    ranges: [ClosedRange<Double>], bins: [Int], closedRight: Bool, tolerance: Double
  ) throws(DetectionError) {
    var slots = 0
    for count in bins {
      let (sum, overflow) = slots.addingReportingOverflow(count + 2)
      guard !overflow else { throw .outOfMemory(bytes: Int.max) }
      slots = sum
    }
    edges = try Buffer(count: slots)
    parts = try Buffer(count: slots)
    try Memory.require(ranges.count, of: MemoryLayout<Grid>.stride)
    var grids: [Grid] = []
    grids.reserveCapacity(ranges.count)
    var first = 0
    for (range, wanted) in zip(ranges, bins) {
      let grid = BinTable.grid(range, bins: wanted, first: first, tolerance: tolerance)
      BinTable.writeEdges(of: grid, closedRight: closedRight, to: edges.base + first)
      grids.append(grid)
      first += wanted + 2
    }
    self.grids = grids
  }

  private static func grid(
    _ range: ClosedRange<Double>, bins: Int, first: Int, tolerance: Double
  ) -> Grid {
    let (low, high) = span(range)
    let scale = Double(bins) / (high * 0.5 - low * 0.5)
    let step = width(low, high, bins)
    var ascending = scale.isFinite && step > 0 && high.isFinite && low.isFinite
    if ascending {
      for index in 0..<bins where edge(low, high, step, bins, index) >= edge(low, high, step, bins, index + 1)
      {
        ascending = false
        break
      }
    }
    guard ascending, bins > 1 else {
      return Grid(
        low: low, high: high, bins: 1, first: first, scale: 0,
        near: tolerance < 0 ? -1 : tolerance * min(high - low, .greatestFiniteMagnitude))
    }
    return Grid(
      low: low, high: high, bins: bins, first: first, scale: scale,
      near: tolerance < 0 ? -1 : tolerance * (edge(low, high, step, bins, 1) - low))
  }

  /// From the first edge to the last: wider than the range where all values are equal.
  static func span(_ range: ClosedRange<Double>) -> (low: Double, high: Double) {
    range.lowerBound < range.upperBound
      ? (range.lowerBound, range.upperBound) : (range.lowerBound - 0.5, range.upperBound + 0.5)
  }

  static func width(_ low: Double, _ high: Double, _ bins: Int) -> Double {
    let range = high - low
    return range.isFinite ? range / Double(bins) : high / Double(bins) - low / Double(bins)
  }

  static func edge(
    _ low: Double, _ high: Double, _ step: Double, _ bins: Int, _ index: Int
  ) -> Double {
    if index == 0 { return low }
    if index == bins { return high }
    // A range wider than the largest number is measured in halves.
    return (high - low).isFinite
      ? Double(index) * step + low : (Double(index) * (step / 2) + low / 2) * 2
  }

  private static func writeEdges(
    of grid: Grid, closedRight: Bool, to edges: UnsafeMutablePointer<Double>
  ) {
    let step = width(grid.low, grid.high, grid.bins)
    for index in 0..<grid.bins {
      let edge = edge(grid.low, grid.high, step, grid.bins, index)
      edges[index] = closedRight && index > 0 ? edge.nextUp : edge
    }
    edges[grid.bins] = grid.high.nextUp
  }

  /// A bin's width.
  func width(_ grid: Grid, _ bin: Int) -> Double {
    let step = BinTable.width(grid.low, grid.high, grid.bins)
    return BinTable.edge(grid.low, grid.high, step, grid.bins, bin + 1)
      - BinTable.edge(grid.low, grid.high, step, grid.bins, bin)
  }

  /// Count values, all of the grid's range, into 4 counts a bin.
  func count(
    _ values: UnsafePointer<Double>, rows: Int, grid: Grid,
    into counts: UnsafeMutablePointer<Int>
  ) {
    ColumnKernels.chosen.countBins(
      values, rows, edges.base + grid.first, grid.bins, grid.low * 0.5, grid.scale, counts)
  }

  /// The same, and note each value's bin, 256 at most.
  func count(
    _ values: UnsafePointer<Double>, rows: Int, grid: Grid,
    into counts: UnsafeMutablePointer<Int>, codes: UnsafeMutablePointer<UInt8>
  ) {
    ColumnKernels.chosen.codeBins(
      values, rows, edges.base + grid.first, grid.bins, grid.low * 0.5, grid.scale, counts, codes)
  }

  /// Add to each sum what the noted bin is worth.
  func addParts(
    of grid: Grid, _ codes: UnsafePointer<UInt8>, rows: Int,
    to sums: UnsafeMutablePointer<Double>
  ) {
    ColumnKernels.chosen.addCodedParts(codes, rows, parts.base + grid.first + 1, sums)
  }

  func writeParts(
    of grid: Grid, _ values: UnsafePointer<Double>, rows: Int,
    into parts: UnsafeMutablePointer<Double>
  ) {
    ColumnKernels.chosen.binParts(
      values, rows, edges.base + grid.first, grid.bins, grid.low * 0.5, grid.scale, grid.high,
      grid.near, grid.near, self.parts.base + grid.first, parts)
  }

  // Model files: for each grid the range of its values, f64 twice, and its parts.

  func write(to writer: inout ModelWriter, ranges: [ClosedRange<Double>]) {
    for (range, grid) in zip(ranges, grids) {
      writer.write(range.lowerBound)
      writer.write(range.upperBound)
      writer.write(
        all: Array(UnsafeBufferPointer(start: parts.base + grid.first, count: grid.bins + 2)))
    }
  }

  static func read(
    _ reader: inout ModelReader, count: Int, parts allowed: ClosedRange<Double>
  ) throws(DetectionError) -> (ranges: [ClosedRange<Double>], parts: [[Double]]) {
    var ranges: [ClosedRange<Double>] = []
    var parts: [[Double]] = []
    for index in 0..<count {
      let low = try reader.read(Double.self, "least value")
      let high = try reader.read(Double.self, "greatest value")
      let own = try reader.readAll(Double.self, "parts")
      guard low.isFinite, high.isFinite, low <= high, own.count > 2, own.count <= mostBins + 2,
        own.allSatisfy({ allowed.contains($0) })
      else {
        throw reader.damaged("histogram \(index) from \(low) to \(high) has \(own.count) parts")
      }
      try ranges.makeRoom(for: index + 1)
      try parts.makeRoom(for: index + 1)
      ranges.append(low...high)
      parts.append(own)
    }
    return (ranges, parts)
  }

  /// Take over parts that were read. False when a grid has not the bins that they are for.
  func fill(_ read: [[Double]]) -> Bool {
    for (grid, own) in zip(grids, read) {
      guard own.count == grid.bins + 2 else { return false }
      for (index, part) in own.enumerated() { parts[grid.first + index] = part }
    }
    return true
  }
}
