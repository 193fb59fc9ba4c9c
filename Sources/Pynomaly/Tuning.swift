import CPynomaly
import Detection
import Glibc

/// What a pyn_tuning pointer stands for.
private final class TuningHandle {
  let tuning: Tuning
  var messages: [UnsafeMutablePointer<CChar>?] = []

  init(_ tuning: Tuning) { self.tuning = tuning }

  deinit { dropMessages() }

  func refreshMessages() {
    dropMessages()
    messages = tuning.results.map { $0.error.flatMap { strdup($0.message) } }
  }

  private func dropMessages() {
    for message in messages { free(message) }
    messages = []
  }
}

private func handle(_ pointer: OpaquePointer?) throws(DetectionError) -> TuningHandle {
  let pointer = try required(pointer, "tuning")
  return Unmanaged<TuningHandle>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
}

@_cdecl("pyn_tuning_create") @implementation
public func pyn_tuning_create(
  _ detector: OpaquePointer?, _ tuning: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(tuning, "tuning")
    target.pointee = nil
    let source: DetectorHandle = try handle(detector)
    let made = TuningHandle(Tuning(source.detector))
    target.pointee = OpaquePointer(Unmanaged.passRetained(made).toOpaque())
  }
}

@_cdecl("pyn_tuning_free") @implementation
public func pyn_tuning_free(_ tuning: OpaquePointer?) {
  guard let tuning else { return }
  Unmanaged<TuningHandle>.fromOpaque(UnsafeRawPointer(tuning)).release()
}

@_cdecl("pyn_tuning_add_value") @implementation
public func pyn_tuning_add_value(
  _ tuning: OpaquePointer?, _ option: UnsafePointer<CChar>?, _ value: UnsafePointer<pyn_value>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let tuning: TuningHandle = try handle(tuning)
    let source = try required(value, "value")
    try check(
      structSize: source.pointee.struct_size, atLeast: MemoryLayout<pyn_value>.size, "pyn_value")
    try tuning.tuning.add(text(option, "option"), optionValue(source.pointee))
  }
}

@_cdecl("pyn_tuning_add_text") @implementation
public func pyn_tuning_add_text(
  _ tuning: OpaquePointer?, _ option: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let tuning: TuningHandle = try handle(tuning)
    try tuning.tuning.add(text(option, "option"), text: text(value, "text"))
  }
}

@_cdecl("pyn_tuning_add_defaults") @implementation
public func pyn_tuning_add_defaults(
  _ tuning: OpaquePointer?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let tuning: TuningHandle = try handle(tuning)
    try tuning.tuning.addDefaults()
  }
}

@_cdecl("pyn_tuning_run") @implementation
public func pyn_tuning_run(
  _ tuning: OpaquePointer?, _ X: UnsafePointer<pyn_matrix>?,
  _ plan: UnsafePointer<pyn_tuning_plan>?, _ options: UnsafePointer<pyn_call>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let tuning: TuningHandle = try handle(tuning)
    let call = try call(options)
    let training = try training(X, options)
    guard training.weights == nil else {
      throw DetectionError(.notSupported, "tuning takes no sample weights")
    }
    try tuning.tuning.run(training.X, labels: training.labels, plan: read(plan), call: call)
    tuning.refreshMessages()
  }
}

private func read(
  _ pointer: UnsafePointer<pyn_tuning_plan>?
) throws(DetectionError) -> TuningPlan {
  var plan = TuningPlan()
  guard let fields = pointer?.pointee else { return plan }
  try check(
    structSize: fields.struct_size, atLeast: MemoryLayout<pyn_tuning_plan>.size, "pyn_tuning_plan")
  guard let criterion = TuningPlan.Criterion(rawValue: fields.criterion) else {
    throw DetectionError(
      .invalidArgument, "criterion is \(fields.criterion); allowed are 0 to 3 (PYN_CRITERION_*)")
  }
  guard let seed = UInt64(exactly: fields.seed) else {
    throw DetectionError(.invalidArgument, "seed is \(fields.seed); allowed are 0 and more")
  }
  plan.criterion = criterion
  plan.seed = seed
  if fields.folds != 0 { plan.folds = Int(fields.folds) }
  if fields.repeats != 0 { plan.repeats = Int(fields.repeats) }
  if fields.holdout != 0 { plan.holdout = fields.holdout }
  if fields.budget != 0 { plan.budget = Int(clamping: fields.budget) }
  return plan
}

