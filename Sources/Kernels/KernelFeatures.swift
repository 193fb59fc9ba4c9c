// Features of kernel machines and steps of stochastic gradient descent; CKernels/KernelFeatures.h says what
// each does.

import CKernels

public func radialFeatures(
  _ points: UnsafePointer<Float>, features: Int, blocks: UnsafePointer<Float>, count: Int,
  out: UnsafeMutablePointer<Double>, width: Int
) {
  ck_radial_features(points, Int64(features), blocks, Int64(count), out, Int64(width))
}

public func cosineFeatures(
  _ points: UnsafePointer<Float>, features: Int, blocks: UnsafePointer<Float>,
  phases: UnsafePointer<Float>, count: Int, scale: Double, out: UnsafeMutablePointer<Double>, width: Int
) {
  ck_cosine_features(
    points, Int64(features), blocks, phases, Int64(count), scale, out, Int64(width))
}

public func rowProducts(
  _ rows: UnsafePointer<Double>, width: Int, count: Int, vector: UnsafePointer<Double>,
  out: UnsafeMutablePointer<Double>
) {
  for row in 0..<count { out[row] = ck_product(rows + row &* width, vector, Int64(width)) }
}

/// out += the sum of factors[i] times row i.
public func addMultiples(
  _ rows: UnsafePointer<Double>, width: Int, count: Int, factors: UnsafePointer<Double>,
  out: UnsafeMutablePointer<Double>
) {
  for row in 0..<count { ck_add_multiple(out, rows + row &* width, factors[row], Int64(width)) }
}

public func hingeBatch(
  _ rows: UnsafePointer<Double>, width: Int, count: Int, weights: UnsafePointer<Double>, bias: Double,
  steps: UnsafePointer<Double>, gradient: UnsafeMutablePointer<Double>, moved: inout Double
) -> Double {
  ck_hinge_batch(rows, Int64(width), Int64(count), weights, bias, steps, gradient, &moved)
}
