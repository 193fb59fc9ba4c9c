/// A location and a covariance, in the units of a ``Frame`` and relative to its centres.
final class Scatter: @unchecked Sendable {
  let size: Int
  /// `width` long, zero behind the last feature.
  let location: Buffer<Double>
  /// size x size.
  let covariance: Buffer<Double>
  /// Of the covariance, eigenvalues that count as 0 raised (``Whitening/Singular/raised``).
  var logDeterminant = Double.infinity

  init(_ frame: Frame) throws(DetectionError) {
    size = frame.count
    location = try Buffer(count: frame.width)
    covariance = try Buffer(count: size * size)
  }

  func copy(from other: Scatter) {
    location.base.update(from: other.location.base, count: location.count)
    covariance.base.update(from: other.covariance.base, count: covariance.count)
    logDeterminant = other.logDeterminant
  }

  /// Take the sums that rows less the location gave.
  ///
  /// - moving: false keeps the location, and the covariance is that about it.
  func take(_ sums: ScatterSums, moving: Bool = true) {
    guard sums.count > 0 else { return }
    let share = 1 / Double(sums.count)
    let width = location.count
    for j in 0..<size {
      let shift = moving ? sums.sums[j] * share : 0
      for k in j..<size {
        let value =
          sums.products[j * width + k] * share - shift * (moving ? sums.sums[k] * share : 0)
        covariance[j * size + k] = value
        covariance[k * size + j] = value
      }
      covariance[j * size + j] = max(covariance[j * size + j], 0)
    }
    if moving { for j in 0..<size { location[j] += sums.sums[j] * share } }
  }
}

/// Sums over rows: how many, of each feature, of the products of each two.
final class ScatterSums: @unchecked Sendable {
  private let features: Int
  private let width: Int
  private(set) var count = 0
  let sums: Buffer<Double>
  let products: Buffer<Double>

  init(_ frame: Frame) throws(DetectionError) {
    features = frame.count
    width = frame.width
    sums = try Buffer(count: width)
    products = try Buffer(count: width * width)
  }

  func clear() {
    count = 0
    sums.base.update(repeating: 0, count: width)
    products.base.update(repeating: 0, count: width * width)
  }

  /// Add rows that lie `width` apart.
  func add(_ rows: UnsafePointer<Double>, count: Int) {
    DenseKernels.chosen.addCrossProducts(rows, count, width, features, sums.base, products.base)
    self.count += count
  }

  func add(_ other: ScatterSums) {
    for index in 0..<width { sums[index] += other.sums[index] }
    for index in 0..<(width * width) { products[index] += other.products[index] }
    count += other.count
  }
}