@_cdecl("pyn_tuning_get_count") @implementation
public func pyn_tuning_get_count(_ tuning: OpaquePointer?) -> Int64 {
  guard let tuning: TuningHandle = try? handle(tuning) else { return 0 }
  return Int64(tuning.tuning.results.count)
}

@_cdecl("pyn_tuning_get_best") @implementation
public func pyn_tuning_get_best(_ tuning: OpaquePointer?) -> Int64 {
  guard let tuning: TuningHandle = try? handle(tuning) else { return -1 }
  return tuning.tuning.best.map { Int64($0) } ?? -1
}

@_cdecl("pyn_tuning_get_criterion") @implementation
public func pyn_tuning_get_criterion(_ tuning: OpaquePointer?) -> Int32 {
  guard let tuning: TuningHandle = try? handle(tuning) else { return 0 }
  return tuning.tuning.criterion.rawValue
}

@_cdecl("pyn_tuning_option_at") @implementation
public func pyn_tuning_option_at(_ tuning: OpaquePointer?, _ index: Int64) -> UnsafePointer<CChar>? {
  guard let tuning: TuningHandle = try? handle(tuning), index >= 0,
    index < Int64(tuning.tuning.grid.axes.count)
  else { return nil }
  return interned(tuning.tuning.grid.axes[Int(index)].option)
}

@_cdecl("pyn_tuning_option_is_judged") @implementation
public func pyn_tuning_option_is_judged(_ tuning: OpaquePointer?, _ index: Int64) -> Int32 {
  guard let tuning: TuningHandle = try? handle(tuning), index >= 0,
    index < Int64(tuning.tuning.grid.axes.count)
  else { return 0 }
  return tuning.tuning.judges(tuning.tuning.grid.axes[Int(index)].option) ? 1 : 0
}

@_cdecl("pyn_tuning_get_result") @implementation
public func pyn_tuning_get_result(
  _ tuning: OpaquePointer?, _ index: Int64, _ result: UnsafeMutablePointer<pyn_tuning_result>?,
  _ folds: UnsafeMutablePointer<Double>?, _ capacity: Int64, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let tuning: TuningHandle = try handle(tuning)
    let target = try required(result, "result")
    try check(
      structSize: target.pointee.struct_size, atLeast: MemoryLayout<pyn_tuning_result>.size,
      "pyn_tuning_result")
    let place = try place(index, tuning)
    let found = tuning.tuning.results[place]
    if let folds {
      let room = try check(folds, count: capacity, needed: found.folds.count, "folds")
      for (fold, value) in found.folds.enumerated() { room[fold] = value }
    }
    target.pointee.mean = found.mean
    target.pointee.deviation = found.deviation
    target.pointee.fit_seconds = found.fitSeconds
    target.pointee.score_seconds = found.scoreSeconds
    target.pointee.rank = Int64(found.rank)
    target.pointee.same_as = found.sameAs.map { Int64($0) } ?? -1
    target.pointee.fold_count = Int64(found.folds.count)
    target.pointee.status = found.error?.status.rawValue ?? 0
    target.pointee.reserved = 0
    target.pointee.message = tuning.messages[place].map { UnsafePointer($0) }
  }
}

@_cdecl("pyn_tuning_create_detector") @implementation
public func pyn_tuning_create_detector(
  _ tuning: OpaquePointer?, _ index: Int64, _ detector: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let tuning: TuningHandle = try handle(tuning)
    let target = try required(detector, "detector")
    target.pointee = nil
    let made = try index == -1 ? tuning.tuning.bestDetector() : tuning.tuning.detector(place(index, tuning))
    target.pointee = DetectorHandle(made).retainedPointer
  }
}

private func place(_ index: Int64, _ tuning: TuningHandle) throws(DetectionError) -> Int {
  let count = tuning.tuning.results.count
  guard index >= 0, index < Int64(count) else {
    throw DetectionError(
      .invalidArgument,
      count == 0
        ? "there are no results yet; run the tuning first"
        : "there is no configuration \(index); allowed are 0 to \(count - 1)")
  }
  return Int(index)
}
