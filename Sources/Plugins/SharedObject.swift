import Detection
import Glibc

/// What can be told of a shared object before it is loaded: whether it is one for this machine, whole, and
/// has the entry point. Loading runs its code, so this looks at the bytes alone; whatever they say is
/// checked, since they may be damaged. (System V ABI, generic and x86-64 and AArch64 supplements.)
struct SharedObject {
  private let file: Int32
  private let size: UInt64
  private let path: String
  private var segments: [Segment] = []

  private struct Segment {
    var offset: UInt64
    var address: UInt64
    var fileSize: UInt64
  }

  #if arch(x86_64)
    static let machine: UInt16 = 62
  #elseif arch(arm64)
    static let machine: UInt16 = 183
  #endif

  /// Reads through `file`, which stays open elsewhere.
  init(file: Int32, size: UInt64, path: String) throws(DetectionError) {
    self.file = file
    self.size = size
    self.path = path
    try readHeader()
  }

  private func refuse(_ what: String) -> DetectionError {
    DetectionError(.plugin, "\(path): \(what)")
  }

  private func bytes(
    at offset: UInt64, count: Int, _ what: StaticString
  ) throws(DetectionError) -> [UInt8] {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(count))
    guard !overflow, end <= size else {
      throw refuse("the file is cut or damaged: \(what) is beyond its \(size) bytes")
    }
    var block = [UInt8](repeating: 0, count: count)
    let read = block.withUnsafeMutableBytes { pread(file, $0.baseAddress, count, off_t(offset)) }
    guard read == count else { throw refuse("cannot read \(what)") }
    return block
  }

  private func number<Integer: FixedWidthInteger>(
    at offset: UInt64, _ what: StaticString
  ) throws(DetectionError) -> Integer {
    try bytes(at: offset, count: MemoryLayout<Integer>.size, what).number(at: 0)
  }

  // MARK: header and segments

  private mutating func readHeader() throws(DetectionError) {
    guard size >= 64 else { throw refuse("not a shared object: it has only \(size) bytes") }
    let head = try bytes(at: 0, count: 64, "the ELF header")
    guard head[0] == 0x7f, head[1] == 0x45, head[2] == 0x4c, head[3] == 0x46 else {
      throw refuse("not a shared object (ELF): the first four bytes differ")
    }
    let machine: UInt16 = head.number(at: 18)
    guard head[4] == 2, head[5] == 1, machine == SharedObject.machine else {
      throw refuse(
        "made for \(SharedObject.name(of: machine))\(head[4] == 1 ? ", 32 bits" : "")"
          + "\(head[5] == 2 ? ", big-endian" : ""); this program runs on"
          + " \(SharedObject.name(of: SharedObject.machine)): build the plugin for that")
    }
    let type: UInt16 = head.number(at: 16)
    guard type == 3 else {
      let kind = [1: "an object file (.o)", 2: "an executable", 4: "a core file"][type]
      throw refuse("\(kind ?? "of ELF type \(type)"), not a shared object: link it with -shared")
    }
    let offset: UInt64 = head.number(at: 32)
    let entrySize: UInt16 = head.number(at: 54)
    let count: UInt16 = head.number(at: 56)
    guard entrySize == 56, (1...512).contains(count) else {
      throw refuse("damaged: \(count) program headers of \(entrySize) bytes")
    }
    let table = try bytes(at: offset, count: Int(count) * 56, "the program header table")
    var dynamic: Segment?
    for place in stride(from: 0, to: table.count, by: 56) {
      let kind: UInt32 = table.number(at: place)
      let flags: UInt32 = table.number(at: place + 4)
      let segment = Segment(
        offset: table.number(at: place + 8), address: table.number(at: place + 16),
        fileSize: table.number(at: place + 32))
      let memorySize: UInt64 = table.number(at: place + 40)
      switch kind {
      case 1:  // PT_LOAD
        try checkInside(segment, memorySize)
        segments.append(segment)
      case 2:  // PT_DYNAMIC
        try checkInside(segment, memorySize)
        dynamic = segment
      case 3:  // PT_INTERP
        throw refuse("a program, not a shared object: link it with -shared")
      case 0x6474_e551 where flags & 1 != 0:  // PT_GNU_STACK
        throw refuse(
          "it asks for an executable stack: link it with -z noexecstack")
      default: break
      }
    }
    guard !segments.isEmpty, let dynamic else {
      throw refuse("damaged: it has no loadable or no dynamic segment")
    }
    try findEntryPoint(dynamic)
  }

  private func checkInside(_ segment: Segment, _ memorySize: UInt64) throws(DetectionError) {
    let (end, overflow) = segment.offset.addingReportingOverflow(segment.fileSize)
    guard !overflow, end <= size else {
      throw refuse(
        "the file is cut or damaged: a segment ends at byte \(overflow ? UInt64.max : end) of \(size)")
    }
    guard segment.fileSize <= memorySize,
      !segment.address.addingReportingOverflow(memorySize).overflow, memorySize < 1 << 40
    else { throw refuse("damaged: a segment of \(segment.fileSize) bytes needs \(memorySize)") }
  }

  // MARK: the entry point

  static let entryPoint = "pynomaly_plugin_init"

  private func findEntryPoint(_ dynamic: Segment) throws(DetectionError) {
    guard dynamic.fileSize >= 16, dynamic.fileSize <= 1 << 16 else {
      throw refuse("damaged: a dynamic section of \(dynamic.fileSize) bytes")
    }
    let count = Int(dynamic.fileSize) / 16
    let table = try bytes(at: dynamic.offset, count: count * 16, "the dynamic section")
    var addresses: [UInt64: UInt64] = [:]
    for place in stride(from: 0, to: count * 16, by: 16) {
      let tag: UInt64 = table.number(at: place)
      if tag == 0 { break }
      addresses[tag] = table.number(at: place + 8)
    }
    guard let names = addresses[5], let symbols = addresses[6] else {
      throw refuse("damaged: it has no table of symbols")
    }
    let tables = SymbolTables(
      names: try fileOffset(names), symbols: try fileOffset(symbols))
    if let address = addresses[0x6fff_fef5] {
      if try hasEntryPoint(gnuHash: try fileOffset(address), tables) { return }
    } else if let address = addresses[4] {
      if try hasEntryPoint(hash: try fileOffset(address), tables) { return }
    } else {
      throw refuse("damaged: it has no hash table of symbols")
    }
    throw refuse(
      "it does not export \(SharedObject.entryPoint): define that function (see pynomaly_plugin.h) with"
        + " C linkage and default visibility")
  }

  private struct SymbolTables {
    var names: UInt64
    var symbols: UInt64
  }

  /// Where an address of the loaded object is in the file.
  private func fileOffset(_ address: UInt64) throws(DetectionError) -> UInt64 {
    for segment in segments
    where address >= segment.address && address - segment.address < segment.fileSize {
      return segment.offset + (address - segment.address)
    }
    throw refuse("damaged: the dynamic section names the address \(address), which no segment holds")
  }

  /// Whether the symbol at that index is the entry point, and defined here.
  private func isEntryPoint(_ index: UInt64, _ tables: SymbolTables) throws(DetectionError) -> Bool {
    let symbol = try bytes(at: tables.symbols &+ index &* 24, count: 24, "the symbol table")
    let name: UInt32 = symbol.number(at: 0)
    let section: UInt16 = symbol.number(at: 6)
    let wanted = SharedObject.entryPoint.utf8CString
    let place = tables.names &+ UInt64(name)
    guard place < size, size - place >= UInt64(wanted.count) else { return false }
    let found = try bytes(at: place, count: wanted.count, "the names of symbols")
    guard zip(found, wanted).allSatisfy({ $0 == UInt8(bitPattern: $1) }) else { return false }
    // Global or weak, defined, default or protected visibility, a function (or of no type, as assemblers do).
    return [1, 2].contains(symbol[4] >> 4) && section != 0 && [0, 3].contains(symbol[5] & 3)
      && [0, 2, 10].contains(symbol[4] & 15)
  }

  private func hasEntryPoint(
    gnuHash start: UInt64, _ tables: SymbolTables
  ) throws(DetectionError) -> Bool {
    let head = try bytes(at: start, count: 16, "the hash table")
    let buckets: UInt32 = head.number(at: 0)
    let first: UInt32 = head.number(at: 4)
    let bloom: UInt32 = head.number(at: 8)
    guard buckets > 0 else { throw refuse("damaged: its hash table has no buckets") }
    var hash: UInt32 = 5381
    for byte in SharedObject.entryPoint.utf8 { hash = hash &* 33 &+ UInt32(byte) }
    let bucketStart = start &+ 16 &+ UInt64(bloom) &* 8
    var index: UInt32 = try number(
      at: bucketStart &+ UInt64(hash % buckets) &* 4, "the hash table")
    guard index >= first, index > 0 else { return false }
    let chains = bucketStart &+ UInt64(buckets) &* 4
    for _ in 0..<1 << 20 {
      let entry: UInt32 = try number(at: chains &+ UInt64(index - first) &* 4, "the hash table")
      if entry | 1 == hash | 1, try isEntryPoint(UInt64(index), tables) { return true }
      if entry & 1 == 1 || index == .max { return false }
      index += 1
    }
    return false
  }

  private func hasEntryPoint(
    hash start: UInt64, _ tables: SymbolTables
  ) throws(DetectionError) -> Bool {
    let buckets: UInt32 = try number(at: start, "the hash table")
    let count: UInt32 = try number(at: start &+ 4, "the hash table")
    guard buckets > 0 else { throw refuse("damaged: its hash table has no buckets") }
    var hash: UInt32 = 0
    for byte in SharedObject.entryPoint.utf8 {
      hash = (hash &<< 4) &+ UInt32(byte)
      let high = hash & 0xf000_0000
      hash = (hash ^ (high >> 24)) & ~high
    }
    var index: UInt32 = try number(at: start &+ 8 &+ UInt64(hash % buckets) &* 4, "the hash table")
    var steps: UInt32 = 0
    while index != 0, steps < min(count, 1 << 20) {
      if try isEntryPoint(UInt64(index), tables) { return true }
      index = try number(
        at: start &+ 8 &+ UInt64(buckets) &* 4 &+ UInt64(index) &* 4, "the hash table")
      steps += 1
    }
    return false
  }

  private static func name(of machine: UInt16) -> String {
    let known: [UInt16: String] = [
      3: "x86 (i386)", 40: "ARM (32 bits)", 62: "x86-64", 183: "AArch64", 243: "RISC-V",
      21: "PowerPC64", 22: "s390x",
    ]
    return known[machine] ?? "the ELF machine \(machine)"
  }
}

extension [UInt8] {
  /// A little-endian number at a place that exists.
  fileprivate func number<Integer: FixedWidthInteger>(at place: Int) -> Integer {
    withUnsafeBytes {
      Integer(
        littleEndian: UnsafeRawBufferPointer(rebasing: $0[place...]).loadUnaligned(as: Integer.self))
    }
  }
}
