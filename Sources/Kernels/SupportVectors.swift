// Kernel values and the steps of sequential minimal optimisation; CKernels/SupportVectors.h says what each
// does.

import CKernels

public func radialRow(
  _ point: UnsafePointer<Float>, features: Int, blocks: UnsafePointer<Float>, count: Int,
  out: UnsafeMutablePointer<Float>
) {
  ck_radial_row(point, Int64(features), blocks, Int64(count), out)
}

public func addRadialSums(
  _ points: UnsafePointer<Float>, features: Int, blocks: UnsafePointer<Float>,
  coefficients: UnsafePointer<Double>, count: Int, sums: UnsafeMutablePointer<Double>
) {
  ck_radial_sums(points, Int64(features), blocks, coefficients, Int64(count), sums)
}

public func dotRow(
  _ point: UnsafePointer<Double>, features: Int, blocks: UnsafePointer<Double>, count: Int,
  out: UnsafeMutablePointer<Double>
) {
  ck_dot_row(point, Int64(features), blocks, Int64(count), out)
}

public func moveGradient(
  _ gradient: UnsafeMutablePointer<Double>, first: UnsafePointer<Float>,
  second: UnsafePointer<Float>, change: Double, count: Int
) {
  ck_move_gradient(gradient, first, second, change, Int64(count))
}

public func leastGradient(
  _ gradient: UnsafePointer<Double>, penalty: UnsafePointer<Double>, count: Int,
  least: inout Double
) -> Int {
  Int(ck_least(gradient, penalty, Int64(count), &least))
}

public func bestPartner(
  _ gradient: UnsafePointer<Double>, penalty: UnsafePointer<Double>, row: UnsafePointer<Float>,
  diagonal: UnsafePointer<Float>, own: Float, least: Double, count: Int, widest: inout Double
) -> Int {
  Int(ck_partner(gradient, penalty, row, diagonal, own, least, Int64(count), &widest))
}
