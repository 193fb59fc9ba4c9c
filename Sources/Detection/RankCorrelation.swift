/// Ranks of scores, and how alike two rankings are.
enum RankCorrelation {
  /// Write the rank of each score, from 0; equal scores share the mean of their ranks. A NaN counts as above
  /// everything else.
  static func rank(
    _ scores: UnsafePointer<Double>, _ count: Int, into ranks: UnsafeMutablePointer<Double>
  ) throws(DetectionError) {
    try Memory.require(count, of: 2 * MemoryLayout<Int>.stride)
    let order = (0..<count).sorted { left, right in
      let (a, b) = (scores[left], scores[right])
      return a < b || (a == b && left < right) || (b.isNaN && (!a.isNaN || left < right))
    }
    var first = 0
    while first < count {
      var end = first + 1
      while end < count, scores[order[end]] == scores[order[first]] { end += 1 }
      for place in first..<end { ranks[order[place]] = Double(first + end - 1) / 2 }
      first = end
    }
  }

  /// Pearson's correlation of two rankings of `count` rows, which is Spearman's of the scores. Rankings that
  /// do not tell any rows apart are like no other: 0.
  static func ofRanks(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int
  ) -> Double {
    let mean = Double(count - 1) / 2
    var (aa, bb, ab) = (0.0, 0.0, 0.0)
    for row in 0..<count {
      let (x, y) = (a[row] - mean, b[row] - mean)
      aa += x * x
      bb += y * y
      ab += x * y
    }
    return aa > 0 && bb > 0 ? ab / (aa * bb).squareRoot() : 0
  }
}
