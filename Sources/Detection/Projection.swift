import CKernels
import Glibc

/// The directions along which rows vary most, where measuring along these alone leaves so few rows in
/// question that the search by dot products is faster for it. Found by subspace iteration (Rutishauser
/// 1969) on a sample; orthonormal, so that no two rows come nearer to each other than they are farther
/// apart along the directions and in the length of the rest.
final class Projection {
  let directions: Int
  private let width: Int
  private let centre: Buffer<Double>
  private let scale: Double
  /// Direction after direction.
  private let basis: Buffer<Double>

  private static let fewestColumns = 24
  private static let most = 64
  private static let sampleRows = 1024
  private static let trials = 16

  /// nil where all columns together are the faster way.
  init?(
    _ points: Buffer<Double>, rows: Int, width: Int, centre: Buffer<Double>, scale: Double, k: Int,
    call: Call
  ) throws(DetectionError) {
    self.width = width
    self.centre = centre
    self.scale = scale
    guard width >= Projection.fewestColumns, width <= 4096, rows >= 1024 else { return nil }
    let count = min(Projection.most, width / 2)
    basis = try Buffer(count: count * width)
    let taken = min(rows, Projection.sampleRows)
    let teller = ProgressTeller(call, "fit")
    let sample = try Buffer<Double>(count: taken * width)
    for number in 0..<taken {
      let row = points.base + rows * number / taken * width
      for column in 0..<width {
        sample[number * width + column] = (row[column] - centre[column]) * scale
      }
    }
    try Projection.iterate(sample, taken, width, basis, count, teller)
    directions = try Projection.choose(
      points, rows: rows, width: width, centre: centre, scale: scale, basis: basis, count: count,
      k: k, teller)
    if directions == 0 { return nil }
  }

  private static func check(_ teller: ProgressTeller) throws(DetectionError) {
    if !teller.tell(0) { throw .cancelled }
  }

  private static func iterate(
    _ sample: Buffer<Double>, _ taken: Int, _ width: Int, _ basis: Buffer<Double>, _ count: Int,
    _ teller: ProgressTeller
  ) throws(DetectionError) {
    // What all rows have in common is no direction in which they vary.
    for column in 0..<width {
      var mean = 0.0
      for row in 0..<taken { mean += sample[row * width + column] }
      mean /= Double(taken)
      for row in 0..<taken { sample[row * width + column] -= mean }
    }
    var random = Random(seed: 0, stream: 0)
    for index in 0..<basis.count { basis[index] = random.normal() }
    let image = try Buffer<Double>(count: taken)
    for _ in 0..<3 {
      for direction in 0..<count {
        try check(teller)
        let own = basis.base + direction * width
        for row in 0..<taken { image[row] = dot(sample.base + row * width, own, width) }
        own.update(repeating: 0, count: width)
        for row in 0..<taken { add(image[row], sample.base + row * width, to: own, width) }
      }
      for _ in 0..<2 { orthonormalise(basis, count, width) }
    }
  }

  @inline(__always)
  private static func dot(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int
  ) -> Double {
    var sum = SIMD8<Double>.zero
    var index = 0
    while index + 8 <= count {
      sum +=
        UnsafeRawPointer(a + index).loadUnaligned(as: SIMD8<Double>.self)
        * UnsafeRawPointer(b + index).loadUnaligned(as: SIMD8<Double>.self)
      index += 8
    }
    var result = sum.sum()
    while index < count {
      result += a[index] * b[index]
      index += 1
    }
    return result
  }

  @inline(__always)
  private static func add(
    _ factor: Double, _ row: UnsafePointer<Double>, to target: UnsafeMutablePointer<Double>, _ count: Int
  ) {
    for column in 0..<count { target[column] += factor * row[column] }
  }

  /// Gram and Schmidt; a direction that the others leave nothing of becomes zero, and says nothing.
  private static func orthonormalise(_ basis: Buffer<Double>, _ count: Int, _ width: Int) {
    for direction in 0..<count {
      let own = basis.base + direction * width
      var largest = 0.0
      for column in 0..<width { largest = max(largest, own[column].magnitude) }
      if largest > 0 { for column in 0..<width { own[column] /= largest } }
      let before = dot(own, own, width)
      for other in 0..<direction {
        let theirs = basis.base + other * width
        add(-dot(own, theirs, width), theirs, to: own, width)
      }
      let length = dot(own, own, width)
      let factor = length > 1e-20 * before && length > 0 ? 1 / length.squareRoot() : 0
      for column in 0..<width { own[column] *= factor }
    }
  }

