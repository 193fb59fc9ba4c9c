import CKernels

extension HalfSpaceModel {
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(UInt64(plan.treeCount))
    writer.write(UInt64(plan.height))
    writer.write(UInt64(plan.windowSize))
    writer.write(plan.sizeLimit)
    writer.write(UInt32(plan.isUnit ? 1 : 0))
    writer.write(plan.seed)
    writer.write(UInt32(nodes == nil ? 0 : 1))
    writer.write(all: standing, count: standing.count)
    guard nodes != nil, let latest else {
      writer.write(UInt64(pendingRows))
      try writer.makeRoom(pendingRows * featureCount * 8)
      for row in 0..<pendingRows {
        for column in 0..<featureCount {
          writer.write(pending.map { $0[row * frame.width + column] } ?? 0)
        }
      }
      return
    }
    writer.write(all: try leafMasses(), count: leafCount)
    writer.write(UInt64(latestRows))
    writer.write(all: latest, count: latest.count)
  }

  private func leafMasses() throws(DetectionError) -> Buffer<UInt32> {
    let size = 1 << plan.height
    let leaves = try Buffer<UInt32>(count: leafCount, zeroed: false)
    for tree in 0..<plan.treeCount {
      (leaves.base + tree * size).update(from: masses.base + (2 * tree + 1) * size, count: size)
    }
    return leaves
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> HalfSpaceModel {
    var plan = HalfSpacePlan()
    plan.treeCount = try reader.readCount("number of trees", atLeast: 1, atMost: 100_000)
    plan.height = try reader.readCount("height", atLeast: 1, atMost: 20)
    plan.windowSize = try reader.readCount("window size", atLeast: 1, atMost: 16_000_000)
    plan.sizeLimit = try reader.read(Double.self, "size limit")
    let limits = try reader.read(UInt32.self, "limits")
    plan.seed = try reader.read(UInt64.self, "seed")
    let isPlanted = try reader.read(UInt32.self, "whether there are trees")
    guard plan.sizeLimit >= 0, plan.sizeLimit <= 1, limits <= 1, isPlanted <= 1 else {
      throw reader.damaged("the size limit is \(plan.sizeLimit), the limits \(limits)")
    }
    plan.isUnit = limits == 1
    let model = try HalfSpaceModel(plan, columns: featureCount)
    let trees = try reader.readBuffer(ck_half_node.self, "nodes")
    guard trees.count == model.leafCount else {
      throw reader.damaged("\(plan.treeCount) trees of height \(plan.height) have \(trees.count) nodes")
    }
    for index in 0..<trees.count {
      guard trees[index].split.isFinite, trees[index].feature >= 0,
        trees[index].feature < Int64(featureCount)
      else { throw reader.damaged("node \(index) has a cut that does not fit the features") }
    }
    model.standing = trees
    if isPlanted == 1 { try model.readMasses(&reader) } else { try model.readRows(&reader) }
    return model
  }

  private func readRows(_ reader: inout ModelReader) throws(DetectionError) {
    let rows = try reader.readCount("number of rows", atLeast: 1, atMost: plan.windowSize - 1)
    let (cells, overflow) = rows.multipliedReportingOverflow(by: featureCount)
    guard !overflow else { throw reader.damaged("\(rows) rows are too many") }
    let values = try reader.readValues(cells, "first window")
    let X = try Matrix(
      base: values.base, element: .float64, rows: rows, columns: featureCount,
      rowStride: featureCount * 8, columnStride: 8)
    guard X.isFinite else { throw reader.damaged("a value of the first window is not finite") }
    try withExtendedLifetime(values) { () throws(DetectionError) in
      try keep(X, rows: rows)
      try setReference(countPending(), rows: rows)
    }
  }

  private func readMasses(_ reader: inout ModelReader) throws(DetectionError) {
    let leaves = try reader.readBuffer(UInt32.self, "masses")
    latestRows = try reader.readCount("rows of the next window", atMost: plan.windowSize - 1)
    let latest = try reader.readBuffer(UInt32.self, "masses of the next window")
    guard leaves.count == leafCount, latest.count == leafCount else {
      throw reader.damaged("\(plan.treeCount) trees of height \(plan.height) do not fit their masses")
    }
    for (masses, rows) in [(leaves, plan.windowSize), (latest, latestRows)] {
      for tree in 0..<plan.treeCount {
        var sum = 0
        for leaf in 0..<(1 << plan.height) { sum += Int(masses[tree << plan.height + leaf]) }
        guard sum == rows else {
          throw reader.damaged("tree \(tree) has \(sum) rows in its window; \(rows) are needed")
        }
      }
    }
    nodes = standing
    self.latest = latest
    try setReference(leaves, rows: plan.windowSize)
  }
}
