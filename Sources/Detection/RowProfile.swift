/// From the distances of windows to the scores of rows.
struct RowProfile {
  let window: Int
  let takesLast: Bool

  init(_ plan: MatrixProfile.Plan) {
    window = plan.window
    takesLast = plan.takesLast
  }

  /// The mean of the channels.
  static func mean(
    _ profiles: Buffer<Double>, windows: Int, channels: Int
  ) throws(DetectionError) -> Buffer<Double> {
    guard channels > 1 else { return profiles }
    let means = try Buffer<Double>(count: windows)
    for channel in 0..<channels {
      for index in 0..<windows {
        means[index] += profiles[channel * windows + index] / Double(channels)
      }
    }
    return means
  }

  /// Scores of `windows` + window - 1 rows: the greatest distance of a window that the row is part of, or the
  /// distance of the window that ends with it; 0 where none does.
  ///
  /// - sources: the window whose distance it is, the first of several; -1 for none.
  func score(
    _ means: Buffer<Double>, windows: Int, into scores: UnsafeMutablePointer<Double>,
    from sources: UnsafeMutablePointer<Int>? = nil
  ) throws(DetectionError) {
    let rows = windows + window - 1
    // Windows that may yet be the greatest: a queue of falling distances.
    let queue = try Buffer<Int>(count: windows)
    var (first, end) = (0, 0)
    for row in 0..<rows {
      var source = row - window + 1
      if !takesLast {
        if row < windows {
          while end > first, means[queue[end - 1]] < means[row] { end -= 1 }
          queue[end] = row
          end += 1
        }
        while queue[first] <= row - window { first += 1 }
        source = queue[first]
      }
      scores[row] = source < 0 ? 0 : means[source]
      sources?[row] = max(source, -1)
    }
  }
}