  /// How many directions to take: some rows are searched for, and the rows counted that would be left in
  /// question. 0: all columns are faster. The weights are
  /// estimates, in cycles: a twelfth a column of the tile, half a one for a row that is measured, and 60 for
  /// getting to it.
  private static func choose(
    _ points: Buffer<Double>, rows: Int, width: Int, centre: Buffer<Double>, scale: Double,
    basis: Buffer<Double>, count: Int, k: Int, _ teller: ProgressTeller
  ) throws(DetectionError) -> Int {
    let taken = min(rows, 2048)
    let kept = max(1, k * taken / rows)
    let numbers = Array(stride(from: 7, through: count - 1, by: 4))
    let distances = try Buffer<Double>(count: taken)
    // Of every row the coordinates, and the lengths of what is left after so many of them.
    let along = try Buffer<Double>(count: taken * count)
    let rests = try Buffer<Double>(count: taken * numbers.count)
    let centred = try Buffer<Double>(count: width)
    for number in 0..<taken {
      if number % 256 == 0 { try check(teller) }
      let row = points.base + rows * number / taken * width
      for column in 0..<width { centred[column] = (row[column] - centre[column]) * scale }
      var rest = dot(centred.base, centred.base, width)
      var next = 0
      for direction in 0..<count {
        if next < numbers.count, numbers[next] == direction {
          rests[number * numbers.count + next] = max(rest, 0).squareRoot()
          next += 1
        }
        let coordinate = dot(centred.base, basis.base + direction * width, width)
        along[number * count + direction] = coordinate
        rest -= square(coordinate)
      }
    }
    var left = [Int](repeating: 0, count: numbers.count)
    for trial in 0..<trials {
      try check(teller)
      let number = taken * trial / trials
      let query = points.base + rows * number / taken * width
      for other in 0..<taken {
        let row = points.base + rows * other / taken * width
        var sum = SIMD8<Double>.zero
        var column = 0
        while column + 8 <= width {
          let gap =
            UnsafeRawPointer(row + column).loadUnaligned(as: SIMD8<Double>.self)
            - UnsafeRawPointer(query + column).loadUnaligned(as: SIMD8<Double>.self)
          sum += gap * gap
          column += 8
        }
        var total = sum.sum()
        while column < width {
          total += square(row[column] - query[column])
          column += 1
        }
        distances[other] = total * scale * scale
      }
      let worst = select(distances.base, taken, min(kept, taken - 1))
      for other in 0..<taken {
        var sum = 0.0
        var direction = 0
        for (place, end) in numbers.enumerated() {
          while direction < end {
            sum += square(along[number * count + direction] - along[other * count + direction])
            direction += 1
          }
          let gap = rests[number * numbers.count + place] - rests[other * numbers.count + place]
          if sum > worst { break }
          if sum + square(gap) <= worst { left[place] += 1 }
        }
      }
    }
    let share = 1 / Double(taken * trials)
    var best = 0
    var least = Double(width) / 12 * 0.85
    for (place, number) in numbers.enumerated() {
      let cost = Double(number + 1) / 12 + Double(left[place]) * share * (Double(width) * 0.5 + 60)
      if cost < least { (best, least) = (number, cost) }
    }
    return best
  }

  @inline(__always)
  private static func square(_ value: Double) -> Double { value * value }

  /// Write a row's coordinates along the directions, and the length of the rest, in single precision;
  /// returns the squared length of what was written.
  func shorten(
    _ row: UnsafePointer<Double>, to target: UnsafeMutablePointer<Float>, stride: Int
  ) -> Double {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: width) { centred in
      guard let centred = centred.baseAddress else { return .infinity }
      for column in 0..<width { centred[column] = (row[column] - centre[column]) * scale }
      var norm = 0.0
      for direction in 0..<directions {
        let own = basis.base + direction * width
        let coordinate = Projection.dot(centred, own, width)
        Projection.add(-coordinate, own, to: centred, width)
        let value = Float(coordinate)
        target[direction * stride] = value
        norm += Double(value) * Double(value)
      }
      let rest = Float(Projection.dot(centred, centred, width).squareRoot())
      target[directions * stride] = rest
      return norm + Double(rest) * Double(rest)
    }
  }
}
