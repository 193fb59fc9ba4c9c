import CPynomalyPlugin

/// fit learns the median of each column and the median distance from it (MAD). A row's score is its largest distance
/// from a median, in MADs: the modified z-score of Iglewicz and Hoaglin (1993).
final class Detector {
  static let largest = 1e300  // scores are finite

  let smallestDeviation: Double
  /// The medians of the columns, then their MADs.
  private var numbers: Numbers?

  init(smallestDeviation: Double) { self.smallestDeviation = smallestDeviation }

  var columns: Int { (numbers?.count ?? 0) / 2 }

  /// Errors: throw PluginError(PYN_ERROR_INVALID_DATA, "why", row: 3, column: 1).
  func fit(_ X: Rows, _ call: Call) throws(PluginError) {
    let found = try Numbers(X.host, 2, X.columns)
    try call.parallelFor(X.columns) { (column, _) throws(PluginError) in
      let values = try Numbers(X.host, X.count)
      try X.readColumn(column, to: values.start)
      let median = kth(values, X.count / 2)
      for i in 0..<values.count { values[i] = min(abs(values[i] - median), Detector.largest) }
      found[column] = median
      found[X.columns + column] = max(kth(values, X.count / 2), self.smallestDeviation)
    }
    numbers = found
  }

  func score(_ X: Rows, _ call: Call, to scores: UnsafeMutablePointer<Double>) throws(PluginError) {
    try visit(X, call) { (row, column, z) in scores[row] = column == 0 ? z : max(scores[row], z) }
  }

  func explain(_ X: Rows, _ call: Call, to shares: UnsafeMutablePointer<Double>) throws(PluginError) {
    let columns = X.columns
    try visit(X, call) { (row, column, z) in shares[row * columns + column] = z }
  }

  /// body(row, column, distance in MADs), row by row.
  @inline(__always)
  private func visit(_ X: Rows, _ call: Call, _ body: (Int, Int, Double) -> Void) throws(PluginError) {
    guard let numbers else { throw PluginError(PYN_ERROR_NOT_FITTED, "@DETECTOR@ is not fitted") }
    let columns = X.columns
    let (medians, mads) = (numbers.start, numbers.start + columns)
    let block = max(1, 8192 / columns)
    let rows = try Numbers(X.host, block, columns)
    for first in stride(from: 0, to: X.count, by: block) {
      let count = min(block, X.count - first)
      try X.read(first, count, to: rows.start)
      for row in 0..<count {
        for c in 0..<columns {
          let distance = min(abs(rows[row * columns + c] - medians[c]), Detector.largest)
          body(first + row, c, min(0.6745 * distance / mads[c], Detector.largest))
        }
      }
      try call.progress(Double(first + count) / Double(X.count))
    }
  }

  /// Medians, then MADs; little-endian.
  func save(_ call: Call) throws(PluginError) {
    guard let numbers else { throw PluginError(PYN_ERROR_NOT_FITTED, "@DETECTOR@ is not fitted") }
    try PluginError.check(call.host.pointee.write(call.pointer, numbers.start, 8 * numbers.count))
  }

  /// The bytes may be damaged: what is read is checked.
  func load(_ bytes: UnsafeRawBufferPointer, features: Int, _ host: HostPointer) throws(PluginError) {
    guard features > 0, bytes.count % 16 == 0, bytes.count / 16 == features else {
      throw .model("the model has \(bytes.count) bytes, not 16 for each of \(features) columns")
    }
    let read = try Numbers(host, 2, features)
    for i in 0..<read.count {
      read[i] = bytes.loadUnaligned(fromByteOffset: 8 * i, as: Double.self)
      guard read[i].isFinite, i < features || read[i] > 0 else {
        throw .model("a number of the model is out of range")
      }
    }
    numbers = read
  }
}

/// The k-th smallest value (from 0). Puts the values in another order.
private func kth(_ numbers: Numbers, _ k: Int) -> Double {
  let values = numbers.start
  var (low, high) = (0, numbers.count - 1)
  while low < high {
    let pivot = values[low + (high - low) / 2]
    var (i, j) = (low, high)
    while i <= j {
      while values[i] < pivot { i += 1 }
      while values[j] > pivot { j -= 1 }
      if i <= j {
        (values[i], values[j]) = (values[j], values[i])
        i += 1
        j -= 1
      }
    }
    if k <= j { high = j } else if k >= i { low = i } else { break }
  }
  return values[k]
}
