/// Where the values of columns lie, and how far apart.
enum ColumnSpread {
  /// The columns that vary, less their medians and by their interquartile ranges, both from at most 2048
  /// rows; by their whole range where that is 0. Values must be finite.
  ///
  /// - keepConstant: keep constant columns too, unless they are 0 throughout.
  static func frame(
    _ X: Matrix, keepConstant: Bool, call: Call
  ) throws(DetectionError) -> Frame {
    let ranges = try columnRanges(of: X, call: call)
    let features = (0..<X.columns).filter { column in
      ranges[column].lowerBound < ranges[column].upperBound
        || (keepConstant && ranges[column].lowerBound != 0)
    }
    guard !features.isEmpty else {
      throw DetectionError(
        .invalidData,
        "all \(X.rows) rows are the same; rows that differ are needed for a covariance")
    }
    let frame = try Frame(features: features, of: X.columns)
    let count = min(X.rows, 2048)
    let sample = try Buffer<Double>(count: count)
    for (index, column) in features.enumerated() {
      for place in 0..<count {
        sample[place] = X.value(place * X.rows / count, column)
      }
      let median = select(sample.base, count, count / 2)
      let low = select(sample.base, count, count / 4)
      let high = select(sample.base, count, min(count - 1, (3 * count) / 4))
      let range = ranges[column].upperBound - ranges[column].lowerBound
      var spread = (high - low) / 1.349
      if !(spread > 0) { spread = range }
      if spread == 0 { spread = abs(median) }
      frame.centres[index] = median
      frame.scales[index] = 1 / spread
      guard (1 / spread).isFinite, range.isFinite, range / spread < 1e100 else {
        throw DetectionError(
          .invalidData,
          "the values of column \(column) lie \(range) apart, most of them within \(spread): too far"
            + " apart, or too near, for their squares to be told",
          column: column)
      }
    }
    return frame
  }
}
