extension CutForestModel {
  func write(to writer: inout ModelWriter) throws(DetectionError) {
    writer.write(UInt64(plan.treeCount))
    writer.write(UInt64(plan.sampleSize))
    writer.write(UInt32(plan.isSliding ? 1 : 0))
    writer.write(plan.timeDecay)
    writer.write(plan.seed)
    writer.write(UInt64(seen))
    for tree in trees {
      try tree.write(to: &writer, columns: featureCount, isSliding: plan.isSliding)
    }
  }

  static func read(
    _ reader: inout ModelReader, featureCount: Int
  ) throws(DetectionError) -> CutForestModel {
    var plan = CutForestPlan()
    plan.treeCount = try reader.readCount("number of trees", atLeast: 1, atMost: 100_000)
    plan.sampleSize = try reader.readCount("rows of a tree", atLeast: 2, atMost: 1 << 24)
    let sliding = try reader.read(UInt32.self, "sampling")
    plan.timeDecay = try reader.read(Double.self, "time decay")
    plan.seed = try reader.read(UInt64.self, "seed")
    let seen = try reader.readCount("number of rows", atLeast: 1, atMost: 1 << 52)
    guard sliding <= 1, plan.timeDecay >= 0, plan.timeDecay <= 1 else {
      throw reader.damaged("the sampling is \(sliding), the time decay \(plan.timeDecay)")
    }
    plan.isSliding = sliding == 1
    try Frame.check(columns: featureCount)
    let frame = try Frame(features: Array(0..<featureCount), of: featureCount)
    var trees: [CutTree] = []
    for index in 0..<plan.treeCount {
      trees.append(
        try CutTree.read(&reader, index: index, plan, seen: seen, featureCount))
    }
    return CutForestModel(plan, frame: frame, seen: seen, trees: trees)
  }
}

extension CutTree {
  /// Nodes in preorder, so that no reference can be wrong.
  func write(
    to writer: inout ModelWriter, columns: Int, isSliding: Bool
  ) throws(DetectionError) {
    writer.write(UInt64(draws))
    writer.write(UInt64(nextHeld))
    writer.write(UInt64(oldestEntry))
    let features = try Buffer<Int32>(count: nodeCount + leafCount, zeroed: false)
    let cuts = try Buffer<Double>(count: nodeCount)
    let values = try Buffer<Double>(count: leafCount * columns, zeroed: false)
    let numbers = try Buffer<UInt32>(count: (points?.count ?? 0) / width)
    let pending = try Buffer<Int32>(count: leafCount + 1)
    guard let points, nodes != nil || leafCount == 1 else { return }
    pending[0] = root
    var (waiting, item, node, leaf) = (1, 0, 0, 0)
    while waiting > 0 {
      waiting -= 1
      let place = pending[waiting]
      if place >= 0, let own = nodes?[Int(place)] {
        features[item] = own.feature
        cuts[node] = own.cut
        node += 1
        pending[waiting] = own.right
        pending[waiting + 1] = own.left
        waiting += 2
      } else {
        features[item] = -1
        (values.base + leaf * columns).update(
          from: points.base + Int(~place) * width, count: columns)
        numbers[Int(~place)] = UInt32(leaf)
        leaf += 1
      }
      item += 1
    }
    let entries = try Buffer<UInt32>(count: entryCount, zeroed: false)
    let keys = try Buffer<Double>(count: entryCount, zeroed: false)
    for entry in 0..<entryCount {
      entries[entry] = numbers[self.leaf(of: entry)]
      keys[entry] = isSliding ? 0 : key(of: entry)
    }
    writer.write(all: features, count: features.count)
    try writer.write(all: cuts)
    try writer.write(all: values)
    writer.write(all: entries, count: entryCount)
    try writer.write(all: keys)
  }

  static func read(
    _ reader: inout ModelReader, index: Int, _ plan: CutForestPlan, seen: Int, _ columns: Int
  ) throws(DetectionError) -> CutTree {
    let tree = CutTree(columns: columns)
    tree.draws = try reader.readCount("number of draws", atMost: 1 << 60)
    tree.nextHeld = try reader.readCount("next row", atMost: 1 << 60)
    tree.oldestEntry = try reader.readCount("oldest row", atMost: plan.sampleSize - 1)
    let features = try reader.readBuffer(Int32.self, "nodes")
    let cuts = try reader.readBuffer(Double.self, "cuts")
    let values = try reader.readBuffer(Double.self, "points")
    let entries = try reader.readBuffer(UInt32.self, "rows")
    let keys = try reader.readBuffer(Double.self, "keys")
    let cells = (cuts.count + 1).multipliedReportingOverflow(by: columns)
    guard entries.count == min(plan.sampleSize, seen), features.count == 2 * cuts.count + 1,
      !cells.overflow, values.count == cells.partialValue, keys.count == entries.count,
      plan.isSliding || entries.count < plan.sampleSize || tree.nextHeld >= seen,
      plan.isSliding || (0..<keys.count).allSatisfy({ keys[$0].isFinite })
    else { throw reader.damaged("tree \(index) does not fit its \(entries.count) rows") }
    if let fault = try tree.rebuild(
      features: features, cuts: cuts, values: values, columns: columns, entries: entries,
      keys: plan.isSliding ? nil : keys)
    {
      throw reader.damaged("tree \(index) \(fault)")
    }
    return tree
  }
}
