/// What describes the numbers of one column.
public struct ColumnSummary: Sendable {
  public var count = 0
  public var mean = Double.nan
  public var minimum = Double.nan
  public var maximum = Double.nan
  /// Sum of squared distances from the mean.
  var squares = 0.0
  /// Cells without a value, and cells of text with the first of them.
  public var missing = 0
  public var text = 0
  public var example: String?
  /// The quantiles that were asked for.
  public var quantiles: [Double] = []

  /// With count - 1 below.
  public var standardDeviation: Double {
    count > 1 ? (squares / Double(count - 1)).squareRoot() : .nan
  }

  /// Adds numbers; NaN is a missing one. Two passes over the part, then the sums of both parts are put
  /// together (Chan, Golub, LeVeque 1983): exact enough for any length.
  mutating func add(_ values: UnsafeBufferPointer<Double>) {
    var number = 0
    var sum = 0.0
    var low = Double.infinity
    var high = -Double.infinity
    for value in values where !value.isNaN {
      number += 1
      sum += value
      low = min(low, value)
      high = max(high, value)
    }
    missing += values.count - number
    guard number > 0 else { return }
    let partMean = sum / Double(number)
    var partSquares = 0.0
    for value in values where !value.isNaN {
      partSquares += (value - partMean) * (value - partMean)
    }
    guard count > 0 else {
      (count, mean, squares, minimum, maximum) = (number, partMean, partSquares, low, high)
      return
    }
    let total = Double(count + number)
    let difference = partMean - mean
    squares += partSquares + difference * difference * Double(count) * Double(number) / total
    mean += difference * Double(number) / total
    count += number
    minimum = min(minimum, low)
    maximum = max(maximum, high)
  }
}

/// Gathers the summaries of all columns, and the numbers for the quantiles as long as they fit. When
/// they do not, rows are thinned by half, and by half again: which rows stay is drawn by a hash of the
/// row's number, so the sample is uniform and the same in every run.
public struct ColumnSummaries {
  public private(set) var columns: [ColumnSummary]
  public private(set) var rows = 0
  private let limit: Int
  private var blocks: [Block] = []
  private var keptRows = 0
  private var thinnings: UInt64 = 0

  /// Numbers of some rows, column after column.
  private struct Block {
    var values: [Double]
    var rowNumbers: [Int]
  }

  /// `limit` is in bytes.
  public init(columns: Int, limit: Int) {
    self.columns = Array(repeating: ColumnSummary(), count: columns)
    self.limit = limit
  }

  /// Rows that the quantiles are made of, when not of all.
  public var sample: Int? { thinnings > 0 ? keptRows : nil }

  public mutating func add(_ chunk: Chunk) {
    for column in columns.indices {
      columns[column].add(
        UnsafeBufferPointer(start: chunk.values + column * chunk.stride, count: chunk.rows))
      let text = chunk.textCells(ofColumn: column)
      columns[column].text += text
      columns[column].missing -= text
      columns[column].example = columns[column].example ?? chunk.textExample(ofColumn: column)
    }
    keep(chunk)
    rows += chunk.rows
    while keptRows * (columns.count + 1) * 8 > limit && keptRows > 1 { thin() }
  }

  /// Computes quantiles; the kept numbers are gone after it.
  public mutating func finish(_ shares: [Double]) {
    let scratch = UnsafeMutableBufferPointer<Double>.allocate(capacity: keptRows)
    defer { scratch.deallocate() }
    for column in columns.indices {
      var count = 0
      for block in blocks {
        let rows = block.rowNumbers.count
        for value in block.values[column * rows..<(column + 1) * rows] where !value.isNaN {
          scratch[count] = value
          count += 1
        }
      }
      let values = UnsafeMutableBufferPointer(rebasing: scratch[..<count])
      columns[column].quantiles = quantiles(shares, of: values)
    }
    blocks = []
  }

  private mutating func keep(_ chunk: Chunk) {
    let chosen = (0..<chunk.rows).filter { stays(chunk.firstRow + $0) }
    var values: [Double] = []
    values.reserveCapacity(chosen.count * columns.count)
    for column in columns.indices {
      let base = chunk.values + column * chunk.stride
      if chosen.count == chunk.rows {
        values.append(contentsOf: UnsafeBufferPointer(start: base, count: chunk.rows))
      } else {
        for row in chosen { values.append(base[row]) }
      }
    }
    blocks.append(Block(values: values, rowNumbers: chosen.map { chunk.firstRow + $0 }))
    keptRows += chosen.count
  }

  private mutating func thin() {
    thinnings += 1
    keptRows = 0
    for index in blocks.indices {
      let block = blocks[index]
      let rows = block.rowNumbers.count
      let chosen = (0..<rows).filter { stays(block.rowNumbers[$0]) }
      var values: [Double] = []
      values.reserveCapacity(chosen.count * columns.count)
      for column in columns.indices {
        for row in chosen { values.append(block.values[column * rows + row]) }
      }
      blocks[index] = Block(values: values, rowNumbers: chosen.map { block.rowNumbers[$0] })
      keptRows += chosen.count
    }
  }

  private func stays(_ row: Int) -> Bool {
    guard thinnings > 0 else { return true }
    // The mixing steps of SplitMix64 (Steele, Lea, Flood 2014).
    var hash = UInt64(bitPattern: Int64(row)) &+ 0x9E37_79B9_7F4A_7C15
    hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
    return (hash ^ (hash >> 31)) & ((1 << thinnings) - 1) == 0
  }
}
