/// How one call is to be made: how many threads, and whom to tell of progress.
public struct Call {
  /// Takes the fraction done and the stage; returns false to cancel.
  public typealias Progress = (_ fraction: Double, _ stage: StaticString) -> Bool

  public var threads: Int
  public var progress: Progress?

  /// More threads than this are never made.
  static let mostThreads = 1024

  /// threads: 0 for the library's limit.
  public init(threads: Int = 0, progress: Progress? = nil) {
    self.threads = min(threads > 0 ? threads : ThreadLimit.current, Call.mostThreads)
    self.progress = progress
  }

  /// The same, for work that is only this part of the whole call.
  public func part(_ range: ClosedRange<Double>) -> Call {
    guard let progress else { return self }
    var part = self
    part.progress = { fraction, stage in
      progress(range.lowerBound + fraction * (range.upperBound - range.lowerBound), stage)
    }
    return part
  }
}

/// Tells a call's progress, at most every 50 ms, and never that it went back.
public final class ProgressTeller {
  private let call: Call
  private let stage: StaticString
  private var last: UInt64
  private var highest = 0.0

  public init(_ call: Call, _ stage: StaticString) {
    self.call = call
    self.stage = stage
    last = monotonicNanoseconds()
  }

  /// Returns false when the caller wants to cancel.
  public func tell(_ fraction: Double) -> Bool {
    guard let progress = call.progress else { return true }
    let now = monotonicNanoseconds()
    guard now &- last >= 50_000_000 else { return true }
    last = now
    highest = max(highest, fraction)
    return progress(highest, stage)
  }

  /// Tell the end of the whole call; asks at least once in every call.
  static func finish(_ call: Call, _ stage: StaticString) throws(DetectionError) {
    if let progress = call.progress, !progress(1, stage) { throw .cancelled }
  }
}
