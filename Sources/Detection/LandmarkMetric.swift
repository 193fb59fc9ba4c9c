/// What turns a gradient by the values at landmarks into a step by the machine's own measure: the inverse of
/// the kernel values among the landmarks. With it steps are those of the features K^-1/2 k(x), which are
/// never computed.
struct LandmarkMetric {
  /// `width` doubles a row, zero beyond the landmarks that count.
  let inverse: Buffer<Double>
  let width: Int

  /// A landmark whose kernel function is so nearly a sum of earlier ones is left out.
  private static let leastResidue = 1e-6

  init(_ rows: KernelRows, call: Call, range: ClosedRange<Double>) throws(DetectionError) {
    let (count, width) = (rows.count, rows.padded)
    let (size, overflow) = width.multipliedReportingOverflow(by: width)
    guard !overflow else {
      throw DetectionError(.outOfMemory, "cannot allocate \(width) x \(width) kernel values")
    }
    let watch = try Watch(call, "fit", range)
    self.width = width
    let factor = try Buffer<Double>(count: size)
    let values = try Buffer<Float>(count: width)
    let scratch = try KernelRows.Scratch(rows)
    for row in 0..<count {
      rows.row(row, scratch, into: values.base)
      for other in 0..<count { factor[row * width + other] = Double(values[other]) }
      try watch.check(0, 0.1 * Double(row) / Double(count))
    }
    let kept = try LandmarkMetric.factorise(factor.base, count, width, watch)
    let root = try LandmarkMetric.invert(factor.base, kept, width, watch)
    inverse = try Buffer(count: size)
    for (place, row) in kept.enumerated() {
      for i in 0..<(place + 1) {
        let at = kept[i]
        LandmarkMetric.add(
          inverse.base + at * width, root.base + row * width, root[row * width + at], row + 1)
      }
      try watch.check(0, 0.7 + 0.3 * Double(place) / Double(count))
    }
  }

  @inline(__always)
  private static func add(
    _ target: UnsafeMutablePointer<Double>, _ row: UnsafePointer<Double>, _ factor: Double, _ count: Int
  ) {
    for index in 0..<count { target[index] += row[index] * factor }
  }

  /// Cholesky's factor in the upper triangle (row i is column i of the lower one); returns which rows
  /// count.
  private static func factorise(
    _ matrix: UnsafeMutablePointer<Double>, _ count: Int, _ width: Int, _ watch: Watch
  ) throws(DetectionError) -> [Int] {
    var kept: [Int] = []
    for pivot in 0..<count {
      let own = matrix + pivot * width
      guard own[pivot] > leastResidue else {
        for index in pivot..<count { own[index] = 0 }
        continue
      }
      kept.append(pivot)
      let root = own[pivot].squareRoot()
      for index in pivot..<count { own[index] /= root }
      for row in (pivot + 1)..<max(count, pivot + 1) where own[row] != 0 {
        add(matrix + row * width + row, own + row, -own[row], count - row)
      }
      try watch.check(0, 0.1 + 0.3 * Double(pivot) / Double(count))
    }
    return kept
  }

  /// The inverse of the lower factor, row by row; rows and columns that do not count are zero.
  private static func invert(
    _ factor: UnsafePointer<Double>, _ kept: [Int], _ width: Int, _ watch: Watch
  ) throws(DetectionError) -> Buffer<Double> {
    let root = try Buffer<Double>(count: width * width)
    for (place, row) in kept.enumerated() {
      let own = root.base + row * width
      own[row] = 1
      for earlier in kept.prefix(place) where factor[earlier * width + row] != 0 {
        add(own, root.base + earlier * width, -factor[earlier * width + row], earlier + 1)
      }
      let diagonal = factor[row * width + row]
      for index in 0..<(row + 1) { own[index] /= diagonal }
      try watch.check(0, 0.4 + 0.3 * Double(place) / Double(max(kept.count, 1)))
    }
    return root
  }
}
