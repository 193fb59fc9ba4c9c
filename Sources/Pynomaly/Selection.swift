import CPynomaly
import Detection
import Glibc

@_cdecl("pyn_machine_speed") @implementation
public func pyn_machine_speed() -> Double { MachineSpeed.measured }

@_cdecl("pyn_select_detector") @implementation
public func pyn_select_detector(
  _ request: UnsafePointer<pyn_selection_request>?, _ ranked: UnsafeMutablePointer<pyn_selection>?,
  _ capacity: Int64, _ count: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let found = try read(required(request, "request")).ranked()
    guard capacity >= 0 else {
      throw DetectionError(.invalidArgument, "capacity is \(capacity); allowed are 0 and more")
    }
    let room = min(Int(clamping: capacity), found.count)
    if room > 0 {
      let first = try required(ranked, "ranked")
      let size = first.pointee.struct_size
      try check(structSize: size, atLeast: MemoryLayout<pyn_selection>.size, "pyn_selection")
      guard size % MemoryLayout<pyn_selection>.alignment == 0, size <= 1 << 16 else {
        throw DetectionError(.invalidArgument, "struct_size of pyn_selection is \(size)")
      }
      for (index, selection) in found.prefix(room).enumerated() {
        let target = UnsafeMutableRawPointer(first) + index * size
        write(selection, size, to: target.assumingMemoryBound(to: pyn_selection.self))
      }
    }
    count?.pointee = Int64(found.count)
  }
}

private func read(
  _ pointer: UnsafePointer<pyn_selection_request>
) throws(DetectionError) -> SelectionRequest {
  let fields = pointer.pointee
  try check(
    structSize: fields.struct_size, atLeast: MemoryLayout<pyn_selection_request>.size,
    "pyn_selection_request")
  guard let policy = SelectionRequest.Policy(rawValue: fields.policy) else {
    throw DetectionError(
      .invalidArgument, "policy is \(fields.policy); allowed are 0 (measured) and 1 (guide)")
  }
  var request = SelectionRequest(
    rows: Int(clamping: fields.rows), columns: Int(clamping: fields.columns))
  request.policy = policy
  request.realTime = fields.real_time != 0
  request.capabilities = .init(rawValue: fields.capabilities)
  if fields.max_fit_seconds != 0 { request.maxFitSeconds = fields.max_fit_seconds }
  if fields.max_score_milliseconds != 0 {
    request.maxRowSeconds = fields.max_score_milliseconds / 1000
  }
  if fields.max_memory_bytes != 0 { request.maxMemory = fields.max_memory_bytes }
  if fields.machine_speed != 0 { request.speed = fields.machine_speed }
  return request
}

private func write(
  _ selection: Selection, _ size: Int, to target: UnsafeMutablePointer<pyn_selection>
) {
  target.pointee.struct_size = size
  target.pointee.detector = interned(selection.name)
  target.pointee.fits = selection.fits ? 1 : 0
  target.pointee.measured = selection.isMeasured ? 1 : 0
  target.pointee.fit_seconds = selection.fitSeconds
  target.pointee.score_seconds = selection.scoreSeconds
  target.pointee.score_row_seconds = selection.rowSeconds
  target.pointee.memory_bytes = selection.memory
  target.pointee.roc_auc = selection.rocAUC
  target.pointee.average_precision = selection.averagePrecision
  withUnsafeMutableBytes(of: &target.pointee.reason) { copy(selection.reason, to: $0) }
}
