import CProfiling

/// How a process samples itself: threads that run are asked by a signal and answer by themselves, at once where
/// they are on a processor; nobody waits for them, and what they answer is looked at a moment later. Threads that
/// sleep are not disturbed: their Python stacks are read, and seen to have stood still.
extension ProcessSampler {
  func sampleInside(_ threads: OwnThreads, _ statistics: inout RecordingStatistics) -> Outcome {
    // A host that handles our signal by now must not be sent any.
    guard cp_inside_is_intact() != 0 else { return .failed }
    collect(threads, &statistics)
    let now = cp_now()
    if now - statesRead > 20_000_000 { readStates(now, threads) }
    if now - handlersRead > 100_000_000 {
      handlersRead = now
      cp_inside_look()
    }
    var outcome = Outcome.taken
    var sleeping: [Sample.Thread] = []
    func ask(_ tid: Int32, _ thread: TargetProcess.Thread) {
      let own = threads.thread(tid)
      if own.states.isEmpty && !options.native { return }
      let isAsked = threads.ask(
        own, thread, insideLayout, native: options.native, now: now)
      if !isAsked { outcome = .failed }
    }
    choose { (tid, thread) in
      if thread.state == UInt8(ascii: "R") { ask(tid, thread) } else { sleeping.append((tid, thread)) }
    }
    // Those that moved while they were read are read again, and there are ever fewer of them. At last those that run
    // are asked.
    if runtime == nil { sleeping = [] }
    for _ in 0..<3 where !sleeping.isEmpty {
      sleeping = readSleeping(sleeping)
      sampleNumber += 1
    }
    for one in sleeping {
      guard let thread = process.thread(one.tid) else { continue }
      if thread.state == UInt8(ascii: "R") { ask(one.tid, thread) } else { outcome = .torn }
    }
    threads.complete(&statistics)
    return outcome
  }

  /// Wait a little for the last answers.
  func finish(_ statistics: inout RecordingStatistics) {
    guard let inside else { return }
    let end = cp_now() + 20_000_000
    collect(inside, &statistics)
    while inside.isWaiting && cp_now() < end {
      cp_pause(200_000)
      collect(inside, &statistics)
    }
    inside.complete(&statistics)
    inside.end()
  }

  private func collect(_ threads: OwnThreads, _ statistics: inout RecordingStatistics) {
    let answers = threads.answers(runtime?.layout) { stackMap.stack(at: $0) }
    if answers.isEmpty { return }
    var sample = Sample(
      sampler: self, moment: moment - 1, threads: [], python: [], codes: [:], loop: runtime?.loop ?? [])
    var isTorn = false
    memory.forget()
    var known: [OwnAnswer] = []
    for answer in answers {
      if !answer.isTorn && know(answer.seen) { known.append(answer) } else { isTorn = true }
    }
    // What one thread saw may have made way for what another one saw later.
    for answer in known {
      if answer.seen.allSatisfy({ codes[$0.code]?.mark == $0.mark }) {
        sample.own.append(answer)
        sample.threads.append((answer.tid, answer.thread))
        sample.python += answer.python
        if let copy = answer.copy { sample.copies.append((answer.tid, copy)) }
      } else {
        isTorn = true
      }
    }
    if isTorn && wasTaken {
      // It had been counted as taken when the thread was asked.
      wasTaken = false
      statistics.taken -= 1
      statistics.torn += 1
    }
    sample.codes = codes
    if !sample.threads.isEmpty { put(sample) }
  }

  /// Read the code objects that are not known; whether all are still those that the thread saw.
  private func know(_ seen: [OwnAnswer.Seen]) -> Bool {
    guard let runtime else { return true }
    for one in seen where codes[one.code]?.mark != one.mark {
      let (code, mark) = (one.code, one.mark)
      forget(code: code)
      guard read(code, runtime) else { return false }
      // It was read page by page, and may have gone meanwhile: look again.
      memory.forget()
      guard codes[code]?.mark == mark, self.mark(of: code, runtime) == mark else {
        forget(code: code)
        return false
      }
    }
    return true
  }

  private func readStates(_ now: Int64, _ threads: OwnThreads) {
    statesRead = now
    guard let runtime else { return threads.know([]) }
    memory.forget()
    threads.know(PythonStacks(runtime: runtime, memory: memory, threadIDs: [:]).ownStates())
  }

  /// Threads that stand still because they wait: they have used no processor meanwhile. Returns those that have.
  private func readSleeping(_ chosen: [Sample.Thread]) -> [Sample.Thread] {
    let before = chosen.map { cp_cpu_time_of($0.tid) }
    memory.forget()
    let python = readPython(chosen)
    let fresh = know(python)
    let broken = Set(python.lazy.filter(\.isBroken).map(\.osThread))
    var moved: [Sample.Thread] = []
    var held: [Sample.Thread] = []
    for (index, one) in chosen.enumerated() {
      // One that has ended meanwhile is nobody's loss.
      if before[index] < 0 { continue }
      if before[index] == cp_cpu_time_of(one.tid), !broken.contains(one.tid) {
        held.append(one)
      } else {
        moved.append(one)
      }
    }
    let tids = Set(held.map(\.tid))
    let kept = python.filter { tids.contains($0.osThread) }
    if !moved.isEmpty {
      // What was learnt of others may be wrong.
      let seen = Set(kept.lazy.flatMap(\.runs).flatMap(\.frames).map(\.code))
      for address in fresh where !seen.contains(address) { forget(code: address) }
    }
    if !held.isEmpty {
      put(
        Sample(
          sampler: self, moment: moment, threads: held, python: kept, codes: codes, loop: runtime?.loop ?? [])
      )
    }
    return moved
  }
}
