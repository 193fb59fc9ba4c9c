/// How well scores rank outliers before inliers.
public enum RankingMeasure {
  /// Area under the ROC curve; tied scores count half.
  public static func rocAUC(
    _ scores: UnsafeBufferPointer<Double>, _ labels: UnsafeBufferPointer<Int32>
  ) throws(DetectionError) -> Double {
    let groups = try tieGroups(scores, labels)
    let outliers = groups.reduce(0) { $0 + $1.outliers }
    let inliers = groups.reduce(0) { $0 + $1.inliers }
    var inliersAbove = 0.0
    var wins = 0.0
    for group in groups {
      wins +=
        Double(group.outliers)
        * (Double(inliers) - inliersAbove - Double(group.inliers) / 2)
      inliersAbove += Double(group.inliers)
    }
    return wins / (Double(outliers) * Double(inliers))
  }

  /// Average precision: precision at each distinct score, weighted by the recall gained there.
  public static func averagePrecision(
    _ scores: UnsafeBufferPointer<Double>, _ labels: UnsafeBufferPointer<Int32>
  ) throws(DetectionError) -> Double {
    let groups = try tieGroups(scores, labels)
    let outliers = Double(groups.reduce(0) { $0 + $1.outliers })
    var found = 0.0
    var seen = 0.0
    var sum = 0.0
    for group in groups {
      found += Double(group.outliers)
      seen += Double(group.outliers + group.inliers)
      sum += Double(group.outliers) / outliers * (found / seen)
    }
    return sum
  }

  /// Rows of equal score together, from the highest score down.
  private static func tieGroups(
    _ scores: UnsafeBufferPointer<Double>, _ labels: UnsafeBufferPointer<Int32>
  ) throws(DetectionError) -> [(outliers: Int, inliers: Int)] {
    if let row = scores.firstIndex(where: \.isNaN) {
      throw DetectionError(.invalidData, "the score of row \(row) is NaN", row: row)
    }
    let outliers = labels.count { $0 != 0 }
    guard outliers > 0, outliers < labels.count else {
      throw DetectionError(
        .invalidData,
        "\(outliers) of \(labels.count) labels are outliers; at least one of each kind is needed")
    }
    try Memory.require(scores.count, of: 40)
    var ranked = zip(scores, labels).map { (score: $0, outlier: $1 != 0) }
    ranked.sort { $0.score > $1.score }
    var groups: [(outliers: Int, inliers: Int)] = []
    var last = Double.nan
    for (score, outlier) in ranked {
      if score != last { groups.append((0, 0)) }
      last = score
      if outlier {
        groups[groups.count - 1].outliers += 1
      } else {
        groups[groups.count - 1].inliers += 1
      }
    }
    return groups
  }
}
