/// Puts Python frames in the place of the C frames of the interpreter's loop that run them.
enum StackMerger {
  enum Item {
    /// The index of a native frame.
    case native(Int)
    case python(PythonFrame)
  }

  /// Both innermost first, and so is the result.
  static func merge(
    _ native: [NativeFrame], _ runs: [PythonRun], loop: [Range<UInt64>]
  ) -> [Item] {
    var runOf: [Int: Int] = [:]
    let isPlaced = runs.contains { $0.stackAddress != 0 }
    if isPlaced {
      // Each run left something on the C stack, inside the frame of its call of the loop.
      var index = 0
      for (number, run) in runs.enumerated() where run.stackAddress != 0 {
        while index < native.count, native[index].stackEnd <= run.stackAddress { index += 1 }
        guard index < native.count, native[index].stackStart <= run.stackAddress else { continue }
        runOf[index] = number
      }
    } else {
      // A run a call. The innermost call may not have made its frame yet, or have taken it down, so they
      // are counted from the outermost.
      let calls = native.indices.filter { index in
        loop.contains { $0.contains(native[index].address) }
      }
      for (call, run) in zip(calls.reversed(), runs.indices.reversed()) { runOf[call] = run }
    }

    var items: [Item] = []
    var done: Set<Int> = []
    var next = 0
    func put(_ run: Int) {
      // Runs whose C frame was not found stand before the next one that was.
      while next <= run {
        if done.insert(next).inserted { items += runs[next].frames.map { .python($0) } }
        next += 1
      }
    }
    for index in native.indices {
      if let run = runOf[index] { put(run) } else { items.append(.native(index)) }
    }
    if !runs.isEmpty { put(runs.count - 1) }
    return items
  }
}
