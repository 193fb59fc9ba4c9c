// Throws damaged ELF files and lying interpreters at the profiler; `run` beside this file builds it into one module
// with the profiler's sources.
//
// The first byte of an input says which: a file (the rest is a list of changes to one that compilers made), or an
// interpreter (the rest is memory in which the reader takes addresses, lengths and layouts for true; a second thread
// changes it all the time in every other input).

import CElfutils
import CProfiling
import Glibc

private let folder =
  "\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/pynomaly-profiling-fuzz-\(getpid())"

// ------------------------------------------------------------------------------------------- files --

private struct Base {
  var bytes: [UInt8]
  /// Where headers, tables and sections lie.
  var places: [Range<Int>]
  var code: [UInt64]
}

private func file(_ path: String) -> [UInt8] {
  guard let image = ElfImage(path: path), let descriptor = image.descriptor else {
    fatalError("no ELF file: \(path)")
  }
  var status = stat()
  guard fstat(descriptor, &status) == 0, let bytes = image.bytes(offset: 0, count: UInt64(status.st_size))
  else { fatalError("cannot read \(path)") }
  return Array(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
}

private let bases: [Base] = {
  guard let list = getenv("PYNOMALY_FUZZ_FILES") else { fatalError("PYNOMALY_FUZZ_FILES names no files") }
  return String(cString: list).split(separator: ":").map { path in
    let bytes = file(String(path))
    guard let image = ElfImage(path: String(path)) else { fatalError("no ELF file: \(path)") }
    var places = [0..<64, 64..<(64 + 56 * 8)]
    // The table of sections is at the end.
    places.append(max(0, bytes.count - 64 * image.sections.count)..<bytes.count)
    var code: [UInt64] = [0, .max]
    for section in image.sections where section.size > 0 && section.type != 8 {
      let start = Int(section.offset)
      places.append(start..<min(bytes.count, start + Int(section.size)))
      if section.name == ".text" || section.name == ".plt" {
        code += stride(from: section.address, to: section.address + section.size, by: 7)
      }
    }
    return Base(bytes: bytes, places: places.filter { !$0.isEmpty }, code: code)
  }
}()

/// Five bytes a change: in which part, where in it, how, and with what.
private func damaged(_ base: Base, _ input: UnsafeBufferPointer<UInt8>) -> [UInt8] {
  var bytes = base.bytes
  var index = 0
  while index + 5 <= input.count {
    let place = base.places[Int(input[index]) % base.places.count]
    let where_ = place.lowerBound + (Int(input[index + 1]) << 8 | Int(input[index + 2])) % place.count
    let value = input[index + 4]
    switch input[index + 3] & 7 {
    case 0: bytes[where_] = value
    case 1: bytes[where_] ^= 1 << (value & 7)
    case 2: for at in where_..<min(bytes.count, where_ + 4) { bytes[at] = value }
    case 3: for at in where_..<min(bytes.count, where_ + 8) { bytes[at] = 0xff }
    case 4: bytes[where_] = bytes[where_] &+ value
    case 5: bytes.removeLast(min(bytes.count, Int(value) * bytes.count / 4096))
    case 6:
      let from = Int(value) * (bytes.count - 1) / 255
      for at in 0..<min(16, bytes.count - max(from, where_)) { bytes[where_ + at] = bytes[from + at] }
    default: bytes[where_] = [0, 0x7f, 0x80, 0xff][Int(value & 3)]
    }
    // A file that was cut short has no more to change there.
    if bytes.count < base.bytes.count { break }
    index += 5
  }
  return bytes
}

private func look(at base: Base, _ bytes: [UInt8]) {
  let path = folder + "/file"
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  guard descriptor >= 0, write(descriptor, bytes, bytes.count) == bytes.count else {
    fatalError("cannot write \(path)")
  }
  close(descriptor)
  guard let image = ElfImage(path: path) else { return }
  let module = Module(path: path, root: "", image: image)
  _ = (
    image.buildID, module.symbol(named: "helper"), module.functions(prefix: "h").count, module.isSharedObject
  )
  for segment in image.segments {
    let start = segment.address & 0x7fff_ffff_f000
    let mapping = Mapping(
      start: start, end: start &+ 4096, isExecutable: true, isReadable: true,
      fileOffset: segment.offset & ~4095,
      inode: 1, path: path)
    _ = module.bias(of: mapping)
  }
  let words = (0..<512).map { UInt64($0) * 0x9e37_79b9 }
  words.withUnsafeBytes { words in
    let stack = ce_stack(
      bytes: words.bindMemory(to: UInt8.self).baseAddress, start: 0x7ffc_0000_0000, size: UInt64(words.count),
      pid: 0,
      reserved: 0)
    for address in base.code {
      _ = module.function(at: address).map { Symbolizer.readable($0.name) }
      _ = module.locations(at: address).map { $0.function.map(Symbolizer.readable) }
      var rule = module.rule(at: address)
      guard rule.kind == Int32(CE_RULE_EXPRESSION) else { continue }
      var registers = [UInt64](repeating: 0x7ffc_0000_0100, count: 17)
      var known: UInt32 = 0x1ffff
      var copy = stack
      _ = ce_rule_step(&rule, &registers, &known, &copy)
    }
  }
}

// ------------------------------------------------------------------------------------ interpreters --

private let wordCount = 2048
nonisolated(unsafe) private let arena = UnsafeMutablePointer<UInt64>.allocate(capacity: wordCount)
nonisolated(unsafe) private let memory: ProcessMemory = {
  do { return try ProcessMemory(pid: getpid()) } catch { fatalError("\(error)") }
}()
nonisolated(unsafe) private let isChanging = UnsafeMutablePointer<Int32>.allocate(capacity: 1)

/// Changes what is in the arena, by exchanging words, while it is told to.
private let changer: Void = {
  isChanging.initialize(to: 0)
  var thread = pthread_t()
  pthread_create(
    &thread, nil,
    { _ in
      var state: UInt64 = 88_172_645_463_325_252
      while true {
        guard isChanging.pointee != 0 else {
          usleep(200)
          continue
        }
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        let (one, two) = (Int(state >> 8) & (wordCount - 1), Int(state >> 32) & (wordCount - 1))
        (arena[one], arena[two]) = (arena[two], arena[one] &+ (state >> 60 == 0 ? 8 : 0))
      }
    }, nil)
}()

/// Three bytes a word: an address in the arena, a small number, a huge one, or text.
private func fill(_ input: UnsafeBufferPointer<UInt8>) {
  let start = UInt64(UInt(bitPattern: arena))
  for word in 0..<wordCount {
    let index = word * 3 % max(1, input.count - 2)
    guard index + 2 < input.count else {
      arena[word] = start
      continue
    }
    // Behind the end of the input it repeats, a little changed.
    let number = UInt64(input[index + 1]) << 8 | UInt64(input[index + 2]) &+ UInt64(word * 3 / input.count)
    switch input[index] & 15 {
    case 0...7: arena[word] = start &+ (number & UInt64(wordCount - 1)) &* 8 &+ UInt64(input[index] >> 6 & 1)
    case 8, 9: arena[word] = number & 0xff
    case 10: arena[word] = number
    case 11: arena[word] = number << 32 | 0x6564_6f63  // "code"
    case 12: arena[word] = UInt64.max &- number
    case 13: arena[word] = 1 << (number & 63)
    case 14: arena[word] = number &* 0x0101_0101_0101
    default: arena[word] = 0x6b6e_6168 | number << 40
    }
  }
}

private func interpret(_ kind: UInt8, _ input: UnsafeBufferPointer<UInt8>) {
  fill(input)
  let start = UInt64(UInt(bitPattern: arena))
  let minor = 8 + Int(kind >> 2 & 7)
  memory.forget()
  var layout: PythonLayout?
  if minor >= 13 {
    arena[0] = 0x7970_6775_6265_6478
    arena[1] = 0x0300_00f0 | UInt64(minor) << 16
    arena[2] = UInt64(kind >> 6 & 1)
    // Offsets that pass, but for a few.
    for word in 3..<128 where arena[word] > 1 << 20 { arena[word] = 8 + (arena[word] >> 3 & 31) * 8 }
    layout = PythonLayout.published(at: start, in: memory)
  } else {
    layout = PythonLayout.known(minor: minor)
  }
  guard let layout else { return }
  _ = changer
  isChanging.pointee = kind & 2 != 0 ? 1 : 0
  defer { isChanging.pointee = 0 }
  let runtime = PythonRuntime(
    version: "3.\(minor)", layout: layout, address: start, codeType: nil, loop: [])
  var identifiers: [Int32: Int32] = [0: 1]
  for number in 0..<256 as Range<Int32> { identifiers[number] = number + 1 }
  var stacks = PythonStacks(runtime: runtime, memory: memory, threadIDs: identifiers)
  // Chains that go on for ever are no find.
  (stacks.frameLimit, stacks.threadLimit, stacks.totalFrameLimit) = (200, 1000, 10_000)
  let threads = stacks.read()
  _ = stacks.ownStates().count
  let variables = PythonVariables(layout, memory)
  var left = 60
  for frame in threads.lazy.prefix(20).flatMap(\.runs).flatMap(\.frames) where left > 0 {
    left -= 1
    if kind & 2 != 0 { memory.forget() }
    if let code = PythonCode(frame.code, layout, memory, codeType: nil) {
      for offset in [frame.offset, 0, 4, -1, 1 << 27] { _ = code.line(at: offset) }
    }
    _ = variables.read(frame)
  }
}

@_cdecl("LLVMFuzzerInitialize")
public func initialize(_: UnsafeRawPointer, _: UnsafeRawPointer) -> CInt {
  mkdir(folder, 0o700)
  if let problem = ce_load() { fatalError(String(cString: problem)) }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  guard size > 0 else { return 0 }
  let rest = UnsafeBufferPointer(start: data + 1, count: size - 1)
  if data[0] & 1 == 0 {
    let base = bases[Int(data[0] >> 1) % bases.count]
    look(at: base, damaged(base, rest))
  } else {
    interpret(data[0], rest)
  }
  return 0
}
