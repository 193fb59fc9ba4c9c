// One column of some rows of the caller's matrix, as doubles that lie together.

/// Load `count` doubles, `step` bytes apart. Negative zero becomes zero, so that equal values have equal
/// bits. Returns whether every value was finite.
public func loadColumn64(
  _ start: UnsafeRawPointer, step: Int, count: Int, into values: UnsafeMutablePointer<Double>
) -> Bool {
  loadColumn(start, step, count, values, Double.self) { $0 }
}

/// Load `count` floats; as ``loadColumn64``.
public func loadColumn32(
  _ start: UnsafeRawPointer, step: Int, count: Int, into values: UnsafeMutablePointer<Double>
) -> Bool {
  loadColumn(start, step, count, values, Float.self) { Double($0) }
}

@inline(__always)
private func loadColumn<Element: BitwiseCopyable>(
  _ start: UnsafeRawPointer, _ step: Int, _ count: Int, _ values: UnsafeMutablePointer<Double>,
  _ type: Element.Type, _ convert: (Element) -> Double
) -> Bool {
  // x - x is zero for finite values, NaN for the others.
  var residue = SIMD4<Double>()
  var index = 0
  while index &+ 4 <= count {
    let cell = start + index &* step
    let four = SIMD4<Double>(
      convert(cell.load(as: type)), convert((cell + step).load(as: type)),
      convert((cell + 2 &* step).load(as: type)), convert((cell + 3 &* step).load(as: type)))
    residue += four - four
    UnsafeMutableRawPointer(values + index).storeBytes(of: four + SIMD4<Double>(), as: SIMD4<Double>.self)
    index &+= 4
  }
  while index < count {
    let value = convert((start + index &* step).load(as: type))
    residue[0] += value - value
    values[index] = value + 0
    index &+= 1
  }
  return residue.sum() == 0
}

/// Add the values to the sums.
public func addColumn(
  _ values: UnsafePointer<Double>, count: Int, to sums: UnsafeMutablePointer<Double>
) {
  for index in 0..<count { sums[index] += values[index] }
}

/// The least and the greatest of `count` values, at least one.
public func columnRange(
  _ values: UnsafePointer<Double>, count: Int, least: inout Double, greatest: inout Double
) {
  var low = SIMD4<Double>(repeating: values[0])
  var high = low
  var index = 0
  while index &+ 4 <= count {
    let four = UnsafeRawPointer(values + index).loadUnaligned(as: SIMD4<Double>.self)
    low.replace(with: four, where: four .< low)
    high.replace(with: four, where: four .> high)
    index &+= 4
  }
  var lowest = low[0]
  var highest = high[0]
  for lane in 1..<4 {
    lowest = low[lane] < lowest ? low[lane] : lowest
    highest = high[lane] > highest ? high[lane] : highest
  }
  while index < count {
    lowest = values[index] < lowest ? values[index] : lowest
    highest = values[index] > highest ? values[index] : highest
    index &+= 1
  }
  least = lowest
  greatest = highest
}
