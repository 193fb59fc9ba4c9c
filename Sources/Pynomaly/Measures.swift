import CPynomaly
import Detection

private typealias Measure =
  (UnsafeBufferPointer<Double>, UnsafeBufferPointer<Int32>) throws(DetectionError) -> Double

private func measure(
  _ scores: UnsafePointer<Double>?, _ labels: UnsafePointer<Int32>?, _ count: Int64,
  _ result: UnsafeMutablePointer<Double>?, _ error: UnsafeMutablePointer<pyn_error>?,
  _ measure: Measure
) -> pyn_status {
  status(error) { () throws(DetectionError) in
    let target = try required(result, "the result")
    guard count >= 0, let count = Int(exactly: count) else {
      throw DetectionError(.invalidArgument, "count is \(count); allowed are 0 and more")
    }
    target.pointee = try measure(
      UnsafeBufferPointer(start: required(scores, "scores"), count: count),
      UnsafeBufferPointer(start: required(labels, "labels"), count: count))
  }
}

@_cdecl("pyn_roc_auc") @implementation
public func pyn_roc_auc(
  _ scores: UnsafePointer<Double>?, _ labels: UnsafePointer<Int32>?, _ count: Int64,
  _ auc: UnsafeMutablePointer<Double>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  measure(scores, labels, count, auc, error, RankingMeasure.rocAUC)
}

@_cdecl("pyn_average_precision") @implementation
public func pyn_average_precision(
  _ scores: UnsafePointer<Double>?, _ labels: UnsafePointer<Int32>?, _ count: Int64,
  _ average_precision: UnsafeMutablePointer<Double>?, _ error: UnsafeMutablePointer<pyn_error>?
) -> pyn_status {
  measure(scores, labels, count, average_precision, error, RankingMeasure.averagePrecision)
}
