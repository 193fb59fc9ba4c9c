/// Sequential minimal optimisation (Platt 1998) of half a' K a with 0 <= a <= bound and a fixed sum, over
/// some rows: pairs chosen by second order (Fan, Chen, Lin 2005), rows of K kept as far as memory goes.
final class SequentialMinimiser {
  let rows: KernelRows
  let multipliers: Buffer<Double>
  let bounds: Buffer<Double>
  /// K a.
  let gradient: Buffer<Double>
  private let diagonal: Buffer<Float>
  /// 0 where a multiplier may rise, else infinite; and where it may fall.
  private let rising: Buffer<Double>
  private let falling: Buffer<Double>
  private let cache: RowCache

  init(_ rows: KernelRows, cacheBytes: Int) throws(DetectionError) {
    self.rows = rows
    multipliers = try Buffer(count: rows.padded)
    bounds = try Buffer(count: rows.padded)
    gradient = try Buffer(count: rows.padded)
    diagonal = try Buffer(count: rows.padded)
    rising = try Buffer(count: rows.padded)
    falling = try Buffer(count: rows.padded)
    cache = try RowCache(rows, bytes: cacheBytes)
  }

  /// Set where one of the rows, which are there already, stands.
  func set(_ row: Int, multiplier: Double, bound: Double, gradient: Double) {
    multipliers[row] = multiplier
    bounds[row] = bound
    self.gradient[row] = gradient
    diagonal[row] = Float(rows.diagonal(row))
  }

  private func mark(_ row: Int) {
    let open = row < rows.count
    rising[row] = open && multipliers[row] < bounds[row] ? 0 : .infinity
    falling[row] = open && multipliers[row] > 0 ? 0 : .infinity
  }

  /// The tolerance, but not so small that what is left of the violation is rounding.
  static func reachable(_ tolerance: Double, _ a: Double, _ b: Double) -> Double {
    max(tolerance, 1e-11 * max(abs(a), abs(b)))
  }

  /// Minimise until no pair violates optimality by `tolerance`. `check` is asked now and then. Returns the
  /// steps taken, `most` at most.
  func run(
    tolerance: Double, most: Int, check: () throws(DetectionError) -> Void
  ) throws(DetectionError) -> Int {
    let kernels = SVMKernels.chosen
    let count = rows.padded
    for row in 0..<count { mark(row) }
    // A row of kernel values that is not kept costs as many products as there are features.
    let rest = max(1, (1 << 21) / count / max(1, rows.features / 16))
    var steps = 0
    while steps < most {
      if steps % rest == 0 { try check() }
      var least = 0.0
      let i = kernels.leastGradient(gradient.base, rising.base, count, &least)
      guard least < .infinity else { break }
      let first = cache.row(i)
      var widest = 0.0
      let j = kernels.bestPartner(
        gradient.base, falling.base, first, diagonal.base, diagonal[i], least, count, &widest)
      guard j >= 0,
        widest >= SequentialMinimiser.reachable(tolerance, gradient[i], gradient[j])
      else { break }
      let second = cache.row(j)
      let curve = max(Double(diagonal[i]) + Double(diagonal[j]) - 2 * Double(first[j]), 1e-12)
      var change = (gradient[j] - gradient[i]) / curve
      let (room, left) = (bounds[i] - multipliers[i], multipliers[j])
      change = min(change, room, left)
      let before = (multipliers[i], multipliers[j])
      multipliers[i] = change == room ? bounds[i] : multipliers[i] + change
      multipliers[j] = change == left ? 0 : multipliers[j] - change
      if multipliers[i] == before.0, multipliers[j] == before.1 { break }
      kernels.moveGradient(gradient.base, first, second, change, count)
      mark(i)
      mark(j)
      steps += 1
    }
    return steps
  }
}

/// Rows of kernel values, the least recently used of which make room for others.
private final class RowCache {
  private let rows: KernelRows
  private let scratch: KernelRows.Scratch
  private let slots: Int
  private let values: Buffer<Float>
  private let slotOfRow: Buffer<Int32>
  private let rowOfSlot: Buffer<Int>
  private let used: Buffer<Int>
  private var filled = 0
  private var clock = 0

  init(_ rows: KernelRows, bytes: Int) throws(DetectionError) {
    self.rows = rows
    scratch = try KernelRows.Scratch(rows)
    slots = min(rows.padded, max(2, bytes / 4 / rows.padded), Int(Int32.max))
    values = try Buffer(count: slots * rows.padded, zeroed: false)
    slotOfRow = try Buffer(count: rows.padded)
    rowOfSlot = try Buffer(count: slots)
    used = try Buffer(count: slots)
    slotOfRow.base.update(repeating: -1, count: rows.padded)
  }

  func row(_ row: Int) -> UnsafePointer<Float> {
    clock += 1
    var slot = Int(slotOfRow[row])
    if slot < 0 {
      slot = nextSlot()
      slotOfRow[row] = Int32(slot)
      rowOfSlot[slot] = row
      rows.row(row, scratch, into: values.base + slot * rows.padded)
    }
    used[slot] = clock
    return UnsafePointer(values.base + slot * rows.padded)
  }

  private func nextSlot() -> Int {
    if filled < slots {
      filled += 1
      return filled - 1
    }
    var oldest = 0
    for slot in 1..<slots where used[slot] < used[oldest] { oldest = slot }
    slotOfRow[rowOfSlot[oldest]] = -1
    return oldest
  }
}
