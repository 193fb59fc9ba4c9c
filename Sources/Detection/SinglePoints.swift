/// The points of a tree in single precision, less the middle of the data, so that boxes and
/// leaves are looked at in half the time. `Kernels/BoundedSearching.swift` says how they are compared.
final class SinglePoints {
  let values: Buffer<Float>
  let boxes: Buffer<Float>
  let centre: Buffer<Double>
  /// A power of two that brings the values into the range of single precision.
  let scale: Double

  /// With fewer columns there is nothing to be gained, and more neighbours are kept in a heap.
  static func serve(width: Int, k: Int) -> Bool { width >= 4 && k < BoundedScratch.mostKept }

  /// Blocks of 8 rows, as the points are.
  init(
    _ points: Buffer<Double>, layout: NeighbourLayout, width: Int, call: Call
  ) throws(DetectionError) {
    let centre = try Buffer<Double>(count: width)
    let largest = DenseRows.findCentre(layout, centre)
    let scale = DenseRows.scale(largest)
    let values = try Buffer<Float>(count: points.count, zeroed: false)
    let blocks = layout.blockCount
    let chunk = max(1, 65536 / width)
    try forEachChunk(
      (blocks + chunk - 1) / chunk, threads: call.threads, teller: ProgressTeller(call, "fit")
    ) { (number, _) throws(DetectionError) in
      for block in (number * chunk)..<min((number + 1) * chunk, blocks) {
        for column in 0..<width {
          let start = (block * width + column) * 8
          for lane in start..<(start + 8) {
            values[lane] = Float((points[lane] - centre[column]) * scale)
          }
        }
      }
    }
    // Rounding is monotonic: no row is outside its box.
    boxes = try Buffer(count: layout.boxes.count, zeroed: false)
    for node in 0..<layout.nodes.count {
      for column in 0..<(2 * width) {
        let start = (node * 2 * width + column) * 8
        let middle = centre[column < width ? column : column - width]
        for lane in start..<(start + 8) { boxes[lane] = Float((layout.boxes[lane] - middle) * scale) }
      }
    }
    self.centre = centre
    self.scale = scale
    self.values = values
  }
}
