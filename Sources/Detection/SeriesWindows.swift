/// The windows of a series as rows of a matrix. Where a row of the series lies right behind the one before, as in
/// a row-major array or a single column, that matrix is a view whose rows overlap, and nothing is copied;
/// of other series one row-major copy is made (of the series, not of the windows).
final class SeriesWindows {
  let shape: SeriesShape
  /// Windows at every row.
  let count: Int
  private let windows: Matrix
  private let firstRow: Int
  private let copy: Buffer<Double>?

  /// Windows that were copied, or a view, which lives as long as what it is of.
  struct Learned {
    let matrix: Matrix
    let owner: AnyObject?
  }

  init(_ X: Matrix, _ shape: SeriesShape, nanAllowed: Bool) throws(DetectionError) {
    self.shape = shape
    firstRow = X.firstRow
    guard X.rows >= shape.window else {
      throw DetectionError(
        .invalidData,
        "the series has \(X.rows) rows, fewer than the \(shape.window) of a window")
    }
    if !X.isFinite, let error = X.firstNotFinite(nanAllowed: nanAllowed && !shape.standardizes) {
      throw error
    }
    count = X.rows - shape.window + 1
    if shape.channels == 1 || shape.window == 1 || X.rowStride == shape.channels * X.columnStride {
      let step = shape.channels == 1 ? X.rowStride : X.columnStride
      copy = nil
      windows = try Matrix(
        base: X.base, element: X.element, rows: count, columns: shape.width, rowStride: X.rowStride,
        columnStride: step)
    } else {
      let (cells, overflow) = X.rows.multipliedReportingOverflow(by: X.columns)
      guard !overflow else { throw .outOfMemory(bytes: Int.max) }
      let values = try Buffer<Double>(count: cells, zeroed: false)
      for row in 0..<X.rows {
        for column in 0..<X.columns { values[row * X.columns + column] = X.value(row, column) }
      }
      copy = values
      windows = try Matrix(
        base: values.base, element: .float64, rows: count, columns: shape.width,
        rowStride: 8 * X.columns, columnStride: 8)
    }
  }

  /// Whether the windows lie in the caller's memory.
  var isView: Bool { copy == nil }

  /// The windows to learn from.
  func learned(call: Call) throws(DetectionError) -> Learned {
    let rows = (count - 1) / shape.stride + 1
    let (step, overflow) = windows.rowStride.multipliedReportingOverflow(by: shape.stride)
    let every = try Matrix(
      base: windows.base, element: windows.element, rows: rows, columns: shape.width,
      rowStride: rows == 1 || overflow ? 0 : step, columnStride: windows.columnStride)
    guard shape.standardizes else { return Learned(matrix: every, owner: self) }
    let (cells, tooMany) = rows.multipliedReportingOverflow(by: shape.width)
    guard !tooMany else { throw .outOfMemory(bytes: Int.max) }
    let values = try Buffer<Double>(count: cells, zeroed: false)
    try standardize(every, into: values.base, call: call)
    // `values` lives on in what is returned.
    return Learned(matrix: try matrix(values, rows), owner: values)
  }

  private func matrix(_ values: Buffer<Double>, _ rows: Int) throws(DetectionError) -> Matrix {
    try Matrix(
      base: values.base, element: .float64, rows: rows, columns: shape.width,
      rowStride: 8 * shape.width, columnStride: 8)
  }

  /// Each channel of each window less its mean, divided by its deviation; a channel that is constant within the
  /// window is 0 there.
  private func standardize(
    _ source: Matrix, into target: UnsafeMutablePointer<Double>, call: Call
  ) throws(DetectionError) {
    nonisolated(unsafe) let target = target
    let (window, channels) = (shape.window, shape.channels)
    let chunk = max(1, (1 << 16) / shape.width)
    try forEachChunk(
      (source.rows + chunk - 1) / chunk, threads: source.rows > chunk ? call.threads : 1,
      teller: ProgressTeller(call.part(0...0), "fit")
    ) { (number, _) throws(DetectionError) in
      for row in number * chunk..<min((number + 1) * chunk, source.rows) {
        for channel in 0..<channels {
          let own = target + row * window * channels + channel
          var mean = 0.0
          var largest = 0.0
          for lag in 0..<window {
            let value = source.value(row, lag * channels + channel)
            own[lag * channels] = value
            mean += value / Double(window)
            largest = max(largest, abs(value))
          }
          var squares = 0.0
          for lag in 0..<window {
            own[lag * channels] -= mean
            let part = own[lag * channels] / max(largest, .leastNormalMagnitude)
            squares += part * part
          }
          let deviation = (squares / Double(window)).squareRoot() * largest
          // Differences that rounding makes are none.
          let isConstant = !(deviation > largest * 1e-13)
          for lag in 0..<window {
            own[lag * channels] = isConstant ? 0 : own[lag * channels] / deviation
          }
        }
      }
    }
  }

  /// Hand the windows to `body` in parts that bound the memory for copies and shares.
  func forEachPart(
    call: Call, mostNumbers: Int, _ body: (_ first: Int, Matrix, Call) throws(DetectionError) -> Void
  ) throws(DetectionError) {
    let rows = max(1, min(count, mostNumbers / shape.width))
    let room = shape.standardizes ? try Buffer<Double>(count: rows * shape.width, zeroed: false) : nil
    defer { withExtendedLifetime(room) {} }
    var first = 0
    while first < count {
      let last = min(count, first + rows)
      let part = call.part(Double(first) / Double(count)...Double(last) / Double(count))
      let slice = windows.slice(first..<last)
      do throws(DetectionError) {
        if let room {
          try standardize(slice, into: room.base, call: part)
          try body(first, matrix(room, last - first), part)
        } else {
          try body(first, slice, part)
        }
      } catch {
        throw located(error, from: room == nil ? 0 : first)
      }
      first = last
    }
  }

  func score(
    with member: Member, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    try forEachPart(call: call, mostNumbers: shape.standardizes ? 1 << 20 : Int.max) {
      (first, rows, call) throws(DetectionError) in
      try member.model.score(rows, call: call, into: scores + first)
    }
  }

  /// A fault within a window is one within the series.
  func located(_ error: DetectionError, from first: Int = 0, stride: Int = 1) -> DetectionError {
    guard let row = error.row, let column = error.column, column < shape.width else { return error }
    var error = error
    let step = firstRow + (first + row) * stride + column / shape.channels
    error.message +=
      " (of the windows; in the series row \(step), column \(column % shape.channels))"
    error.row = step
    error.column = column % shape.channels
    return error
  }
}
