/// Rows laid out for kernel values with them: blocks of 8 rows, feature by feature. For the radial kernel
/// floats, centred and scaled so that the kernel is 2^-|x - y|^2; for the others doubles as they are.
final class KernelRows: @unchecked Sendable {
  let kernel: KernelFunction
  let features: Int
  let count: Int
  /// `count` rounded up to a multiple of 8; the rows too many are 0.
  let padded: Int
  let floats: Buffer<Float>
  let doubles: Buffer<Double>

  private var isRadial: Bool { kernel.kind == .radial }

  init(_ kernel: KernelFunction, features: Int, count: Int) throws(DetectionError) {
    self.kernel = kernel
    self.features = features
    self.count = count
    padded = max(8, (count + 7) & ~7)
    let (size, overflow) = padded.multipliedReportingOverflow(by: features)
    guard !overflow else {
      throw DetectionError(.outOfMemory, "cannot allocate \(padded) x \(features) values")
    }
    floats = try Buffer(count: kernel.kind == .radial ? size : 0)
    doubles = try Buffer(count: kernel.kind == .radial ? 0 : size)
  }

  /// Points are `features` long.
  final class Scratch: @unchecked Sendable {
    let floats: Buffer<Float>
    let doubles: Buffer<Double>
    let values: Buffer<Double>

    init(_ rows: KernelRows) throws(DetectionError) {
      floats = try Buffer(count: 4 * rows.features)
      doubles = try Buffer(count: rows.features)
      values = try Buffer(count: rows.isRadial ? 0 : rows.padded)
    }
  }

  private func place(_ row: Int) -> Int { (row >> 3) * features * 8 + (row & 7) }

  /// Far values are brought inside a range whose squares single precision has.
  @inline(__always)
  static func clamp(_ value: Double) -> Float { Float(min(max(value, -1e15), 1e15)) }

  /// Set a row to values that a ``Frame`` has loaded.
  func set(_ row: Int, _ values: UnsafePointer<Double>) {
    let place = place(row)
    for feature in 0..<features {
      if isRadial {
        floats[place + 8 * feature] = KernelRows.clamp(values[feature])
      } else {
        doubles[place + 8 * feature] = values[feature]
      }
    }
  }

  func copy(_ row: Int, from other: KernelRows, _ source: Int) {
    let (from, to) = (other.place(source), place(row))
    for feature in 0..<features {
      if isRadial {
        floats[to + 8 * feature] = other.floats[from + 8 * feature]
      } else {
        doubles[to + 8 * feature] = other.doubles[from + 8 * feature]
      }
    }
  }

  /// The kernel of a row with itself.
  func diagonal(_ row: Int) -> Double {
    if isRadial { return 1 }
    var product = 0.0
    let place = place(row)
    for feature in 0..<features {
      product += doubles[place + 8 * feature] * doubles[place + 8 * feature]
    }
    return kernel.value(product)
  }

  /// The kernel values of one of the rows with all of them.
  func row(_ row: Int, _ scratch: Scratch, into out: UnsafeMutablePointer<Float>) {
    let place = place(row)
    if isRadial {
      for feature in 0..<features { scratch.floats[feature] = floats[place + 8 * feature] }
      SVMKernels.chosen.radialRow(scratch.floats.base, features, floats.base, padded / 8, out)
    } else {
      for feature in 0..<features { scratch.doubles[feature] = doubles[place + 8 * feature] }
      SVMKernels.chosen.dotRow(
        scratch.doubles.base, features, doubles.base, padded / 8, scratch.values.base)
      for other in 0..<padded { out[other] = Float(kernel.value(scratch.values[other])) }
    }
  }

  /// The products of a point, `features` doubles, with all rows, into the scratch's values.
  func products(_ point: UnsafePointer<Double>, _ scratch: Scratch) {
    SVMKernels.chosen.dotRow(point, features, doubles.base, padded / 8, scratch.values.base)
  }

  /// sums[i] = the sum of coefficients times kernel values of points first ..< first + 4 of others with
  /// all rows; coefficients are `padded` long.
  func sums(
    of points: KernelRows, from first: Int, coefficients: UnsafePointer<Double>,
    _ scratch: Scratch, into sums: UnsafeMutablePointer<Double>
  ) {
    for lane in 0..<4 {
      sums[lane] = 0
      let place = points.place(min(first + lane, points.count - 1))
      if isRadial {
        for feature in 0..<features {
          scratch.floats[lane * features + feature] = points.floats[place + 8 * feature]
        }
      } else {
        for feature in 0..<features { scratch.doubles[feature] = points.doubles[place + 8 * feature] }
        sums[lane] = sum(scratch.doubles.base, coefficients: coefficients, scratch)
      }
    }
    if isRadial {
      SVMKernels.chosen.addRadialSums(
        scratch.floats.base, features, floats.base, coefficients, padded / 8, sums)
    }
  }

  private func sum(
    _ point: UnsafePointer<Double>, coefficients: UnsafePointer<Double>, _ scratch: Scratch
  ) -> Double {
    products(point, scratch)
    var sum = 0.0
    for other in 0..<count { sum += coefficients[other] * kernel.value(scratch.values[other]) }
    return sum
  }

  /// Sums for four rows that a ``Frame`` has loaded, `width` apart.
  func sums(
    ofLoaded values: UnsafePointer<Double>, width: Int, coefficients: UnsafePointer<Double>,
    _ scratch: Scratch, into sums: UnsafeMutablePointer<Double>
  ) {
    for lane in 0..<4 {
      sums[lane] = 0
      let point = values + lane * width
      if isRadial {
        for feature in 0..<features {
          scratch.floats[lane * features + feature] = KernelRows.clamp(point[feature])
        }
      } else {
        sums[lane] = sum(point, coefficients: coefficients, scratch)
      }
    }
    if isRadial {
      SVMKernels.chosen.addRadialSums(
        scratch.floats.base, features, floats.base, coefficients, padded / 8, sums)
    }
  }
}
