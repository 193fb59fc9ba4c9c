import CPynomalyPlugin
import Glibc

/// How thin the training data are around a row: minus the logarithm of a Gaussian kernel density whose kernel has the
/// shape of the data's covariance, at a sample of training rows. With the whitened rows y and sample s and the
/// bandwidth h: -log(mean over s of exp(-|y - s|^2 / (2 h^2))). 0 or more.
final class MahalanobisKernel {
  struct Options {
    var samples: Int
    var bandwidth: Double?
    var silverman: Bool
    var shrinkage: Double
    var seed: Int
  }

  static let mostSamples = 65_536
  static let mostColumns = 2048

  let options: Options
  /// Everything that fitting found.
  struct Model {
    var whitening: Whitening
    var samples: Int
    /// 1 / (h sqrt 2): squared distances of rows scaled by it are exponents.
    var scale: Double
    /// Whitened and scaled: eight rows of the sample, column by column; then the next eight.
    var points: Numbers
  }
  var model: Model?

  init(_ options: Options) { self.options = options }

  var bandwidth: Double { model.map { 1 / ($0.scale * 2.0.squareRoot()) } ?? 0 }

  func fit(_ X: Rows, _ call: Call) throws(PluginError) {
    let (n, d) = (X.count, X.columns)
    guard d <= Self.mostColumns else {
      throw PluginError(
        PYN_ERROR_INVALID_DATA,
        "the data have \(d) columns; MahalanobisKernel takes up to \(Self.mostColumns)")
    }
    let whitening = try Whitening(X, shrinkage: options.shrinkage, call)
    let m = min(options.samples, n)
    let h = options.bandwidth ?? Self.bandwidth(rows: m, columns: d, silverman: options.silverman)
    let scale = 1 / (h * 2.0.squareRoot())
    let points = try Numbers(X.host, (m + 7) / 8 * 8, d)
    let row = try Numbers(X.host, 3, d)
    let (standardised, white) = (row.start + d, row.start + 2 * d)
    for (i, from) in sample(X.host, rows: n, count: m, seed: options.seed).enumerated() {
      if i & 63 == 0 || d > 256 { try call.progress(0.9) }
      try X.read(from, 1, to: row.start)
      whitening.apply(row.start, factor: scale, standardised: standardised, to: white)
      for j in 0..<d { points[(i / 8 * d + j) * 8 + i % 8] = white[j] }
    }
    model = Model(whitening: whitening, samples: m, scale: scale, points: points)
  }

  /// Scott 1992, or Silverman 1986; both for data of variance 1.
  static func bandwidth(rows: Int, columns: Int, silverman: Bool) -> Double {
    let (m, d) = (Double(rows), Double(columns))
    return pow(silverman ? m * (d + 2) / 4 : m, -1 / (d + 4))
  }

  /// Different rows, drawn without a table of all rows (Floyd's way).
  private func sample(_ host: HostPointer, rows: Int, count: Int, seed: Int) -> [Int] {
    var random = pyn_plugin_random()
    host.pointee.random_start(&random, UInt64(bitPattern: Int64(seed)), 0)
    var (chosen, seen) = ([Int](), Set<Int>())
    for i in rows - count..<rows {
      var drawn: Int64 = 0
      host.pointee.random_below(&random, Int64(i + 1), &drawn, 1)
      let row = seen.insert(Int(drawn)).inserted ? Int(drawn) : i
      seen.insert(row)
      chosen.append(row)
    }
    return chosen
  }

  func score(_ X: Rows, _ call: Call, to scores: UnsafeMutablePointer<Double>) throws(PluginError) {
    try visit(X, call) { (row, _, exponents, least, model) in
      scores[row] = least - log(Self.sum(exponents, least, model.samples) / Double(model.samples))
    }
  }

  /// The distances that count, feature by feature, each by the weight of its kernel.
  func explain(_ X: Rows, _ call: Call, to shares: UnsafeMutablePointer<Double>) throws(PluginError) {
    let d = X.columns
    try visit(X, call) { (row, white, exponents, least, model) in
      let own = shares + row * d
      for j in 0..<d { own[j] = 0 }
      let sum = Self.sum(exponents, least, model.samples)
      for i in 0..<model.samples {
        let weight = exponents[i] / sum
        let point = model.points.start + i / 8 * 8 * d + i % 8
        for j in 0..<d {
          let difference = white[j] - point[j * 8]
          own[j] += weight * difference * difference
        }
      }
      var total = 0.0
      for j in 0..<d { total += own[j] }
      if !(total > 0) { for j in 0..<d { own[j] = 1 } }
    }
  }

  /// Turns the exponents into e to their power, relative to the least one, and adds them up in order.
  @inline(__always)
  private static func sum(_ exponents: UnsafeMutablePointer<Double>, _ least: Double, _ count: Int) -> Double
  {
    var lanes = Eight(repeating: 0)
    let eights = UnsafeMutableRawPointer(exponents)
    for k in stride(from: 0, to: count, by: 8) {
      let here = eights + 8 * k
      var value = exponential(least - here.loadUnaligned(as: Eight.self))
      if k + 8 > count { for i in count - k..<8 { value[i] = 0 } }
      here.storeBytes(of: value, as: Eight.self)
      lanes += value
    }
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
  }

  /// body(row, whitened row, exponents at the sample's rows, the least of them, model) for all rows.
  @inline(__always)
  private func visit(
    _ X: Rows, _ call: Call,
    _ body: (
      Int, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>, Double, borrowing Model
    ) -> Void
  ) throws(PluginError) {
    guard let model else { throw PluginError(PYN_ERROR_NOT_FITTED, "MahalanobisKernel is not fitted") }
    let d = X.columns
    let padded = (model.samples + 7) / 8 * 8
    // A block's rows share a part of the sample while it is in the cache.
    let block = max(1, min(16, (1 << 21) / max(1, padded * d)))
    let rows = try Numbers(X.host, 2 * block + 1, d)
    let exponents = try Numbers(X.host, block, padded)
    let (white, standardised) = (rows.start + block * d, rows.start + 2 * block * d)
    var work = 1 << 22
    for first in stride(from: 0, to: X.count, by: block) {
      let count = min(block, X.count - first)
      work += count * (padded + d) * d
      if work >= 1 << 22 {
        try call.progress(Double(first) / Double(X.count))
        work = 0
      }
      try X.read(first, count, to: rows.start)
      for i in 0..<count {
        model.whitening.apply(
          rows.start + i * d, factor: model.scale, standardised: standardised, to: white + i * d)
      }
      for k in stride(from: 0, to: padded, by: 8) {
        let points = UnsafeRawPointer(model.points.start + k * d)
        for i in 0..<count {
          let row = white + i * d
          var sums = Eight(repeating: 0)
          for j in 0..<d {
            let difference =
              Eight(repeating: row[j]) - points.loadUnaligned(fromByteOffset: 64 * j, as: Eight.self)
            sums += difference * difference
          }
          UnsafeMutableRawPointer(exponents.start + i * padded + k).storeBytes(of: sums, as: Eight.self)
        }
      }
      for i in 0..<count {
        let own = exponents.start + i * padded
        var least = own[0]
        for k in 1..<max(1, model.samples) where own[k] < least { least = own[k] }
        body(first + i, white + i * d, own, least, model)
      }
    }
    try call.progress(1)
  }
}
