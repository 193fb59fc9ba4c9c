/// A stretch of a process's address space, from /proc/PID/maps.
struct Mapping {
  var start: UInt64
  var end: UInt64
  var isExecutable: Bool
  var isReadable: Bool
  var fileOffset: UInt64
  var inode: UInt64
  var path: String
}

struct MemoryMap {
  private(set) var mappings: [Mapping] = []

  init(pid: Int32) throws(ProfilingError) {
    guard let bytes = ProcFile.read("/proc/\(pid)/maps") else {
      throw try TargetProcess(pid: pid).refusal(13)
    }
    self.init(bytes)
  }

  init(_ bytes: [UInt8]) {
    for line in bytes.split(separator: 10) {
      if let mapping = MemoryMap.parse(line) { mappings.append(mapping) }
    }
  }

  /// The mapping that holds an address.
  func mapping(at address: UInt64) -> Mapping? {
    var low = 0
    var high = mappings.count
    while low < high {
      let middle = (low + high) / 2
      if mappings[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, address < mappings[low - 1].end else { return nil }
    return mappings[low - 1]
  }

  /// The mapping of a stack whose top is at the address: it may have grown since the map was read.
  func stack(at address: UInt64) -> Mapping? {
    if let mapping = mapping(at: address) { return mapping }
    guard let main = mappings.last(where: { $0.path == "[stack]" }), address < main.start,
      main.start - address < 64 << 20
    else { return nil }
    return main
  }

  /// "7f00-7f10 r-xp 00001000 08:01 1234    /path"
  private static func parse(_ line: ArraySlice<UInt8>) -> Mapping? {
    let fields = line.split(separator: 32, maxSplits: 5, omittingEmptySubsequences: true)
    guard fields.count >= 5, let dash = fields[0].firstIndex(of: UInt8(ascii: "-")),
      let start = hex(fields[0][..<dash]), let end = hex(fields[0][(dash + 1)...]), start < end,
      let offset = hex(fields[2]), let inode = UInt64(String(decoding: fields[4], as: UTF8.self))
    else { return nil }
    let path = fields.count > 5 ? fields[5].drop { $0 == 32 } : []
    return Mapping(
      start: start, end: end, isExecutable: fields[1].contains(UInt8(ascii: "x")),
      isReadable: fields[1].contains(UInt8(ascii: "r")), fileOffset: offset, inode: inode,
      path: String(decoding: path, as: UTF8.self))
  }

  private static func hex(_ digits: ArraySlice<UInt8>) -> UInt64? {
    UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}
