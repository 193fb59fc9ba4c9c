import Glibc

/// The functions and variables that an ELF file names. Looked through from end to end at first, which is
/// fastest for a few questions; sorted when many come.
struct SymbolTable {
  struct Symbol {
    var name: String
    var address: UInt64
    var size: UInt64
  }

  private var entries: Bytes?
  private var names: Bytes?
  private var count = 0
  private var lookups = 0
  /// Entries of functions by address, with the furthest end of all entries up to each.
  private var sorted: [(address: UInt64, end: UInt64, furthest: UInt64, index: Int32)] = []
  private static let patience = 64

  init(_ image: ElfImage) {
    // .symtab has everything that .dynsym has, where it has not been stripped away.
    guard
      let section = image.sections.first(where: { $0.type == 2 })
        ?? image.sections.first(where: { $0.type == 11 }),
      Int(section.link) < image.sections.count, let entries = image.bytes(of: section),
      let names = image.bytes(of: image.sections[Int(section.link)])
    else { return }
    self.entries = entries
    self.names = names
    count = entries.count / 24
  }

  var isEmpty: Bool { count == 0 }

  /// Where a name is.
  func find(_ name: String) -> Symbol? { matches(name, whole: true, limit: 1).first }

  /// All functions whose name begins so.
  func functions(prefix: String) -> [Symbol] { matches(prefix, whole: false, limit: 100) }

  private func matches(_ text: String, whole: Bool, limit: Int) -> [Symbol] {
    guard let entries, let names else { return [] }
    var found: [Symbol] = []
    let wanted = Array(text.utf8) + (whole ? [0] : [])
    wanted.withUnsafeBytes { wanted in
      guard let start = wanted.baseAddress else { return }
      for index in 0..<count {
        guard let offset: UInt32 = entries.load(index * 24),
          Int(offset) <= names.count - wanted.count,
          memcmp(names.base + Int(offset), start, wanted.count) == 0,
          let symbol = symbol(at: index), whole || symbol.isFunction,
          let name = names.text(at: Int(offset))
        else { continue }
        found.append(Symbol(name: name, address: symbol.address, size: symbol.size))
        if found.count == limit { break }
      }
    }
    return found
  }

  /// The function that holds an address.
  mutating func function(at address: UInt64) -> Symbol? {
    lookups += 1
    if lookups > SymbolTable.patience {
      if sorted.isEmpty { sort() }
      return functionInSorted(at: address)
    }
    var best: Int?
    var bestAddress: UInt64 = 0
    for index in 0..<count {
      guard let symbol = symbol(at: index), symbol.isFunction, symbol.address <= address,
        address &- symbol.address < max(symbol.size, 1), symbol.address >= bestAddress
      else { continue }
      if best == nil || symbol.address > bestAddress || isNicer(index, than: best) {
        best = index
        bestAddress = symbol.address
      }
    }
    return best.flatMap(named)
  }

  private mutating func sort() {
    for index in 0..<count {
      guard let symbol = symbol(at: index), symbol.isFunction else { continue }
      let (end, overflow) = symbol.address.addingReportingOverflow(max(symbol.size, 1))
      if !overflow { sorted.append((symbol.address, end, 0, Int32(clamping: index))) }
    }
    sorted.sort { ($0.address, $0.index) < ($1.address, $1.index) }
    var furthest: UInt64 = 0
    for index in sorted.indices {
      furthest = max(furthest, sorted[index].end)
      sorted[index].furthest = furthest
    }
  }

  private func functionInSorted(at address: UInt64) -> Symbol? {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle].address <= address { low = middle + 1 } else { high = middle }
    }
    var best: Int?
    var bestAddress: UInt64 = 0
    while low > 0, sorted[low - 1].furthest > address {
      low -= 1
      let entry = sorted[low]
      if best != nil && entry.address < bestAddress { break }
      guard address < entry.end else { continue }
      if best == nil || isNicer(Int(entry.index), than: best) {
        best = Int(entry.index)
        bestAddress = entry.address
      }
    }
    return best.flatMap(named)
  }

  private func symbol(at index: Int) -> (address: UInt64, size: UInt64, isFunction: Bool)? {
    guard let entries, let info: UInt8 = entries.load(index * 24 + 4),
      let section: UInt16 = entries.load(index * 24 + 6), section != 0,
      let address: UInt64 = entries.load(index * 24 + 8), address != 0,
      let size: UInt64 = entries.load(index * 24 + 16)
    else { return nil }
    let type = info & 15
    // NOTYPE with a size is a function written in assembler.
    return (address, size, type == 2 || type == 10 || (type == 0 && size > 0))
  }

  private func name(_ index: Int) -> String? {
    guard let entries, let names, let offset: UInt32 = entries.load(index * 24) else { return nil }
    return names.text(at: Int(offset))
  }

  private func named(_ index: Int) -> Symbol? {
    guard var name = name(index), !name.isEmpty, let symbol = symbol(at: index) else { return nil }
    // A version may be part of the name: "clock_nanosleep@@GLIBC_2.17".
    if let mark = name.utf8.firstIndex(of: UInt8(ascii: "@")), mark > name.startIndex {
      name = String(name[..<mark])
    }
    return Symbol(name: name, address: symbol.address, size: symbol.size)
  }

  /// Of several names for one place, the plainest.
  private func isNicer(_ index: Int, than other: Int?) -> Bool {
    guard let other, let one = name(index), let two = name(other) else { return true }
    func rank(_ name: String) -> (Int, Int, String) {
      (name.utf8.prefix { $0 == UInt8(ascii: "_") }.count, name.utf8.count, name)
    }
    return rank(one) < rank(two)
  }
}
