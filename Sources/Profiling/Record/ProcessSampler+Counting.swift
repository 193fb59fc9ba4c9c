/// What happens to a sample after it was taken, on the queue's thread.
extension ProcessSampler {
  /// The numbers of frames that have been named.
  struct Names {
    struct Place: Hashable {
      var code: ObjectIdentifier
      var offset: Int
    }
    /// The code object stays with it, so that no other gets its identity.
    var python: [Place: (number: Int32, code: KnownCode)] = [:]
    var native: [UInt64: [Int32]] = [:]
    var threads: [Int32: Int32] = [:]
    var process: Int32?
  }

  func count(_ sample: Sample, into profile: inout Profile, _ counts: inout SampleQueue.Counts) {
    if options.native {
      for (tid, copy) in sample.copies { addMerged(tid, copy, sample, &profile, &counts) }
    } else {
      for (tid, _) in sample.threads { addPython(tid, sample, &profile, &counts) }
    }
  }

  private func addMerged(
    _ tid: Int32, _ copy: StackCopy, _ sample: Sample, _ profile: inout Profile,
    _ counts: inout SampleQueue.Counts
  ) {
    let mine = sample.python.filter { $0.osThread == tid }
    if options.lockOnly && !mine.contains(where: \.holdsLock) { return }
    if unwinder.walk(copy, limit: 20_000, into: &walked) != .whole { counts.incomplete += 1 }
    var stack: [Int32] = []
    for item in StackMerger.merge(walked, sorted(mine), loop: sample.loop) {
      switch item {
      case .native(let index): stack += numbers(walked[index].address, &profile.frames)
      case .python(let frame):
        if let number = number(frame, sample, &profile.frames) { stack.append(number) }
      }
    }
    add(stack, tid, sample, &profile, &counts)
  }

  private func addPython(
    _ tid: Int32, _ sample: Sample, _ profile: inout Profile, _ counts: inout SampleQueue.Counts
  ) {
    let mine = sample.python.filter { $0.osThread == tid }
    if mine.isEmpty || options.lockOnly && !mine.contains(where: \.holdsLock) { return }
    var stack: [Int32] = []
    for run in sorted(mine) {
      for frame in run.frames {
        if let number = number(frame, sample, &profile.frames) { stack.append(number) }
      }
    }
    if !stack.isEmpty { add(stack, tid, sample, &profile, &counts) }
  }

  private func sorted(_ threads: [PythonThread]) -> [PythonRun] {
    if threads.count == 1 { return threads[0].runs }
    let runs = threads.flatMap(\.runs)
    return runs.allSatisfy { $0.stackAddress != 0 }
      ? runs.sorted { $0.stackAddress < $1.stackAddress } : runs
  }

  /// stack: innermost first.
  private func add(
    _ stack: [Int32], _ tid: Int32, _ sample: Sample, _ profile: inout Profile,
    _ counts: inout SampleQueue.Counts
  ) {
    var heads: [Int32] = []
    if let title {
      let known = names.process ?? profile.frames.number(head(title))
      names.process = known
      heads.append(known)
    }
    if options.threads, let name = sample.threads.first(where: { $0.tid == tid })?.thread.name {
      let known = names.threads[tid] ?? profile.frames.number(head("thread \(tid): \(name)"))
      names.threads[tid] = known
      heads.append(known)
    }
    profile.tree.add(heads + stack.reversed())
    counts.stacks += 1
  }

  private func head(_ text: String) -> Frame {
    Frame(kind: .thread, function: text, file: nil, line: nil, module: nil)
  }

  private func number(_ frame: PythonFrame, _ sample: Sample, _ frames: inout FrameTable) -> Int32? {
    guard let known = sample.codes[frame.code] else { return nil }
    let place = Names.Place(
      code: ObjectIdentifier(known), offset: options.functions || options.noLines ? 0 : frame.offset)
    if let found = names.python[place] { return found.number }
    let code = known.code
    let line =
      options.noLines ? nil : options.functions ? code.firstLine : code.line(at: frame.offset)
    let number = frames.number(
      Frame(kind: .python, function: code.function, file: code.file, line: line, module: nil))
    // A program that makes code without end must not fill our memory with it.
    if names.python.count > 1 << 16 { names.python.removeAll() }
    names.python[place] = (number, known)
    return number
  }

  private func numbers(_ address: UInt64, _ frames: inout FrameTable) -> [Int32] {
    if let known = names.native[address] { return known }
    let found = symbolizer.frames(at: address).map { frame in
      var frame = frame
      if options.functions || options.noLines { frame.line = nil }
      return frames.number(frame)
    }
    names.native[address] = found
    return found
  }
}
