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
    /// They are numbers in this slice.
    var slice: Int64 = 0
  }

  func count(_ sample: Sample, into profile: inout Profile, _ counts: inout SampleQueue.Counts) {
    if names.slice != profile.slice { names = Names(slice: profile.slice) }
    for (_, thread) in sample.threads where thread.isActive { counts.active += 1 }
    if sample.python.contains(where: \.holdsLock) { counts.locked += 1 }
    if options.native {
      for (tid, copy) in sample.copies { addMerged(tid, copy, sample, &profile, &counts) }
    }
    if !options.native || inside != nil {
      for (tid, _) in sample.threads where !sample.copies.contains(where: { $0.tid == tid }) {
        addPython(tid, sample, &profile, &counts)
      }
    }
  }

  private func addMerged(
    _ tid: Int32, _ copy: StackCopy, _ sample: Sample, _ profile: inout Profile,
    _ counts: inout SampleQueue.Counts
  ) {
    let mine = sample.python.filter { $0.osThread == tid }
    if options.lockOnly && !mine.contains(where: \.holdsLock) { return }
    let end = unwinder.walk(copy, limit: 20_000, into: &walked)
    if end != .whole || sample.answer(of: tid)?.isCut == true { counts.incomplete += 1 }
    placeLabels(sample.answer(of: tid)?.labels)
    var stack: [Int32] = []
    for item in StackMerger.merge(walked, sorted(mine), loop: sample.loop) {
      switch item {
      case .native(let index):
        let address = walked[index].address
        if address & OwnAnswer.label != 0 {
          stack += label(address, tid, sample, &profile.frames)
        } else {
          stack += numbers(address, &profile.frames)
        }
      case .python(let frame): stack += number(frame, tid, sample, &profile.frames)
      }
    }
    add(stack, tid, sample, &profile, &counts)
  }

  private func addPython(
    _ tid: Int32, _ sample: Sample, _ profile: inout Profile, _ counts: inout SampleQueue.Counts
  ) {
    let mine = sample.python.filter { $0.osThread == tid }
    if mine.isEmpty || options.lockOnly && !mine.contains(where: \.holdsLock) { return }
    if sample.answer(of: tid)?.isCut == true { counts.incomplete += 1 }
    var stack: [Int32] = []
    for run in place(sample.answer(of: tid)?.labels, among: sorted(mine)) {
      for frame in run.frames { stack += number(frame, tid, sample, &profile.frames) }
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
    let moments = sample.answer(of: tid)?.moments ?? 1
    profile.tree.add(heads + stack.reversed(), count: moments)
    counts.stacks += moments
  }

  private func head(_ text: String) -> Frame {
    Frame(kind: .thread, function: text, file: nil, line: nil, module: nil)
  }

  private func number(
    _ frame: PythonFrame, _ tid: Int32, _ sample: Sample, _ frames: inout FrameTable
  ) -> [Int32] {
    if frame.code & OwnAnswer.label != 0 { return label(frame.code, tid, sample, &frames) }
    guard let known = sample.codes[frame.code] else { return [] }
    let place = Names.Place(
      code: ObjectIdentifier(known), offset: options.functions || options.noLines ? 0 : frame.offset)
    if let found = names.python[place] { return [found.number] }
    let code = known.code
    let line =
      options.noLines ? nil : options.functions ? code.firstLine : code.line(at: frame.offset)
    let number = frames.number(
      Frame(kind: .python, function: code.function, file: code.file, line: line, module: nil))
    // A program that makes code without end must not fill our memory with it.
    if names.python.count > 1 << 16 { names.python.removeAll() }
    names.python[place] = (number, known)
    return [number]
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

  private func label(
    _ tagged: UInt64, _ tid: Int32, _ sample: Sample, _ frames: inout FrameTable
  ) -> [Int32] {
    guard let labels = sample.answer(of: tid)?.labels, tagged & ~OwnAnswer.label < UInt64(labels.count) else {
      return []
    }
    let name = labels[Int(tagged & ~OwnAnswer.label)].name
    return [frames.number(Frame(kind: .label, function: name, file: nil, line: nil, module: nil))]
  }

  /// Labels among the native frames: inside the first frame that reaches beyond their place on the stack.
  private func placeLabels(_ labels: [OwnAnswer.Label]?) {
    guard let labels else { return }
    for (number, label) in labels.enumerated() where label.place != 0 {
      let index = walked.firstIndex { $0.stackEnd > label.place } ?? walked.count
      walked.insert(
        NativeFrame(
          address: OwnAnswer.label | UInt64(number), stackStart: label.place, stackEnd: label.place),
        at: index)
    }
  }

  /// The same without native frames: between the runs of the interpreter's loop.
  private func place(_ labels: [OwnAnswer.Label]?, among runs: [PythonRun]) -> [PythonRun] {
    guard let labels else { return runs }
    var runs = runs
    for (number, label) in labels.enumerated() where label.place != 0 {
      let frame = PythonFrame(code: OwnAnswer.label | UInt64(number), offset: 0)
      // Where a version does not tell (up to 3.10), what is labelled is the innermost.
      let index =
        runs.firstIndex { $0.stackAddress > label.place || $0.stackAddress == 0 } ?? runs.count
      runs.insert(PythonRun(frames: [frame], stackAddress: label.place), at: index)
    }
    return runs
  }
}
