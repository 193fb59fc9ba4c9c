import CLinearAlgebra
import Glibc

/// What turns rows with a covariance into rows with the identity as theirs: W with W W' the inverse of the
/// covariance, so that |x W|^2 is the squared Mahalanobis distance of x.
final class Whitening: @unchecked Sendable {
  /// Feature by feature, `width` apart, zero behind the last output.
  let matrix: Buffer<Double>
  let size: Int
  let width: Int
  private(set) var outputs = 0
  private(set) var isTriangular = true
  /// Whether some eigenvalues counted as 0.
  private(set) var isSingular = false
  /// Of the covariance; where it is singular, of what it became.
  private(set) var logDeterminant = 0.0
  private let work: Buffer<Double>

  /// Eigenvalues below this share of the greatest count as 0, ...
  static let tolerance = 1e-13
  /// ... and those of deviations that are rounding only, in the units of a ``Frame``.
  static let smallest = 1e-28

  /// What becomes of eigenvalues that count as 0.
  enum Singular {
    /// They become the least that is not 0: rows off the hyperplane are very far.
    case raised
    /// They are left out, as by the pseudo-inverse: the way off the hyperplane does not count.
    case leftOut
  }

  init(size: Int, width: Int) throws(DetectionError) {
    self.size = size
    self.width = width
    matrix = try Buffer(count: size * width)
    work = try Buffer(count: size * size)
  }

  /// Take a covariance, size x size, all of it filled.
  func set(_ covariance: UnsafePointer<Double>, singular: Singular) throws(DetectionError) {
    matrix.base.update(repeating: 0, count: size * width)
    if try setByCholesky(covariance) { return }
    try setByEigenvalues(covariance, singular)
  }

  /// Returns false when the covariance is not well away from a singular one.
  private func setByCholesky(_ covariance: UnsafePointer<Double>) throws(DetectionError) -> Bool {
    work.base.update(from: covariance, count: size * size)
    let code = cla_cholesky(work.base, size)
    if code == CLA_NOT_POSITIVE { return false }
    try LinearAlgebra.check(code)
    logDeterminant = 0
    for j in 0..<size {
      let pivot = work[j * size + j]
      guard pivot * pivot > max(1e-9 * covariance[j * size + j], Whitening.smallest), pivot.isFinite else {
        return false
      }
      logDeterminant += 2 * log(pivot)
    }
    try LinearAlgebra.check(cla_invert_lower(work.base, size))
    for j in 0..<size {
      for k in 0...j { matrix[k * width + j] = work[j * size + k] }
    }
    outputs = size
    isTriangular = true
    isSingular = false
    return true
  }

  private func setByEigenvalues(
    _ covariance: UnsafePointer<Double>, _ singular: Singular
  ) throws(DetectionError) {
    let (values, vectors) = try LinearAlgebra.eigen(covariance, size: size)
    let least = max(Whitening.tolerance * values[size - 1], Whitening.smallest)
    logDeterminant = 0
    outputs = 0
    isTriangular = false
    isSingular = !(values[0] > least)
    // The greatest first.
    for index in (0..<size).reversed() {
      var value = values[index]
      if !(value > least) {
        if case .leftOut = singular { break }
        value = least
      }
      logDeterminant += log(value)
      let root = 1 / value.squareRoot()
      for k in 0..<size { matrix[k * width + outputs] = vectors[index * size + k] * root }
      outputs += 1
    }
  }
}

/// Calls of the C library with its codes made errors.
enum LinearAlgebra {
  static func check(_ code: Int32) throws(DetectionError) {
    switch Int(code) {
    case Int(CLA_OK): return
    case Int(CLA_OUT_OF_MEMORY):
      throw DetectionError(.outOfMemory, "cannot allocate the memory of a matrix decomposition")
    default:
      throw DetectionError(
        .invalidData, "a matrix decomposition did not converge: the values are too large or too far apart")
    }
  }

  /// Eigenvalues in rising order, and the eigenvectors one after another.
  static func eigen(
    _ matrix: UnsafePointer<Double>, size: Int
  ) throws(DetectionError) -> (values: Buffer<Double>, vectors: Buffer<Double>) {
    let values = try Buffer<Double>(count: size)
    let vectors = try Buffer<Double>(count: size * size)
    try check(cla_symmetric_eigen(matrix, size, values.base, vectors.base))
    return (values, vectors)
  }
}
