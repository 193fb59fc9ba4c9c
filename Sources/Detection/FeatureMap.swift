/// Takes rows to features in which the one-class machine is linear: the rows themselves, kernel values with
/// landmarks (Williams, Seeger 2001), or waves (Rahimi, Recht 2007). Fixed by the first rows that are learnt.
final class FeatureMap: @unchecked Sendable {
  enum Kind: UInt32 {
    case identity = 0
    case nystroem = 1
    case fourier = 2
  }

  let kind: Kind
  let gamma: Double
  let frame: Frame
  /// The mean of each column of the first rows.
  let means: Buffer<Double>
  /// Landmarks, or the directions of the waves; none for the rows themselves.
  let rows: KernelRows
  /// Of the waves, in turns.
  let phases: Buffer<Float>

  /// Features.
  var count: Int { kind == .identity ? frame.count : rows.count }
  /// Doubles from one row of features to the next.
  var width: Int { kind == .identity ? frame.width : rows.padded }
  /// The square of what waves are multiplied by. The machine takes them as they are, and has weights and
  /// steps multiplied instead.
  var squaredHeight: Double { kind == .fourier ? 2 / Double(max(count, 1)) : 1 }

  /// Kernel rows are looked at in coordinates in which the kernel is 2 to the minus squared distance.
  init(
    _ kind: Kind, gamma: Double, means: Buffer<Double>, rows: KernelRows, phases: Buffer<Float>
  ) throws(DetectionError) {
    self.kind = kind
    self.gamma = gamma
    self.means = means
    self.rows = rows
    self.phases = phases
    frame = try Frame(features: Array(0..<means.count), of: means.count)
    guard kind != .identity else { return }
    for feature in 0..<frame.count {
      frame.centres[feature] = means[feature]
      frame.scales[feature] = FeatureMap.kernel(gamma).radialScale
    }
  }

  static func kernel(_ gamma: Double) -> KernelFunction {
    KernelFunction(kind: .radial, gamma: gamma, coef0: 0, degree: 0)
  }

  /// What one thread needs to load and map `capacity` rows.
  final class Scratch: @unchecked Sendable {
    /// Of the rows that are loaded at a time.
    let tileRows: Int
    let tile: Buffer<Double>
    /// Of four of them.
    let points: Buffer<Float>
    /// Without a map, rows of features.
    let doubles: Buffer<Double>
    /// With one.
    let floats: Buffer<Float>

    /// - keepsFeatures: false for rows whose features are not kept (``FeatureMap/forEachFour``).
    init(_ map: FeatureMap, rows capacity: Int, keepsFeatures: Bool = true) throws(DetectionError) {
      let padded = (capacity + 3) & ~3
      let mapped = map.kind != .identity
      tileRows = min(32, padded)
      tile = try Buffer(count: mapped ? tileRows * map.frame.width : 0)
      points = try Buffer(count: mapped ? 4 * map.frame.count : 0)
      let (size, overflow) = padded.multipliedReportingOverflow(by: map.width)
      guard !overflow else {
        throw DetectionError(.outOfMemory, "cannot allocate \(padded) x \(map.width) features")
      }
      doubles = try Buffer(count: mapped ? 0 : size)
      floats = try Buffer(count: mapped && keepsFeatures ? size : 0)
    }
  }

  /// The features of some rows, in the scratch's.
  func load(
    _ X: Matrix, from first: Int, rowNumbers: UnsafePointer<Int>? = nil, rows count: Int,
    _ scratch: Scratch
  ) throws(DetectionError) {
    guard kind != .identity else {
      try frame.load(
        X, from: first, rowNumbers: rowNumbers, rows: count, into: scratch.doubles.base)
      return
    }
    let (target, width) = (scratch.floats.base, width)
    try forEachFour(X, from: first, rowNumbers: rowNumbers, rows: count, scratch) { row, points in
      self.map(points, into: target + row * width)
    }
  }

  /// Some rows by fours as the kernels take them, the last one again where there are fewer: for
  /// `body(row, points)`.
  @inline(__always) @_optimize(speed)
  func forEachFour(
    _ X: Matrix, from first: Int, rowNumbers: UnsafePointer<Int>? = nil, rows count: Int,
    _ scratch: Scratch, _ body: (Int, UnsafePointer<Float>) -> Void
  ) throws(DetectionError) {
    let (features, width, most) = (frame.count, frame.width, scratch.tileRows)
    let (tile, points) = (scratch.tile.base, scratch.points.base)
    var loaded = 0
    while loaded < count {
      let rows = min(most, count - loaded)
      try frame.load(
        X, from: rowNumbers == nil ? first + loaded : first,
        rowNumbers: rowNumbers.map { $0 + loaded }, rows: rows, into: tile)
      var row = 0
      while row < rows {
        for lane in 0..<4 {
          let source = tile + (row + min(lane, rows - row - 1)) * width
          let target = points + lane * features
          for feature in 0..<features { target[feature] = KernelRows.clamp(source[feature]) }
        }
        body(loaded + row, points)
        row += 4
      }
      loaded += rows
    }
  }

  private func map(_ points: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
    if kind == .nystroem {
      FeatureKernels.chosen.radialFeatures(
        points, frame.count, rows.floats.base, width / 8, target, width)
    } else {
      FeatureKernels.chosen.cosineFeatures(
        points, frame.count, rows.floats.base, phases.base, width / 8, target, width)
    }
    for lane in 0..<4 {
      for place in count..<width { target[lane * width + place] = 0 }
    }
  }
}
