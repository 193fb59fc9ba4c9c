import CKernels
import Testing

@testable import Detection

/// Dense products of both builds: the same bits, and those of plain sums within rounding.
struct DenseKernelTests {
  #if arch(x86_64)
    static let builds = ck_has_x86_64_v3() != 0 ? [DenseKernels.baseline, .x86v3] : [.baseline]
  #else
    static let builds = [DenseKernels.baseline]
  #endif

  private func rows(_ count: Int, _ features: Int, _ width: Int) throws -> Buffer<Double> {
    var random = Random(seed: 3, stream: UInt64(count * 100 + features))
    let rows = try Buffer<Double>(count: ((count + 3) & ~3) * width)
    for row in 0..<count {
      for feature in 0..<features { rows[row * width + feature] = random.normal() }
    }
    return rows
  }

  @Test(arguments: [1, 3, 4, 9, 17], [1, 4, 61]) func products(features: Int, count: Int) throws {
    let width = (features + 7) & ~7
    let data = try rows(count, features, width)
    let matrix = try rows(features, features, width)
    let weights = try Buffer<Double>(count: width)
    for feature in 0..<features { weights[feature] = Double(feature + 1) }
    let results = try Self.builds.map { kernels -> [Double] in
      let sums = try Buffer<Double>(count: width)
      let products = try Buffer<Double>(count: width * width)
      kernels.addCrossProducts(data.base, count, width, features, sums.base, products.base)
      let norms = try Buffer<Double>(count: (count + 3) & ~3)
      kernels.squaredNorms(
        data.base, count, width, features, matrix.base, features, false, norms.base)
      let distances = try Buffer<Double>(count: (count + 3) & ~3)
      let (numbers, packed, scratch) = (
        try Buffer((0..<features).map { $0 }), try Buffer<Double>(count: features * width),
        try Buffer<Double>(count: 9 * ((count + 3) & ~3))
      )
      for k in 0..<features {
        for j in 0..<features {
          packed[(j / 8 * features + k) * 8 + j % 8] = matrix[k * width + j]
        }
      }
      kernels.weightedDistances(
        data.base, count, width, numbers.base, features, packed.base, features, weights.base,
        scratch.base, distances.base)
      for j in 0..<features {
        let sum = (0..<count).reduce(0) { $0 + data[$1 * width + j] }
        #expect(abs(sums[j] - sum) < 1e-12 * Double(count + 1))
        for k in j..<features {
          let product = (0..<count).reduce(0) { $0 + data[$1 * width + j] * data[$1 * width + k] }
          #expect(abs(products[j * width + k] - product) < 1e-12 * Double(count + 1))
        }
      }
      for row in 0..<count {
        var (norm, distance) = (0.0, 0.0)
        let own = (0..<features).reduce(0) { $0 + data[row * width + $1] * data[row * width + $1] }
        for j in 0..<features {
          let z = (0..<features).reduce(0) { $0 + data[row * width + $1] * matrix[$1 * width + j] }
          norm += z * z
          distance += weights[j] * max(0, own + 1 - 2 * z).squareRoot()
        }
        #expect(abs(norms[row] - norm) < 1e-10 * (1 + norm))
        #expect(abs(distances[row] - distance) < 1e-9 * (1 + distance))
      }
      return sums.elements + products.elements + norms.elements + distances.elements
    }
    for result in results { #expect(result == results[0]) }
  }

  @Test func aTriangleIsTheWholeWhereTheRestIsZero() throws {
    let (features, width) = (13, 16)
    let data = try rows(8, features, width)
    let matrix = try rows(features, features, width)
    for k in 0..<features { for j in 0..<k { matrix[k * width + j] = 0 } }
    for kernels in Self.builds {
      let found = try [true, false].map { triangular -> [Double] in
        let norms = try Buffer<Double>(count: 8)
        kernels.squaredNorms(
          data.base, 8, width, features, matrix.base, features, triangular, norms.base)
        return norms.elements
      }
      #expect(found[0] == found[1])
    }
  }

  @Test func rowsAreLoadedCentredAndScaled() throws {
    let X = Table(11, 5) { row, column in Double(row * 5 + column) }
    for kernels in Self.builds {
      let target = try Buffer<Double>(count: 3 * 8)
      let features = try Buffer([1, 4])
      let centres = try Buffer([1.0, 4])
      let scales = try Buffer([2.0, 0.5])
      let numbers = try Buffer([2, 0, 10])
      let finite = kernels.loadRows64(
        X.values, 40, 8, numbers.base, 3, features.base, 2, centres.base, scales.base, target.base, 8)
      #expect(finite)
      #expect(target.elements[0..<3] == [20, 5, 0])
      #expect(target.elements[8..<11] == [0, 0, 0])
      #expect(target.elements[16..<19] == [100, 25, 0])
      X.values[5] = .infinity
      #expect(
        kernels.loadRows64(
          X.values, 40, 8, numbers.base, 3, features.base, 2, centres.base, scales.base, target.base,
          8))
      X.values[1] = .nan
      #expect(
        !kernels.loadRows64(
          X.values, 40, 8, numbers.base, 3, features.base, 2, centres.base, scales.base, target.base,
          8))
      X.values[1] = 1
      X.values[5] = 5
    }
  }

  /// Eight features in a row are loaded at once where they lie one after another, else one by one.
  @Test(arguments: [
    [0, 1, 2, 3, 4, 5, 6, 7, 9], [0, 1, 2, 3, 4, 5, 6, 9, 8], [3, 1, 4, 9, 5, 2, 6, 10, 0, 7, 8],
  ])
  func runsOfFeatures(features: [Int]) throws {
    let X = Table(6, 11) { row, column in Double(row * 100 + column) }
    let singles = try Buffer<Float>(count: 66)
    for cell in 0..<66 { singles[cell] = Float(X.values[cell]) }
    let transposed = try Buffer<Double>(count: 66)
    for cell in 0..<66 { transposed[cell % 11 * 6 + cell / 11] = X.values[cell] }
    let numbers = try Buffer(features)
    let (zeros, ones) = (try Buffer<Double>(count: 11), try Buffer([Double](repeating: 1, count: 11)))
    for kernels in Self.builds {
      let target = try (0..<3).map { _ in try Buffer<Double>(count: 6 * 16) }
      #expect(
        kernels.loadRows64(
          X.values, 88, 8, nil, 6, numbers.base, features.count, zeros.base, ones.base,
          target[0].base, 16))
      #expect(
        kernels.loadRows32(
          singles.base, 44, 4, nil, 6, numbers.base, features.count, zeros.base, ones.base,
          target[1].base, 16))
      #expect(
        kernels.loadRows64(
          transposed.base, 8, 48, nil, 6, numbers.base, features.count, zeros.base, ones.base,
          target[2].base, 16))
      for row in 0..<6 {
        let expected = features.map { Double(row * 100 + $0) }
        for one in target { #expect(Array(one.elements[(16 * row)...].prefix(features.count)) == expected) }
      }
      X.values[5 * 11 + features[2]] = .infinity
      #expect(
        !kernels.loadRows64(
          X.values, 88, 8, nil, 6, numbers.base, features.count, zeros.base, ones.base,
          target[0].base, 16))
      X.values[5 * 11 + features[2]] = Double(500 + features[2])
    }
  }
}
