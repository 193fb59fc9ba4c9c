extension CBLOFModel {
  /// The scores of the rows that k-means has just measured, to the bit those that ``score(_:call:into:)`` gives.
  ///
  /// - order: the clusters of k-means, the largest first.
  @_optimize(speed)
  func scoreTraining(
    _ X: Matrix, _ means: KMeans, order: [Int], call: Call
  ) throws(DetectionError) {
    let panels = means.panels
    let scores = try Buffer<Double>(count: X.rows, zeroed: false)
    known = scores
    guard means.keepsLabels, scale == 1 else { return try score(X, call: call, into: scores.base) }
    let places = try Buffer<Int>(count: order.count)
    for (place, cluster) in order.enumerated() { places[cluster] = place }
    let room = 8 * panels.columns
    let gathered = try Buffer<Double>(count: min(means.threads, panels.chunks) * room)
    let (labels, distances) = (means.labels, means.distances)
    try panels.forEachChunkOfPanels(threads: means.threads) { (_, first, number, worker) in
      // Rows of small clusters, whose nearest large one is still to be found.
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 8) { waiting in
        var count = 0
        for row in (8 * first)..<min(8 * (first + number), X.rows) {
          let place = places[Int(labels[row])]
          guard place >= large else {
            scores[row] = finished(row, panels, place, distances[row], own: place)
            continue
          }
          waiting[count] = row
          count += 1
          if count == 8 { flush() }
        }
        flush()

        func flush() {
          guard count > 0 else { return }
          let own = gathered.base + worker * room
          for column in 0..<panels.columns {
            for lane in 0..<8 {
              own[8 * column + lane] = panels.value(waiting[min(lane, count - 1)], column)
            }
          }
          withUnsafeTemporaryAllocation(of: Double.self, capacity: 8) { found in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: 8) { nearest in
              guard let found = found.baseAddress, let nearest = nearest.baseAddress else { return }
              PanelKernels.chosen.nearestCentres(
                own, 1, panels.columns, scaled.base, large, nearest, found)
              for lane in 0..<count {
                let row = waiting[lane]
                scores[row] = finished(
                  row, panels, Int(nearest[lane]), found[lane], own: places[Int(labels[row])])
              }
            }
          }
          count = 0
        }
      }
    }
  }

  @inline(__always)
  private func finished(
    _ row: Int, _ panels: RowPanels, _ centre: Int, _ squared: Double, own: Int
  ) -> Double {
    var distance = squared.squareRoot()
    if isCentre(panels.values.base, row, centre, distance) { distance = 0 }
    if weighted { distance *= Double(sizes[own]) }
    return distance <= .greatestFiniteMagnitude ? distance : .greatestFiniteMagnitude
  }
}
