import CKernels

/// How rows are searched.
enum NeighbourWay {
  /// Blocks in double precision: in the tree, or all of them.
  case blocks
  /// The tree, in single precision first.
  case panelTree
  /// All rows by dot products.
  case panels

  /// For the euclidean distance: some rows are searched for in the blocks, and what was looked at is counted.
  init(
    _ layout: NeighbourLayout, _ points: Buffer<Double>, rows: Int, width: Int, k: Int, depth: Int,
    mayScan: Bool
  ) {
    self = .blocks
    let trials = min(32, layout.blockCount)
    guard width <= DenseRows.mostColumns,
      let pending = try? Buffer<ck_pending>(count: 8 * (depth + 2)),
      let distances = try? Buffer<Double>(count: k), let slots = try? Buffer<UInt32>(count: k),
      let query = try? Buffer<Double>(count: width)
    else { return }
    let (least, greatest) = layout.extremes()
    var tree = ck_neighbour_tree(
      nodes: layout.nodes.base, boxes: layout.boxes.base, points: points.base,
      rows: layout.rowOf.base, columns: Int64(width), metric: 0, whole_power: 0, power: 2)
    var evaluated: Int64 = 0
    var tooNear = 0
    for trial in 0..<trials {
      let slot = layout.blockCount * trial / trials * 8
      var norm = 0.0
      for column in 0..<width {
        query[column] = points[slot * width + column]
        let centred = query[column] - (least[column] / 2 + greatest[column] / 2)
        norm += centred * centred
      }
      var found = ck_neighbours(
        distances: distances.base, slots: slots.base, k: Int64(k), count: 0, evaluated: 0)
      NeighbourKernels.chosen.searchTree(&tree, query.base, UInt32(slot), &found, pending.base)
      evaluated += found.evaluated
      let worst = found.count > 0 ? distances[Int(found.count) - 1] : 0
      // Of a distance so much smaller than the values single precision tells little.
      if worst > 0, worst < norm * Double(width + 16) * 0x1p-19 { tooNear += 1 }
    }
    withExtendedLifetime((pending, distances, slots, query)) {}
    let perSearch = Double(evaluated) / Double(trials)
    let scan = Double(rows * width) / 14 + 10_000
    if tooNear * 8 > trials {
      if mayScan, perSearch * (0.5 * Double(width) + 4) > scan { self = .panels }
    } else {
      self = mayScan && perSearch * (0.15 * Double(width) + 2) > scan ? .panels : .panelTree
    }
  }
}
