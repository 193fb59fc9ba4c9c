import CKernels

// Random cut trees: bounding boxes, and what inserting a point would displace. Points have `width` values,
// a multiple of 4, zero behind the last feature; a box is its lower corner and its upper one. Sums have a
// fixed order.

/// By how much the sides of a box grow in all when the point joins it.
public func boxGrowth(
  _ point: UnsafePointer<Double>, _ box: UnsafePointer<Double>, width: Int
) -> Double {
  grown(point, box, width)
}

@inline(__always)
private func grown(
  _ point: UnsafePointer<Double>, _ box: UnsafePointer<Double>, _ width: Int
) -> Double {
  var sums = SIMD4<Double>()
  var index = 0
  while index < width {
    sums += growth(point, box, width, index)
    index &+= 4
  }
  return total(sums)
}

/// Widen a box by a point; returns the sum of its sides.
public func widenBox(
  _ point: UnsafePointer<Double>, _ box: UnsafeMutablePointer<Double>, width: Int
) -> Double {
  var sums = SIMD4<Double>()
  var index = 0
  while index < width {
    let x = four(point + index)
    let low = smaller(four(box + index), x)
    let high = larger(four(box + (width &+ index)), x)
    store(low, box + index)
    store(high, box + (width &+ index))
    sums += high - low
    index &+= 4
  }
  return total(sums)
}

/// The box around two others, each given by its corners; returns the sum of its sides.
public func joinBoxes(
  _ lowA: UnsafePointer<Double>, _ highA: UnsafePointer<Double>, _ lowB: UnsafePointer<Double>,
  _ highB: UnsafePointer<Double>, width: Int, into box: UnsafeMutablePointer<Double>
) -> Double {
  var sums = SIMD4<Double>()
  var index = 0
  while index < width {
    let low = smaller(four(lowA + index), four(lowB + index))
    let high = larger(four(highA + index), four(highB + index))
    store(low, box + index)
    store(high, box + (width &+ index))
    sums += high - low
    index &+= 4
  }
  return total(sums)
}

/// Whether two points are the same.
public func areSame(
  _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, width: Int
) -> Bool {
  for index in 0..<width where a[index] != b[index] { return false }
  return true
}

/// Add to scores[row] the expected displacement of each of `rows` points, `stride` doubles apart, were it inserted
/// into the tree.
///
/// - root: a place as in ``ck_cut_node``; counts: the rows of each leaf.
public func addDisplacements(
  _ block: UnsafePointer<Double>, stride: Int, rows: Int, width: Int, root: Int32,
  nodes: UnsafePointer<ck_cut_node>, boxes: UnsafePointer<Double>, points: UnsafePointer<Double>,
  counts: UnsafePointer<Int32>, scores: UnsafeMutablePointer<Double>
) {
  for row in 0..<rows {
    let point = block + row &* stride
    var reach = 1.0
    var worst = 0.0
    var expected = 0.0
    var place = root
    while place >= 0 {
      let node = nodes + Int(place)
      let box = boxes + 2 &* width &* Int(place)
      // A row inside the box has a share of 0; no branch could guess how often.
      let share = part(grown(point, box, width), node.pointee.length, point, box, width)
      expected += reach * share * larger(worst, Double(node.pointee.count))
      reach *= 1 - share
      place = step(node, point, &worst)
    }
    let leaf = Int(~place)
    let isSame = areSame(point, points + leaf &* width, width: width)
    scores[row] += expected + reach * (isSame ? worst : larger(worst, Double(counts[leaf])))
  }
}

/// As ``addDisplacements`` for one point, shared out among the features by which it would be cut off: adds to
/// shares[feature].
public func addDisplacementShares(
  _ point: UnsafePointer<Double>, width: Int, columns: Int, root: Int32,
  nodes: UnsafePointer<ck_cut_node>, boxes: UnsafePointer<Double>, points: UnsafePointer<Double>,
  counts: UnsafePointer<Int32>, shares: UnsafeMutablePointer<Double>
) {
  var reach = 1.0
  var worst = 0.0
  var worstFeature = 0
  var place = root
  while place >= 0 {
    let node = nodes + Int(place)
    let box = boxes + 2 &* width &* Int(place)
    let grown = boxGrowth(point, box, width: width)
    if grown > 0 {
      let share = part(grown, node.pointee.length, point, box, width)
      shareOut(
        reach * share * larger(worst, Double(node.pointee.count)), point, box, box + width, columns,
        shares)
      reach *= 1 - share
    }
    let before = worst
    let feature = Int(node.pointee.feature)
    place = step(node, point, &worst)
    if worst > before { worstFeature = feature }
  }
  let leaf = points + Int(~place) &* width
  if areSame(point, leaf, width: width) {
    shares[worstFeature] += reach * worst
  } else {
    shareOut(
      reach * larger(worst, Double(counts[Int(~place)])), point, leaf, leaf, columns, shares)
  }
}

