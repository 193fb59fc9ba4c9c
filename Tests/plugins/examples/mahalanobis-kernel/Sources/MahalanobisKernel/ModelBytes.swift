import CPynomalyPlugin

/// The model, little-endian: columns, samples, scale; means, deviations, whitening matrix, points.
extension MahalanobisKernel {
  func save(_ call: Call) throws(PluginError) {
    guard let model else { throw PluginError(PYN_ERROR_NOT_FITTED, "MahalanobisKernel is not fitted") }
    let w = model.whitening
    var head = (Int64(w.columns).littleEndian, Int64(model.samples).littleEndian, model.scale)
    try PluginError.check(call.host.pointee.write(call.pointer, &head, 24))
    for numbers in [w.mean, w.deviation, w.matrix, model.points] {
      try PluginError.check(call.host.pointee.write(call.pointer, numbers.start, 8 * numbers.count))
    }
  }

  func load(_ bytes: UnsafeRawBufferPointer, features: Int, _ host: HostPointer) throws(PluginError) {
    guard bytes.count >= 24 else { throw .model("the model is cut short") }
    let columns = Int(Int64(littleEndian: bytes.loadUnaligned(as: Int64.self)))
    let samples = Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self)))
    let scale = bytes.loadUnaligned(fromByteOffset: 16, as: Double.self)
    guard columns == features, 1...Self.mostColumns ~= columns else {
      throw .model("the model is of \(columns) columns, the file of \(features)")
    }
    guard 1...Self.mostSamples ~= samples else {
      throw .model("the model has \(samples) samples; allowed are 1 to \(Self.mostSamples)")
    }
    guard scale > 0, scale < 1e30 else { throw .model("the model's scale is \(scale)") }
    let padded = (samples + 7) / 8 * 8
    let counts = [columns, columns, columns * columns, padded * columns]
    guard bytes.count - 24 == 8 * counts.reduce(0, +) else {
      throw .model("the model has \(bytes.count) bytes; \(24 + 8 * counts.reduce(0, +)) are right")
    }
    var at = 24
    func next(_ count: Int, within limit: Double) throws(PluginError) -> Numbers {
      let numbers = try Numbers(host, count)
      for i in 0..<count {
        numbers[i] = bytes.loadUnaligned(fromByteOffset: at + 8 * i, as: Double.self)
        // Also false for what is not a number.
        guard abs(numbers[i]) <= limit else { throw .model("a number of the model is out of range") }
      }
      at += 8 * count
      return numbers
    }
    let mean = try next(columns, within: .greatestFiniteMagnitude)
    let deviation = try next(columns, within: 1e308)
    for j in 0..<columns where !(deviation[j] > 0) { throw .model("a deviation is not positive") }
    let matrix = try next(columns * columns, within: 1e10)
    let points = try next(padded * columns, within: 1e150)
    model = Model(
      whitening: Whitening(columns: columns, mean: mean, deviation: deviation, matrix: matrix),
      samples: samples, scale: scale, points: points)
  }
}
