/// The bins of the rows that were counted, noted while counting: with these the rows need not be loaded and looked
/// up once more to be scored. A byte for each row and histogram, only where that is little.
final class BinCodes: @unchecked Sendable {
  private static let mostBytes = 1 << 26

  private let codes: Buffer<UInt8>
  private let grids: Int

  /// nil where it would be much, or a bin has no byte.
  init?(_ table: BinTable, rows: Int) throws(DetectionError) {
    grids = table.grids.count
    let (size, overflow) = rows.multipliedReportingOverflow(by: grids)
    guard !overflow, size <= BinCodes.mostBytes, table.grids.allSatisfy({ $0.bins <= 256 }) else {
      return nil
    }
    codes = try Buffer(count: size, zeroed: false)
  }

  /// Those of `rows` rows from `first` on, for one histogram.
  func place(first: Int, rows: Int, grid: Int) -> UnsafeMutablePointer<UInt8> {
    codes.base + first * grids + grid * rows
  }

  /// The sums of what the bins are worth, histograms in their order, over the chunks that were counted.
  func scores(of X: Matrix, _ table: BinTable, call: Call) throws(DetectionError) -> Buffer<Double> {
    let scores = try Buffer<Double>(count: X.rows)
    let chunks = RowChunks(X, threads: call.threads)
    try forEachChunk(chunks.count, threads: chunks.threads, teller: nil) {
      (chunk, _) throws(DetectionError) in
      let first = chunk * chunks.rows
      let rows = min(chunks.rows, X.rows - first)
      for (number, grid) in table.grids.enumerated() {
        table.addParts(
          of: grid, place(first: first, rows: rows, grid: number), rows: rows,
          to: scores.base + first)
      }
    }
    return scores
  }
}
