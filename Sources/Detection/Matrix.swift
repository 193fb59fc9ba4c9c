/// A borrowed view of rows x columns numbers, checked to lie within the address space.
public struct Matrix: @unchecked Sendable {
  public enum Element: Sendable {
    case float32, float64

    public var size: Int { self == .float32 ? 4 : 8 }
  }

  public let base: UnsafeRawPointer
  public let element: Element
  public let rows: Int
  public let columns: Int
  public let rowStride: Int
  public let columnStride: Int
  /// Which row of the whole the first one is, where the matrix is a part; errors name rows of the whole.
  public var firstRow = 0

  /// Most rows or columns that are believed.
  public static let dimensionLimit = 1 << 48

  /// Checks dimensions, alignment and that no element's address leaves the address space. `base` may be
  /// nil only for a matrix without elements.
  public init(
    base: UnsafeRawPointer?, element: Element, rows: Int, columns: Int, rowStride: Int,
    columnStride: Int
  ) throws(DetectionError) {
    for (name, value) in [("rows", rows), ("columns", columns)]
    where value < 0 || value > Matrix.dimensionLimit {
      throw DetectionError(.invalidData, "\(name) is \(value); allowed are 0 to 2^48")
    }
    self.element = element
    self.rows = rows
    self.columns = columns
    self.rowStride = rowStride
    self.columnStride = columnStride
    guard rows > 0, columns > 0 else {
      self.base = UnsafeRawPointer(bitPattern: 64)!
      return
    }
    guard let base else {
      throw DetectionError(
        .nullArgument, "the data pointer is NULL, but the matrix has \(rows) x \(columns) elements")
    }
    self.base = base
    for (name, stride, steps) in [
      ("row_stride", rowStride, rows), ("column_stride", columnStride, columns),
    ] where steps > 1 && stride % element.size != 0 {
      throw DetectionError(
        .invalidData, "\(name) is \(stride) bytes, not a multiple of the element's \(element.size)")
    }
    guard Int(bitPattern: base) % element.size == 0 else {
      throw DetectionError(
        .invalidData, "the data pointer is not aligned to the element's \(element.size) bytes")
    }
    // Every address must be representable: the lowest and highest element decide.
    let address = UInt(bitPattern: base)
    var low: Int = 0
    var high: Int = element.size
    for (stride, steps) in [(rowStride, rows), (columnStride, columns)] {
      let (span, tooWide) = stride.multipliedReportingOverflow(by: steps - 1)
      let (newLow, lowOverflow) = low.addingReportingOverflow(min(span, 0))
      let (newHigh, highOverflow) = high.addingReportingOverflow(max(span, 0))
      guard !tooWide, !lowOverflow, !highOverflow else { throw Matrix.tooLarge(rows, columns) }
      (low, high) = (newLow, newHigh)
    }
    guard address >= low.magnitude, !address.addingReportingOverflow(UInt(high)).overflow,
      high <= Matrix.dimensionLimit, low >= -Matrix.dimensionLimit,
      high - low <= Matrix.dimensionLimit
    else { throw Matrix.tooLarge(rows, columns) }
  }

  /// Some of the rows.
  public func slice(_ range: Range<Int>) -> Matrix {
    Matrix(
      self, base: base + range.lowerBound * rowStride, rows: range.count,
      firstRow: firstRow + range.lowerBound)
  }

  private init(_ whole: Matrix, base: UnsafeRawPointer, rows: Int, firstRow: Int) {
    self.base = base
    self.rows = rows
    self.firstRow = firstRow
    element = whole.element
    columns = whole.columns
    rowStride = whole.rowStride
    columnStride = whole.columnStride
  }

  private static func tooLarge(_ rows: Int, _ columns: Int) -> DetectionError {
    DetectionError(
      .invalidData, "\(rows) x \(columns) elements at these strides do not fit the address space")
  }

  /// The value at a place that exists.
  func value(_ row: Int, _ column: Int) -> Double {
    let cell = base + row * rowStride + column * columnStride
    switch element {
    case .float32: return Double(cell.load(as: Float.self))
    case .float64: return cell.load(as: Double.self)
    }
  }

  /// Where a row begins.
  func start(ofRow row: Int) -> UnsafeRawPointer { base + row * rowStride }

  /// Whether every value is finite: one pass at the speed of memory where rows or columns lie together.
  public var isFinite: Bool {
    guard self.rows > 0, self.columns > 0 else { return true }
    // The same values again need no second look.
    let rows = rowStride == 0 ? 1 : self.rows
    let columns = columnStride == 0 ? 1 : self.columns
    let byRow = columnStride == element.size || rowStride != element.size
    let (runs, stride) = byRow ? (rows, rowStride) : (columns, columnStride)
    let (length, step) = byRow ? (columns, columnStride) : (rows, rowStride)
    if stride == length * step { return run(base, runs * length, step) }
    return (0..<runs).allSatisfy { run(base + $0 * stride, length, step) }
  }

  private func run(_ start: UnsafeRawPointer, _ count: Int, _ step: Int) -> Bool {
    element == .float32
      ? KernelTable.chosen.isFinite32(start, count, step)
      : KernelTable.chosen.isFinite64(start, count, step)
  }

  /// The error for the first value that is not finite (infinite, when NaN is allowed); nil when all are.
  public func firstNotFinite(nanAllowed: Bool) -> DetectionError? {
    firstNotFinite(in: 0..<rows, nanAllowed: nanAllowed)
  }

  /// The error for the first value among `rowNumbers` that is not finite (infinite, when NaN is allowed).
  func firstNotFinite(
    in rowNumbers: some Sequence<Int>, nanAllowed: Bool
  ) -> DetectionError? {
    for row in rowNumbers {
      for column in 0..<columns {
        let value = value(row, column)
        if value.isFinite || (nanAllowed && value.isNaN) { continue }
        let remedy =
          value.isNaN
          ? "only finite values are allowed (a detector with the option missing_values takes NaN"
            + " when that is \"native\")"
          : "only finite values are allowed"
        return DetectionError(
          .invalidData,
          "the value at row \(firstRow + row), column \(column) is"
            + " \(value.isNaN ? "NaN" : "infinite"); \(remedy)",
          row: firstRow + row, column: column)
      }
    }
    return nil
  }
}