/// Give each feature its part of `amount`, in proportion to how far the point is outside on it.
private func shareOut(
  _ amount: Double, _ point: UnsafePointer<Double>, _ low: UnsafePointer<Double>,
  _ high: UnsafePointer<Double>, _ columns: Int, _ shares: UnsafeMutablePointer<Double>
) {
  // Scaled so that no sum overflows, and no difference either; of the smallest, no half is exact.
  var scale = 0.5
  var farthest = 0.0
  for index in 0..<columns {
    farthest = larger(farthest, outside(point[index], low[index], high[index], scale))
  }
  if farthest < 0x1p-1000 {
    scale = 1
    farthest = 0
    for index in 0..<columns {
      farthest = larger(farthest, outside(point[index], low[index], high[index], scale))
    }
  }
  guard farthest > 0 else {
    // The processor takes so small a difference for none.
    shares[0] += amount
    return
  }
  var sum = 0.0
  for index in 0..<columns {
    sum += outside(point[index], low[index], high[index], scale) / farthest
  }
  for index in 0..<columns {
    shares[index] +=
      amount * (outside(point[index], low[index], high[index], scale) / farthest / sum)
  }
}

/// The distance by which a value is outside, scaled.
@inline(__always)
private func outside(_ x: Double, _ low: Double, _ high: Double, _ scale: Double) -> Double {
  larger(larger(low * scale - x * scale, x * scale - high * scale), 0)
}

/// The next place down, and the larger of `worst` and what a cut there displaces.
@inline(__always)
private func step(
  _ node: UnsafePointer<ck_cut_node>, _ point: UnsafePointer<Double>, _ worst: inout Double
) -> Int32 {
  let count = node.pointee.count
  let left = node.pointee.left_count
  let isLeft = point[Int(node.pointee.feature)] <= node.pointee.cut
  let own = isLeft ? left : count &- left
  worst = larger(worst, Double(count &- own) / Double(own &+ 1))
  return isLeft ? node.pointee.left : node.pointee.right
}

/// The chance that the first cut of the widened box parts the point from it.
@inline(__always)
private func part(
  _ grown: Double, _ length: Double, _ point: UnsafePointer<Double>, _ box: UnsafePointer<Double>,
  _ width: Int
) -> Double {
  let whole = length + grown
  return whole < .infinity ? grown / whole : hugePart(point, box, width)
}

/// The same where sums overflow.
@inline(never)
private func hugePart(
  _ point: UnsafePointer<Double>, _ box: UnsafePointer<Double>, _ width: Int
) -> Double {
  let scale = 0x1p-40
  var grown = 0.0
  var length = 0.0
  for index in 0..<width {
    let x = point[index] * scale
    let low = box[index] * scale
    let high = box[width &+ index] * scale
    grown += larger(larger(low - x, x - high), 0)
    length += high - low
  }
  return grown / (length + grown)
}

@inline(__always)
private func growth(
  _ point: UnsafePointer<Double>, _ box: UnsafePointer<Double>, _ width: Int, _ index: Int
) -> SIMD4<Double> {
  let x = four(point + index)
  let below = four(box + index) - x
  let above = x - four(box + (width &+ index))
  return larger(larger(below, above), SIMD4<Double>())
}

@inline(__always)
private func four(_ values: UnsafePointer<Double>) -> SIMD4<Double> {
  UnsafeRawPointer(values).loadUnaligned(as: SIMD4<Double>.self)
}

@inline(__always)
private func store(_ values: SIMD4<Double>, _ target: UnsafeMutablePointer<Double>) {
  UnsafeMutableRawPointer(target).storeBytes(of: values, as: SIMD4<Double>.self)
}

@inline(__always)
private func larger(_ a: SIMD4<Double>, _ b: SIMD4<Double>) -> SIMD4<Double> {
  b.replacing(with: a, where: a .> b)
}

@inline(__always)
private func smaller(_ a: SIMD4<Double>, _ b: SIMD4<Double>) -> SIMD4<Double> {
  b.replacing(with: a, where: a .< b)
}

@inline(__always)
private func larger(_ a: Double, _ b: Double) -> Double { a > b ? a : b }

@inline(__always)
private func total(_ sums: SIMD4<Double>) -> Double { (sums[0] + sums[1]) + (sums[2] + sums[3]) }
