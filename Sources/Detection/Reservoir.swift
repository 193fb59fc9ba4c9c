import Glibc

/// A uniform random sample of the rows that go by, all of them while they fit (Vitter 1985, with the
/// skips of Li 1994, algorithm L).
public struct Reservoir {
  public static let capacity = 131_072

  private let columns: Int
  private let capacity: Int
  private var values: [Double] = []  // row-major
  private var random: Random
  private var seen = 0
  private var next = 0  // the row that will replace one
  private var w = 1.0

  public init(columns: Int, seed: UInt64, capacity: Int = Reservoir.capacity) {
    self.columns = columns
    self.capacity = capacity
    random = Random(seed: seed, stream: .max)
  }

  public var rows: Int { columns > 0 ? values.count / columns : 0 }

  /// Take rows from a column-major batch.
  public mutating func take(
    _ batch: UnsafePointer<Double>, rows: Int, columnStride: Int
  ) throws(DetectionError) {
    let room = min(seen + rows, capacity).multipliedReportingOverflow(by: columns)
    guard !room.overflow else { throw .outOfMemory(bytes: Int.max) }
    try values.makeRoom(for: room.partialValue)
    var row = 0
    while row < rows, seen < capacity {
      for column in 0..<columns { values.append(batch[column * columnStride + row]) }
      row += 1
      seen += 1
      if seen == capacity {
        next = capacity - 1
        skip()
      }
    }
    let start = seen - row
    seen = start + rows
    while seen > capacity, next < seen {
      let slot = random.below(capacity)
      let from = next - start
      for column in 0..<columns {
        values[slot * columns + column] = batch[column * columnStride + from]
      }
      skip()
    }
  }

  private mutating func skip() {
    w *= exp(log(1 - random.unit()) / Double(capacity))
    let skipped = (log(1 - random.unit()) / log1p(-w)).rounded(.down)
    next += 1 + (Int(exactly: min(skipped, 1e15)) ?? 0)
  }

  /// The sample as a matrix, while it lasts.
  public func withMatrix(
    _ body: (Matrix) throws(DetectionError) -> Void
  ) throws(DetectionError) {
    var failure: DetectionError?
    values.withUnsafeBytes { bytes in
      do throws(DetectionError) {
        try body(
          Matrix(
            base: bytes.baseAddress, element: .float64, rows: rows, columns: columns,
            rowStride: columns * 8, columnStride: 8))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
