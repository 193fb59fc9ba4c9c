// Features of kernel machines and steps of stochastic gradient descent; CKernels/KernelFeatures.h says what
// each does.

import CKernels

public func radialFeatures(
  _ points: UnsafePointer<Float>, features: Int, blocks: UnsafePointer<Float>, count: Int,
  out: UnsafeMutablePointer<Float>, width: Int
) {
  ck_radial_features(points, Int64(features), blocks, Int64(count), out, Int64(width))
}

public func cosineFeatures(
  _ points: UnsafePointer<Float>, features: Int, blocks: UnsafePointer<Float>,
  phases: UnsafePointer<Float>, count: Int, out: UnsafeMutablePointer<Float>, width: Int
) {
  ck_cosine_features(points, Int64(features), blocks, phases, Int64(count), out, Int64(width))
}

/// out[i] = row i times a vector.
public func rowProducts(
  _ rows: UnsafePointer<Double>, width: Int, count: Int, vector: UnsafePointer<Double>,
  out: UnsafeMutablePointer<Double>
) {
  for row in 0..<count { out[row] = ck_product(rows + row &* width, vector, Int64(width)) }
}

public func rowProductsOfFloats(
  _ rows: UnsafePointer<Float>, width: Int, count: Int, vector: UnsafePointer<Double>,
  out: UnsafeMutablePointer<Double>
) {
  for row in 0..<count { out[row] = ck_product_of_floats(rows + row &* width, vector, Int64(width)) }
}

public func hingeBatch(
  _ rows: UnsafePointer<Double>, width: Int, count: Int, weights: UnsafePointer<Double>, bias: Double,
  steps: UnsafePointer<Double>, gradient: UnsafeMutablePointer<Double>, moved: inout Double
) -> Double {
  ck_hinge_batch(rows, Int64(width), Int64(count), weights, bias, steps, gradient, &moved)
}

public func hingeBatchOfFloats(
  _ rows: UnsafePointer<Float>, width: Int, count: Int, weights: UnsafePointer<Double>, bias: Double,
  steps: UnsafePointer<Double>, gradient: UnsafeMutablePointer<Double>, moved: inout Double
) -> Double {
  ck_hinge_batch_of_floats(rows, Int64(width), Int64(count), weights, bias, steps, gradient, &moved)
}
