import CPynomaly
import Detection
import Glibc

extension Matrix {
  /// The caller's matrix, checked.
  public init(_ pointer: UnsafePointer<pyn_matrix>) throws(DetectionError) {
    let fields = pointer.pointee
    guard fields.struct_size >= MemoryLayout<pyn_matrix>.size else {
      throw DetectionError(.invalidArgument, "struct_size of pyn_matrix is \(fields.struct_size)")
    }
    guard let element = Matrix.Element(dtype: fields.dtype) else {
      throw DetectionError(
        .invalidData,
        "dtype is \(fields.dtype); allowed are \(PYN_FLOAT32) (PYN_FLOAT32) and \(PYN_FLOAT64)"
          + " (PYN_FLOAT64)")
    }
    try self.init(
      base: fields.data, element: element, rows: Int(fields.rows), columns: Int(fields.columns),
      rowStride: Int(fields.row_stride), columnStride: Int(fields.column_stride))
  }

  /// The same view for C.
  var view: pyn_matrix {
    pyn_matrix(
      struct_size: MemoryLayout<pyn_matrix>.size, data: base, dtype: element.dtype, reserved: 0,
      rows: Int64(rows), columns: Int64(columns), row_stride: Int64(rowStride),
      column_stride: Int64(columnStride))
  }
}

extension Matrix.Element {
  init?(dtype: Int32) {
    switch Int(dtype) {
    case Int(PYN_FLOAT32): self = .float32
    case Int(PYN_FLOAT64): self = .float64
    default: return nil
    }
  }

  var dtype: Int32 { Int32(self == .float32 ? PYN_FLOAT32 : PYN_FLOAT64) }
}

/// host->read_rows.
func readRows(
  _ X: UnsafePointer<pyn_matrix>?, first: Int64, count: Int64,
  into values: UnsafeMutablePointer<Double>?
) -> pyn_status {
  guard let X else { return Status.nullArgument.rawValue }
  guard let matrix = try? Matrix(X) else { return Status.invalidData.rawValue }
  let rows = Int64(matrix.rows)
  guard first >= 0, count >= 0, first <= rows, count <= rows - first else {
    return Status.shapeMismatch.rawValue
  }
  guard count > 0, matrix.columns > 0 else { return Status.ok.rawValue }
  guard let values else { return Status.nullArgument.rawValue }
  let part = matrix.slice(Int(first)..<Int(first + count))
  if part.element == .float64, part.columnStride == 8, part.rowStride == part.columns * 8 {
    memcpy(values, part.base, part.rows * part.columns * 8)
    return Status.ok.rawValue
  }
  for row in 0..<part.rows {
    copy(
      from: part.base + row * part.rowStride, stride: part.columnStride, part.element,
      count: part.columns, to: values + row * part.columns)
  }
  return Status.ok.rawValue
}

/// host->read_column.
func readColumn(
  _ X: UnsafePointer<pyn_matrix>?, _ column: Int64, into values: UnsafeMutablePointer<Double>?
) -> pyn_status {
  guard let X else { return Status.nullArgument.rawValue }
  guard let matrix = try? Matrix(X) else { return Status.invalidData.rawValue }
  guard column >= 0, column < Int64(matrix.columns) else { return Status.shapeMismatch.rawValue }
  guard matrix.rows > 0 else { return Status.ok.rawValue }
  guard let values else { return Status.nullArgument.rawValue }
  copy(
    from: matrix.base + Int(column) * matrix.columnStride, stride: matrix.rowStride, matrix.element,
    count: matrix.rows, to: values)
  return Status.ok.rawValue
}

private func copy(
  from start: UnsafeRawPointer, stride: Int, _ element: Matrix.Element, count: Int,
  to values: UnsafeMutablePointer<Double>
) {
  switch element {
  case .float32:
    for index in 0..<count {
      values[index] = Double((start + index &* stride).load(as: Float.self))
    }
  case .float64:
    for index in 0..<count { values[index] = (start + index &* stride).load(as: Double.self) }
  }
}
