import CProcesses
import CPynomaly

/// How the numbers of a matrix lie in memory.
enum Layout: String, CaseIterable {
  case rowMajor = "row-major"
  case columnMajor = "column-major"
  case spaced = "with gaps between rows and columns"
  case upsideDown = "with a negative row stride"
  case mirrored = "with a negative column stride"
}

/// Numbers in memory of their own, laid out some way. Behind the last number memory ends, and the gaps
/// are NaN, so that a plugin which reads what is not its own crashes or gives itself away.
final class TestMatrix {
  private(set) var matrix = pyn_matrix()
  let words: String
  private let memory: UnsafeMutableRawPointer
  private let bytes: Int

  var rows: Int { Int(matrix.rows) }
  var columns: Int { Int(matrix.columns) }

  /// `numbers` are row by row.
  init(_ numbers: [Double], columns: Int, layout: Layout = .rowMajor, float: Bool = false) throws {
    let rows = columns > 0 ? numbers.count / columns : 0
    let size = float ? 4 : 8
    var rowStride = columns
    var columnStride = 1
    var first = 0
    switch layout {
    case .rowMajor: break
    case .columnMajor: (rowStride, columnStride) = (1, rows)
    case .spaced: (rowStride, columnStride) = (2 * columns + 3, 2)
    case .upsideDown:
      rowStride = -columns
      first = max(rows - 1, 0) * columns
    case .mirrored:
      columnStride = -1
      first = max(columns - 1, 0)
    }
    let room = layout == .spaced ? rows * rowStride : rows * columns
    var cells = [Double](repeating: .nan, count: max(room, 1))
    for row in 0..<rows {
      for column in 0..<columns {
        cells[first + row * rowStride + column * columnStride] = numbers[row * columns + column]
      }
    }
    bytes = cells.count * size
    let copy =
      float
      ? cells.map { Float($0) }.withUnsafeBytes { cprocesses_guard($0.baseAddress, $0.count) }
      : cells.withUnsafeBytes { cprocesses_guard($0.baseAddress, $0.count) }
    guard let copy else { throw CheckFailure("no memory for a matrix of \(rows) x \(columns)") }
    memory = copy
    words = "\(rows) x \(columns) \(float ? "f32" : "f64")"
      + (layout == .rowMajor ? "" : " \(layout.rawValue)")
    matrix.struct_size = MemoryLayout<pyn_matrix>.stride
    matrix.data = UnsafeRawPointer(memory + first * size)
    matrix.dtype = Int32(float ? PYN_FLOAT32 : PYN_FLOAT64)
    matrix.rows = Int64(rows)
    matrix.columns = Int64(columns)
    matrix.row_stride = Int64(rowStride * size)
    matrix.column_stride = Int64(columnStride * size)
  }

  /// `rows` times the same row (a row stride of 0).
  init(repeating row: [Double], rows: Int) throws {
    bytes = row.count * 8
    let copy = row.withUnsafeBytes { cprocesses_guard($0.baseAddress, $0.count) }
    guard let copy else { throw CheckFailure("no memory for a row of \(row.count)") }
    memory = copy
    words = "\(rows) x \(row.count) f64 with a row stride of 0"
    matrix.struct_size = MemoryLayout<pyn_matrix>.stride
    matrix.data = UnsafeRawPointer(memory)
    matrix.dtype = Int32(PYN_FLOAT64)
    matrix.rows = Int64(rows)
    matrix.columns = Int64(row.count)
    matrix.row_stride = 0
    matrix.column_stride = 8
  }

  deinit { cprocesses_unguard(memory, bytes) }

  /// The rows first ..< end of this matrix.
  func rows(_ first: Int, _ end: Int) -> pyn_matrix {
    var part = matrix
    part.data = matrix.data.map { $0 + first * Int(matrix.row_stride) }
    part.rows = Int64(end - first)
    return part
  }
}

/// Numbers that are the same on every machine (splitmix64).
struct TestNumbers {
  private var state: UInt64

  init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 }

  mutating func bits() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { bound > 0 ? Int(bits() % UInt64(bound)) : 0 }

  mutating func uniform() -> Double { Double(bits() >> 11) * 0x1p-53 }

  /// About normal: the sum of 12 uniform numbers less 6.
  mutating func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + uniform() } }
}

/// Two clouds of rows and, one row in twenty, an outlier. Every number is one that a float can hold.
struct TestData {
  let columns: Int
  private(set) var numbers: [Double] = []
  private(set) var labels: [Int32] = []

  var rows: Int { labels.count }

  init(rows: Int, columns: Int, seed: Int = 1) {
    self.columns = columns
    var random = TestNumbers(seed: seed)
    numbers.reserveCapacity(rows * columns)
    for row in 0..<rows {
      let isOutlier = row % 20 == 7
      let center = row % 3 == 0 ? 4.0 : 0.0
      for _ in 0..<columns {
        let number = random.normal()
        numbers.append(Double(Float(isOutlier ? 9 * number + 3 : center + number)))
      }
      labels.append(isOutlier ? 1 : 0)
    }
  }

  /// Many rows, made fast: blocks of the same 4096.
  init(manyRows rows: Int, columns: Int, seed: Int = 1) {
    self.init(rows: min(rows, 4096), columns: columns, seed: seed)
    let block = (numbers, labels)
    while labels.count < rows {
      let count = min(rows - labels.count, block.1.count)
      numbers += block.0[..<(count * columns)]
      labels += block.1[..<count]
    }
  }

  func row(_ index: Int) -> [Double] { Array(numbers[index * columns..<(index + 1) * columns]) }

  func matrix(_ layout: Layout = .rowMajor, float: Bool = false) throws -> TestMatrix {
    try TestMatrix(numbers, columns: columns, layout: layout, float: float)
  }
}
