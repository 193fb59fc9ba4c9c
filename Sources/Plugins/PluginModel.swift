import CKernels
import CPlugins
import CPynomaly
import Detection
import Glibc

/// A fitted instance of a plugin behind the protocol of the built-in models.
final class PluginModel: Model, @unchecked Sendable {
  let featureCount: Int
  var naturalThreshold = 0.0
  private let instance: PluginInstance
  private let nanAllowed: Bool
  private let turn: InstanceTurn

  init(
    _ instance: PluginInstance, nanAllowed: Bool, featureCount: Int
  ) throws(DetectionError) {
    self.instance = instance
    self.featureCount = featureCount
    self.nanAllowed = nanAllowed
    turn = InstanceTurn(shared: instance.detector.can(Int(PYN_PLUGIN_THREAD_SAFE_SCORE)))
    if let threshold = try instance.threshold() { naturalThreshold = threshold }
  }

  private var shared: Bool { turn.shared }

  var fitted: [(name: String, value: Double)] {
    (try? turn.take(instance.detector.name) { () throws(DetectionError) in instance.fitted() }) ?? []
  }

  /// What the instance was made with, then the plugin's own bytes.
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(.bool(nanAllowed))
    writer.write(UInt64(instance.values.count))
    for (spec, value) in zip(instance.detector.info.options, instance.values) {
      writer.write(spec.name)
      writer.write(value)
    }
    let bytes = try turn.take(instance.detector.name) { () throws(DetectionError) in
      try instance.save()
    }
    try bytes.withUnsafeBufferPointer { (bytes) throws(DetectionError) in
      try writer.write(bytes: UnsafeRawBufferPointer(bytes))
    }
  }

  func copy() throws(DetectionError) -> PluginInstance {
    try turn.take(instance.detector.name) { () throws(DetectionError) in
      try instance.copy(featureCount: featureCount)
    }
  }

  static func takesMissing(_ options: Options) -> Bool {
    options.string("missing_values") == "native"
  }

  static func check(_ X: Matrix, nanAllowed: Bool) throws(DetectionError) {
    if !X.isFinite, let error = X.firstNotFinite(nanAllowed: nanAllowed) { throw error }
  }

  // MARK: rows to numbers

  private typealias Function =
    @convention(c) (
      UnsafeRawPointer?, OpaquePointer?, UnsafePointer<pyn_matrix>?, UnsafeMutablePointer<Double>?
    ) -> pyn_status

  func score(
    _ X: Matrix, call: Call, into scores: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    guard let function = instance.detector.table.pointee.score else { return }
    try rate(X, call, "score") {
      (rows, state) throws(DetectionError) in
      try self.run(function, "score", rows, &state, into: scores + (rows.firstRow - X.firstRow))
    }
  }

  func explain(
    _ X: Matrix, call: Call, into shares: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    guard let function = instance.detector.table.pointee.explain,
      let score = instance.detector.table.pointee.score
    else { throw DetectionError(.notSupported, "\(instance.detector.name) cannot explain its scores") }
    try rate(X, call, "explain") {
      (rows, state) throws(DetectionError) in
      let scores = try Buffer<Double>(count: rows.rows)
      try self.run(score, "score", rows, &state, into: scores.base)
      let part = shares + (rows.firstRow - X.firstRow) * X.columns
      try self.run(function, "explain", rows, &state, into: part, perRow: X.columns)
      try self.scale(part, rows, to: scores)
    }
  }

  /// Work through the rows in parts: a first small one tells how long rows take, and the others are cut so that
  /// each lasts some milliseconds, which is how soon a cancellation is heard.
  private func rate(
    _ X: Matrix, _ call: Call, _ stage: StaticString,
    _ work: (Matrix, inout CallState) throws(DetectionError) -> Void
  ) throws(DetectionError) {
    try turn.take(instance.detector.name) { () throws(DetectionError) in
      try rateInParts(X, call, stage, work)
    }
  }

  private func rateInParts(
    _ X: Matrix, _ call: Call, _ stage: StaticString,
    _ work: (Matrix, inout CallState) throws(DetectionError) -> Void
  ) throws(DetectionError) {
    let probe = min(X.rows, 64)
    guard X.rows > probe else {
      let teller = call.progress == nil ? nil : ProgressTeller(call, stage)
      var state = CallState(call, teller: teller, firstRow: X.firstRow)
      return try work(X, &state)
    }
    let teller = ProgressTeller(call, stage)
    let start = threadNanoseconds()
    var state = CallState(
      call, teller: teller, span: 0...(Double(probe) / Double(X.rows)), firstRow: X.firstRow)
    try work(X.slice(0..<probe), &state)
    let perRow = max(Double(threadNanoseconds() &- start) / Double(probe), 1)
    let left = X.rows - probe
    let threads = shared ? call.threads : 1
    // No more than the second cache holds: each part is looked through before the plugin reads it.
    let cached = max(64, (128 << 10) / max(1, X.columns * X.element.size))
    var size = min(Int(max(4e6 / perRow, 16)), cached)
    if threads > 1 { size = min(size, max(64, left / (4 * threads))) }
    let parts = (left + size - 1) / size
    var stopped: Int64 = 0
    try withUnsafeMutablePointer(to: &stopped) { (stopped) throws(DetectionError) in
      try forEachChunk(parts, threads: threads, teller: nil) {
        (chunk, worker) throws(DetectionError) in
        let first = probe + chunk * size
        let last = min(first + size, X.rows)
        var state = CallState(
          call, teller: teller,
          span: (Double(first) / Double(X.rows))...(Double(last) / Double(X.rows)),
          stopped: stopped, isCallingThread: worker == 0, firstRow: X.firstRow + first,
          threads: shared ? 1 : call.threads)
        try work(X.slice(first..<last), &state)
        try state.finishPart()
      }
    }
  }

  @inline(__always)
  private func run(
    _ function: Function, _ name: StaticString, _ rows: Matrix, _ state: inout CallState,
    into values: UnsafeMutablePointer<Double>, perRow: Int = 1
  ) throws(DetectionError) {
    try PluginModel.check(rows, nanAllowed: nanAllowed)
    var view = rows.view
    var thrown = cplugins_exception()
    let status = withUnsafeMutablePointer(to: &state) {
      cplugins_rate(function, instance.pointer, OpaquePointer($0), &view, values, &thrown)
    }
    try state.check(status, thrown, instance.detector.name, name)
    for index in 0..<(rows.rows &* perRow) where !values[index].isFinite {
      let row = rows.firstRow + index / perRow
      throw DetectionError(
        .plugin, "\(instance.detector.name): \(name) gave \(values[index]) for row \(row)", row: row)
    }
  }

  /// Scale each row's shares to sum to its score.
  private func scale(
    _ shares: UnsafeMutablePointer<Double>, _ rows: Matrix, to scores: Buffer<Double>
  ) throws(DetectionError) {
    let columns = rows.columns
    for row in 0..<rows.rows {
      let own = UnsafeMutableBufferPointer(start: shares + row * columns, count: columns)
      if let wrong = own.firstIndex(where: { $0 < 0 }) {
        throw DetectionError(
          .plugin,
          "\(instance.detector.name): explain gave the share \(own[wrong]) for row"
            + " \(rows.firstRow + row), column \(wrong); shares are not negative",
          row: rows.firstRow + row, column: wrong)
      }
      let sum = own.reduce(0, +)
      let score = max(scores[row], 0)
      for column in 0..<columns {
        own[column] = sum > 0 ? own[column] / sum * score : score / Double(columns)
      }
    }
  }
}
