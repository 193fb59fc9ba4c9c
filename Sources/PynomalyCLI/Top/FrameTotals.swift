import CPynomaly

/// Samples added up by frame: those that ended in it, and those that went through it. Once by line and once by
/// function.
struct FrameTotals {
  struct Row {
    var label: String
    /// Samples of the last slice.
    var own = 0
    var total = 0
    /// Seconds since the beginning.
    var ownTime = 0.0
    var totalTime = 0.0
    /// The last stack that was counted for it: a frame that calls itself counts once a stack.
    fileprivate var stack = 0
  }

  private struct Table {
    var rows: [Row] = []
    var numbers: [String: Int] = [:]

    mutating func number(_ label: String) -> Int {
      if let known = numbers[label] { return known }
      numbers[label] = rows.count
      rows.append(Row(label: label))
      return rows.count - 1
    }

    mutating func add(_ row: Int, _ count: Int, _ seconds: Double, isLast: Bool, stack: Int) {
      if rows[row].stack != stack {
        rows[row].stack = stack
        rows[row].total += count
        rows[row].totalTime += seconds
      }
      if isLast {
        rows[row].own += count
        rows[row].ownTime += seconds
      }
    }
  }

  private var lines = Table()
  private var functions = Table()
  /// The function's row of each line's.
  private var functionOf: [Int] = []
  private var stacks = 0
  /// How the sampling went in the last slice, and since the counting began.
  private(set) var last = pyn_profiler_statistics()
  private(set) var whole = pyn_profiler_statistics()
  private var before: pyn_profiler_statistics
  private let first: pyn_profiler_statistics

  /// What had come before does not count.
  init(after first: pyn_profiler_statistics = pyn_profiler_statistics()) {
    self.first = first
    before = first
  }

  func rows(byFunction: Bool) -> [Row] { byFunction ? functions.rows : lines.rows }

  /// Add a slice, lines of "outer;inner count", and how the whole recording has gone so far.
  mutating func add(_ slice: [UInt8], _ statistics: pyn_profiler_statistics) {
    last = statistics.since(before)
    whole = statistics.since(first)
    before = statistics
    for index in lines.rows.indices { (lines.rows[index].own, lines.rows[index].total) = (0, 0) }
    for index in functions.rows.indices { (functions.rows[index].own, functions.rows[index].total) = (0, 0) }
    // What was lost is taken to have been like what was not.
    let second = Double(last.duration_ns) / 1e9 / Double(max(last.taken, 1))
    for line in slice.split(separator: UInt8(ascii: "\n")) {
      guard let blank = line.lastIndex(of: UInt8(ascii: " ")),
        let count = Int(String(decoding: line[(blank + 1)...], as: UTF8.self))
      else { continue }
      stacks += 1
      let frames = line[..<blank].split(separator: UInt8(ascii: ";"))
      for (position, frame) in frames.enumerated() {
        let row = lines.number(String(decoding: frame, as: UTF8.self))
        if row == functionOf.count {
          functionOf.append(functions.number(FrameTotals.function(lines.rows[row].label)))
        }
        let isLast = position == frames.count - 1
        lines.add(row, count, Double(count) * second, isLast: isLast, stack: stacks)
        functions.add(functionOf[row], count, Double(count) * second, isLast: isLast, stack: stacks)
      }
    }
  }

  /// "f (a.py:12)" as "f (a.py)".
  static func function(_ label: String) -> String {
    guard label.hasSuffix(")"), let colon = label.lastIndex(of: ":") else { return label }
    let line = label[label.index(after: colon)...].dropLast()
    guard !line.isEmpty, line.allSatisfy(\.isWholeNumber) else { return label }
    return label[..<colon] + ")"
  }
}

extension pyn_profiler_statistics {
  func since(_ earlier: pyn_profiler_statistics) -> pyn_profiler_statistics {
    var part = self
    part.due -= earlier.due
    part.taken -= earlier.taken
    part.late -= earlier.late
    part.skipped -= earlier.skipped
    part.torn -= earlier.torn
    part.failed -= earlier.failed
    part.stacks -= earlier.stacks
    part.incomplete -= earlier.incomplete
    part.active -= earlier.active
    part.locked -= earlier.locked
    part.duration_ns -= earlier.duration_ns
    return part
  }
}
