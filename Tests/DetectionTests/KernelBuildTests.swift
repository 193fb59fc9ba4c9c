import CKernels
import Testing

@testable import Detection

/// Every kernel of every build gives the same bits on random input.
struct KernelBuildTests {
  #if arch(x86_64)
    static let builds = ck_has_x86_64_v3() != 0 ? [KernelTable.baseline, .x86v3] : [.baseline]
  #else
    static let builds = [KernelTable.baseline]
  #endif

  private func agree<Result: Equatable>(_ body: (KernelTable) throws -> Result) rethrows {
    let results = try Self.builds.map(body)
    for result in results { #expect(result == results[0]) }
  }

  @Test func bothBuildsAreThere() {
    #if arch(x86_64)
      #expect(ck_has_x86_64_v3() == 0 || Self.builds.count == 2)
    #endif
  }

  @Test(arguments: [1, 7, 8, 9, 64, 100]) func loadingBlocks(rows: Int) throws {
    var random = Random(seed: 3, stream: UInt64(rows))
    let special = [0, -0.0, .nan, .infinity, -.infinity, 1e300, -1e300, 1e-300]
    let X = Table(rows, 19) { row, column in
      (row + column) % 6 == 0 ? special[random.below(special.count)] : random.normal() * 1e9
    }
    let centres = try Buffer<Double>(count: 19)
    for column in 0..<19 { centres[column] = random.normal() }
    try agree { kernels in
      let block = try Buffer<Float>(count: 19 * rows)
      let finite = try withExtendedLifetime((X, centres)) {
        kernels.load(
          try X.matrix, from: 0, rowNumbers: nil, rows: rows, centres: centres.base,
          block: block.base, blockStride: rows)
      }
      kernels.orderKeys(block.base, 19 * rows, .max)
      return [finite ? 1 : 0] + (0..<(19 * rows)).map { block[$0].bitPattern }
    }
  }

  @Test func keysKeepTheOrderOfFloats() throws {
    let values: [Float] = [
      -.greatestFiniteMagnitude, -1, -1e-30, 0, 1e-30, 0.5, 1, .greatestFiniteMagnitude,
    ]
    for kernels in Self.builds {
      let block = try Buffer<Float>(count: values.count + 1)
      for (index, value) in values.enumerated() { block[index] = value }
      block[values.count] = .nan
      kernels.orderKeys(block.base, values.count + 1, 7)
      let keys = (0...values.count).map { block[$0].bitPattern }
      for index in 1..<values.count { #expect(keys[index - 1] < keys[index]) }
      #expect(keys[values.count] == 7)
    }
  }

  @Test(arguments: [3, 4, 5, 6, 8, 10], [1, 8, 13, 64]) func heapPaths(depth: Int, rows: Int) throws {
    var random = Random(seed: 5, stream: UInt64(depth * 100 + rows))
    let trees = 19
    let stride = 64
    let nodes = try Buffer<ck_heap_node>(count: trees << depth)
    let leaves = try Buffer<UInt32>(count: trees << depth)
    for index in 0..<(trees << depth) {
      nodes[index] = ck_heap_node(
        threshold: UInt32(truncatingIfNeeded: random.next()),
        column: UInt32(random.below(4) * stride))
      leaves[index] = UInt32(random.below(1 << 27))
    }
    let keys = try Buffer<UInt32>(count: 4 * stride)
    for index in 0..<keys.count { keys[index] = UInt32(truncatingIfNeeded: random.next()) }
    let plain = (0..<rows).map { row -> Double in
      var sum = 0
      for tree in 0..<trees {
        var place = 1
        for _ in 0..<depth {
          let node = nodes[(tree << depth) + place]
          place = 2 * place + (node.threshold < keys[Int(node.column) + row] ? 1 : 0)
        }
        sum += Int(leaves[(tree << depth) + place - (1 << depth)])
      }
      return Double(sum)
    }
    try agree { kernels in
      let sums = try Buffer<Double>(count: stride)
      let places = try Buffer<UInt32>(count: stride)
      let partial = try Buffer<UInt32>(count: stride)
      withExtendedLifetime((places, partial)) {
        kernels.addHeapPaths(
          keys.base, rows, nodes.base, leaves.base, trees, depth, places.base, partial.base,
          sums.base)
      }
      let found = (0..<rows).map { sums[$0] }
      #expect(found == plain)
      let row = try Buffer<UInt32>(count: 4)
      for column in 0..<4 { row[column] = keys[column * stride] }
      withExtendedLifetime((row, keys, nodes, leaves)) {
        #expect(
          kernels.heapPath(row.base, 6, nodes.base, leaves.base, trees, depth) == plain[0])
      }
      return found
    }
  }

  @Test(arguments: [0, 1, 5, 8, 31, 256]) func splittingNodes(count: Int) throws {
    var random = Random(seed: 7, stream: UInt64(count))
    let column = try Buffer<Float>(count: 300)
    for index in 0..<300 {
      column[index] = index % 17 == 0 ? .nan : Float(random.below(20)) - 10
    }
    let order = (0..<count).map { _ in UInt32(random.below(300)) }
    let threshold: Float = 1
    try agree { kernels in
      let rows = try Buffer<UInt32>(count: count)
      let values = try Buffer<Float>(count: count)
      for index in 0..<count { rows[index] = order[index] }
      var (least, greatest): (Float, Float) = (0, 0)
      kernels.gatherRange(column.base, rows.base, count, values.base, &least, &greatest)
      let present = order.map { column[Int($0)] }.filter { !$0.isNaN }
      #expect(least == present.min() ?? .infinity)
      #expect(greatest == present.max() ?? -.infinity)
      for index in 0..<count where values[index].isNaN { values[index] = .infinity }
      let right = try Buffer<UInt32>(count: count)
      let lefts = withExtendedLifetime((right, values)) {
        kernels.partitionRows(rows.base, values.base, count, threshold, right.base)
      }
      let isLeft = { (row: UInt32) in column[Int(row)] <= threshold }
      let result = (0..<count).map { rows[$0] }
      #expect(result == order.filter(isLeft) + order.filter { !isLeft($0) })
      return result + [UInt32(lefts)]
    }
  }
}
