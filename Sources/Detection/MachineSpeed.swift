/// How fast this machine is, next to the one on which the costs of the detectors were measured.
public enum MachineSpeed {
  /// 1 for the same speed, 2 for twice that. Measured when it is first asked for, in some ten milliseconds, and
  /// kept until the process ends.
  public static let measured: Double = {
    let seconds = measureSeconds()
    return seconds > 0 ? DetectorProfile.referenceSeconds / seconds : 1
  }()

  /// Processor time of a mix of what detectors do: random trees, sorting, searching for neighbours. The least of
  /// several runs counts, so that a busy machine does not look slow.
  static func measureSeconds() -> Double {
    var random = Random(seed: 1, stream: 0)
    let rows = 512
    let columns = 8
    guard let values = try? Buffer<Double>(count: rows * columns),
      let scores = try? Buffer<Double>(count: rows),
      let X = try? Matrix(
        base: values.base, element: .float64, rows: rows, columns: columns,
        rowStride: columns * 8, columnStride: 8)
    else { return 0 }
    for index in 0..<rows * columns { values[index] = random.normal() }
    var least = Double.infinity
    for _ in 0..<4 {
      let begin = threadNanoseconds()
      for detectorClass in [IsolationForest(), ECOD(), KNN()] as [any DetectorClass] {
        let model = try? detectorClass.fit(
          Training(X), options: Options(detectorClass.info.options), previous: nil,
          call: Call(threads: 1))
        try? model?.score(X, call: Call(threads: 1), into: scores.base)
      }
      least = min(least, Double(threadNanoseconds() &- begin) * 1e-9)
    }
    return least
  }
}
