import CKernels

/// Lets work that is long within its chunks be told of and cancelled: the calling thread (worker 0) asks
/// the caller, the other workers learn it from a flag.
final class Watch: @unchecked Sendable {
  private let teller: ProgressTeller
  private let stopped: Buffer<Int64>
  private let from: Double
  private let to: Double

  init(_ call: Call, _ stage: StaticString, _ range: ClosedRange<Double> = 0...1) throws(DetectionError) {
    teller = ProgressTeller(call, stage)
    stopped = try Buffer(count: 1)
    from = range.lowerBound
    to = range.upperBound
  }

  /// Call at least every few milliseconds; `fraction` counts from worker 0 only.
  func check(_ worker: Int, _ fraction: Double) throws(DetectionError) {
    if worker == 0, !teller.tell(from + (to - from) * min(fraction, 1)) { ck_store(stopped.base, 1) }
    if ck_load(stopped.base) != 0 { throw .cancelled }
  }
}
