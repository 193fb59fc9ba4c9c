import Glibc

/// Stochastic gradient descent on nu / 2 |w|^2 + nu b + the mean of max(0, 1 - (w x + b)), the one-class
/// machine with the offset 1 - b, as scikit-learn's SGDOneClassSVM does it.
///
/// With a feature map several rows make a step together: so many that their rates sum to at most 1, and at
/// most ``mostRows``. Without one each row makes its own, and the numbers are scikit-learn's.
final class HingeDescent: @unchecked Sendable {
  struct Plan {
    enum Rate: String { case optimal, constant, invscaling, adaptive }
    var nu: Double
    var rate: Rate
    var eta0: Double
    var power: Double
    /// Rows before the steps are averaged, counted from 1; 0: they are not.
    var average: Int
    var fitsIntercept: Bool
    /// nil: all epochs are made.
    var tolerance: Double?
    var epochs: Int
    var shuffles: Bool
    var seed: UInt64
  }

  /// Where the descent stands.
  struct State {
    var weights: Buffer<Double>
    var intercept = 1.0
    var average: Buffer<Double>
    var averageIntercept = 0.0
    /// Rows learnt since learning began, and 1.
    var time = 1
    var epochs = 0
    var objective = 0.0

    init(width: Int) throws(DetectionError) {
      weights = try Buffer(count: width)
      average = try Buffer(count: width)
    }

    func copy() throws(DetectionError) -> State {
      var copy = self
      copy.weights = try weights.copy()
      copy.average = try average.copy()
      return copy
    }
  }

  static let mostRows = 64

  let map: FeatureMap
  let plan: Plan
  private(set) var state: State
  private let metric: LandmarkMetric?
  private let steps: Buffer<Double>
  private let gradient: Buffer<Double>
  private let move: Buffer<Double>
  private let start: Double
  private var squaredNorm: Double
  /// The rate now, where it does not depend on the time.
  var rate: Double
  /// Summed over the rows of an epoch.
  var objective = 0.0

  init(
    _ map: FeatureMap, _ plan: Plan, from state: State, metric: LandmarkMetric?
  ) throws(DetectionError) {
    self.map = map
    self.plan = plan
    self.state = state
    self.metric = metric
    steps = try Buffer(count: HingeDescent.mostRows)
    gradient = try Buffer(count: map.width)
    move = try Buffer(count: map.width)
    // So that the first rate is that of Bottou's heuristic.
    start = 1 / ((1 / plan.nu.squareRoot()).squareRoot() * plan.nu)
    rate = plan.eta0
    squaredNorm = 0
    squaredNorm = norm()
  }

  /// |w|^2 from the weights; those of landmarks need the kernel among these.
  @_optimize(speed)
  private func norm() -> Double {
    var sum = 0.0
    guard map.kind == .nystroem else {
      for place in 0..<map.width { sum += state.weights[place] * state.weights[place] }
      return sum / map.squaredHeight
    }
    guard (0..<map.width).contains(where: { state.weights[$0] != 0 }),
      let scratch = try? KernelRows.Scratch(map.rows), let values = try? Buffer<Float>(count: map.width)
    else { return 0 }
    for place in 0..<map.count where state.weights[place] != 0 {
      map.rows.row(place, scratch, into: values.base)
      var own = 0.0
      for other in 0..<map.count { own += state.weights[other] * Double(values[other]) }
      sum += state.weights[place] * own
    }
    return max(sum, 0)
  }

  private func rate(_ time: Int) -> Double {
    switch plan.rate {
    case .optimal: return 1 / (plan.nu * (start + Double(time) - 1))
    case .invscaling: return plan.eta0 / pow(Double(time), plan.power)
    case .constant, .adaptive: return rate
    }
  }

  /// Learn rows of features, in their order.
  func learn(
    _ features: FeatureMap.Scratch, _ count: Int,
    weights: (UnsafeBufferPointer<Double>, rowNumbers: UnsafePointer<Int>)?
  ) {
    let most = map.kind == .identity ? 1 : HingeDescent.mostRows
    var row = 0
    while row < count {
      let now = rate(state.time)
      let size = min(most == 1 || now >= 1 ? 1 : min(most, Int(1 / max(now, 1e-9))), count - row)
      for place in 0..<size {
        let rate = place == 0 ? now : rate(state.time + place)
        steps[place] = rate
      }
      var total = 0.0
      for place in 0..<size { total += steps[place] }
      if let weights {
        for place in 0..<size { steps[place] *= weights.0[weights.rowNumbers[row + place]] }
      }
      step(features, row, size, total)
      row += size
    }
  }

  @_optimize(speed)
  private func step(_ features: FeatureMap.Scratch, _ row: Int, _ size: Int, _ total: Double) {
    let width = map.width
    let (weights, gradient) = (state.weights.base, gradient.base)
    gradient.update(repeating: 0, count: width)
    var moved = 0.0
    let loss =
      map.kind == .identity
      ? FeatureKernels.chosen.hingeBatch(
        features.doubles.base + row * width, width, size, weights, state.intercept, steps.base,
        gradient, &moved)
      : FeatureKernels.chosen.hingeBatchOfFloats(
        features.floats.base + row * width, width, size, weights, state.intercept, steps.base,
        gradient, &moved)
    objective += loss + Double(size) * plan.nu * (0.5 * squaredNorm + state.intercept)
    let kept = max(0, 1 - total * plan.nu)
    var (along, own) = (0.0, 0.0)
    if moved != 0, let metric {
      FeatureKernels.chosen.rowProducts(metric.inverse.base, width, width, gradient, move.base)
    }
    let change = metric == nil || moved == 0 ? gradient : move.base
    let height = map.squaredHeight
    for place in 0..<width {
      along += weights[place] * gradient[place]
      own += change[place] * gradient[place]
      weights[place] = weights[place] * kept + change[place] * height
    }
    squaredNorm = max(0, kept * kept * squaredNorm + 2 * kept * along + own * height)
    if plan.fitsIntercept { state.intercept += moved - total * plan.nu }
    state.time += size
    averageSteps(size)
  }

  @_optimize(speed)
  private func averageSteps(_ size: Int) {
    let counted = state.time - plan.average
    guard plan.average > 0, counted > 0 else { return }
    let share = Double(min(size, counted)) / Double(counted)
    let (weights, average) = (state.weights.base, state.average.base)
    for place in 0..<map.width { average[place] += (weights[place] - average[place]) * share }
    state.averageIntercept += (state.intercept - state.averageIntercept) * share
  }

  var isFinite: Bool {
    state.intercept.isFinite && (0..<map.width).allSatisfy { state.weights[$0].isFinite }
  }

  /// An epoch has ended.
  func count(epoch objective: Double) {
    state.epochs += 1
    state.objective = objective
  }
}
