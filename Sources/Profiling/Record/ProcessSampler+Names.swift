import CProfiling

extension ProcessSampler {
  /// A code object that was read, and what tells whether another one has come to its place.
  final class KnownCode {
    let code: PythonCode
    let mark: CodeMark
    /// The sample in which that was looked at.
    var checked: Int64

    init(_ code: PythonCode, mark: CodeMark, checked: Int64) {
      self.code = code
      self.mark = mark
      self.checked = checked
    }
  }

  /// Read the code objects that are not known, while they cannot go away, and see that the known ones are
  /// still the same. Returns the addresses of those that are new.
  func know(_ threads: [PythonThread]) -> [UInt64] {
    guard let runtime else { return [] }
    let first = min(runtime.layout.code.name, runtime.layout.code.lines)
    let span = Int(max(runtime.layout.code.name, runtime.layout.code.lines) - first) + 8
    var fresh: [UInt64] = []
    var old: [UInt64] = []
    for thread in threads {
      for run in thread.runs {
        for frame in run.frames {
          guard let known = codes[frame.code] else {
            if read(frame.code, runtime) { fresh.append(frame.code) }
            continue
          }
          if known.checked != sampleNumber {
            known.checked = sampleNumber
            old.append(frame.code &+ first)
          }
        }
      }
    }
    if old.isEmpty { return fresh }
    // One system call for all of them.
    withUnsafeTemporaryAllocation(byteCount: span * old.count, alignment: 8) { buffer in
      let got = cp_read_many(process.pid, old, old.count, span, buffer.baseAddress)
      for (index, address) in old.enumerated() {
        let code = address &- first
        if index < got, let known = codes[code] {
          let base = index * span
          let name = buffer.loadUnaligned(
            fromByteOffset: base + Int(runtime.layout.code.name - first), as: UInt64.self)
          let lines = buffer.loadUnaligned(
            fromByteOffset: base + Int(runtime.layout.code.lines - first), as: UInt64.self)
          if name == known.mark.name && lines == known.mark.lines { continue }
        }
        forget(code: code)
        if read(code, runtime) { fresh.append(code) }
      }
    }
    return fresh
  }

  func read(_ address: UInt64, _ runtime: PythonRuntime) -> Bool {
    guard let code = PythonCode(address, runtime.layout, memory, codeType: runtime.codeType),
      let mark = mark(of: address, runtime)
    else { return false }
    codes[address] = KnownCode(code, mark: mark, checked: sampleNumber)
    return true
  }

  func mark(of address: UInt64, _ runtime: PythonRuntime) -> CodeMark? {
    guard let name = memory.pointer(address &+ runtime.layout.code.name),
      let lines = memory.pointer(address &+ runtime.layout.code.lines)
    else { return nil }
    guard inside != nil else { return CodeMark(name: name, lines: lines, check: 0) }
    guard let hash = memory.pointer(name &+ runtime.layout.objects.textHash),
      let first: UInt32 = memory.load(address &+ runtime.layout.code.firstLine),
      let file = memory.pointer(address &+ runtime.layout.code.fileName)
    else { return nil }
    return CodeMark(name: name, lines: lines, check: cp_code_check(hash, first, file))
  }

  func forget(code address: UInt64) { codes[address] = nil }
}

/// The objects of a code object that are hardly ever those of another one that has come to its place.
struct CodeMark: Equatable {
  var name: UInt64
  var lines: UInt64
  /// Where a process samples itself: cp_code_check.
  var check: UInt64
}
