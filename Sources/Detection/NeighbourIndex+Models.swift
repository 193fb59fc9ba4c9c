import CKernels

/// What the models of all neighbour detectors share.
extension NeighbourIndex {
  /// Divide a score among the features: each neighbour has the weight that `weight` says, and divides it
  /// among the features as they divide its distance.
  func explain(
    _ found: Neighbourhood, score: Double, into shares: UnsafeMutablePointer<Double>,
    weight: (_ place: Int) -> Double
  ) {
    shares.update(repeating: 0, count: featureCount)
    var total = 0.0
    for place in 0..<found.count {
      let part = weight(place)
      guard part > 0 else { continue }
      total += part
      let slot = Int(found.slots[place])
      metric.addShares(
        found.query, { self.value(slot: slot, $0) }, columns: featureCount, weight: part, to: shares)
    }
    for feature in 0..<featureCount {
      // Where all neighbours are in the same place no feature says more than another.
      shares[feature] =
        total > 0 ? score * (shares[feature] / total) : score / Double(featureCount)
    }
  }

  /// Values that stand by slot, in the order of the rows.
  func write(_ values: Buffer<Double>, to writer: inout ModelWriter) throws(DetectionError) {
    let ordered = try Buffer<Double>(count: rowCount)
    for slot in 0..<slotCount where rowOf[slot] != NeighbourIndex.noRow {
      ordered[Int(rowOf[slot])] = values[slot]
    }
    try writer.write(all: ordered)
  }

  func read(
    in range: ClosedRange<Double>, _ what: String, _ reader: inout ModelReader
  ) throws(DetectionError) -> Buffer<Double> {
    let ordered = try reader.readAll(rowCount, in: range, what)
    let values = try Buffer<Double>(count: slotCount)
    for slot in 0..<slotCount where rowOf[slot] != NeighbourIndex.noRow {
      values[slot] = ordered[Int(rowOf[slot])]
    }
    return values
  }
}
