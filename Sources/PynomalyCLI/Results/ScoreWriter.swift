import CNumbers
import Tables

/// How scores are written.
enum ScoreFormat: String, CaseIterable {
  case csv, ndjson

  /// By the end of the file's name.
  init(path: String) {
    let name = path.lowercased()
    self = name.hasSuffix(".ndjson") || name.hasSuffix(".jsonl") ? .ndjson : .csv
  }
}

/// Writes row, score and label of every row, and its probability where there is a calibration. Scores are
/// printed so that they read back exactly.
struct ScoreWriter {
  let file: OutputFile
  let format: ScoreFormat
  let threshold: Double
  let calibration: Calibration?
  /// More than any line has: three numbers and the names.
  private static let lineSize = 144

  init(
    file: OutputFile, format: ScoreFormat, threshold: Double, calibration: Calibration?
  ) throws {
    self.file = file
    self.format = format
    self.threshold = threshold
    self.calibration = calibration
    if format == .csv { try file.write("row,score,label\(calibration == nil ? "" : ",probability")\n") }
  }

  func write(_ chunk: Chunk) throws {
    // A few hundred rows at a time go through the file's buffer.
    var probabilities = [Double](repeating: 0, count: calibration == nil ? 0 : 512)
    var first = 0
    while first < chunk.rows {
      let last = min(first + 512, chunk.rows)
      try calibration?.apply(chunk.scores + first, count: last - first, to: &probabilities)
      try file.write(upTo: (last - first) * ScoreWriter.lineSize) { start in
        var at = start
        for row in first..<last {
          line(
            chunk.firstRow + row + 1, chunk.scores[row],
            probability: calibration == nil ? nil : probabilities[row - first], &at)
        }
        return at - start
      }
      first = last
    }
  }

  private func line(
    _ row: Int, _ score: Double, probability: Double?, _ at: inout UnsafeMutablePointer<UInt8>
  ) {
    let label = score > threshold
    switch format {
    case .csv:
      put(row, &at)
      put(",", &at)
      put(score, &at)
      put(label ? ",1" : ",0", &at)
      if let probability {
        put(",", &at)
        put(probability, &at)
      }
      put("\n", &at)
    case .ndjson:
      put("{\"row\":", &at)
      put(row, &at)
      put(",\"score\":", &at)
      put(score, &at)
      put(label ? ",\"label\":1" : ",\"label\":0", &at)
      if let probability {
        put(",\"probability\":", &at)
        put(probability, &at)
      }
      put("}\n", &at)
    }
  }

  private func put(_ text: StaticString, _ at: inout UnsafeMutablePointer<UInt8>) {
    at.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
    at += text.utf8CodeUnitCount
  }

  private func put(_ value: Double, _ at: inout UnsafeMutablePointer<UInt8>) {
    at += at.withMemoryRebound(to: CChar.self, capacity: Int(CNUMBERS_PRINT_SIZE)) {
      cnumbers_print(value, $0)
    }
  }

  private func put(_ value: Int, _ at: inout UnsafeMutablePointer<UInt8>) {
    var rest = value
    var digits = 1
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    rest = value
    for place in stride(from: digits - 1, through: 0, by: -1) {
      at[place] = UInt8(truncatingIfNeeded: 48 + rest % 10)
      rest /= 10
    }
    at += digits
  }
}
