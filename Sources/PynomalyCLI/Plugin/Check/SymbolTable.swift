import Glibc

/// The functions of an ELF file, static ones too, where its symbol table was not stripped.
struct SymbolTable {
  private struct Function {
    var start: UInt64
    var size: UInt64
    var name: Int
  }

  private var functions: [Function] = []
  private var bytes: [UInt8] = []

  private static let sizeLimit = 256 << 20

  init(_ path: String) {
    guard let bytes = try? readBytes(path, limit: SymbolTable.sizeLimit) else { return }
    self.bytes = bytes
    // A 64-bit little-endian file: where the section headers are, how large and how many.
    guard bytes.count > 64, bytes[..<6] == [0x7f, 0x45, 0x4c, 0x46, 2, 1] else { return }
    let size = number(58, 2)
    let sections = (0..<Int(number(60, 2))).map { number(40, 8) &+ UInt64($0) &* size }
    for section in sections where number(section &+ 4, 4) == 2 {
      let link = Int(number(section &+ 40, 4))
      guard link < sections.count else { continue }
      let names = number(sections[link] &+ 24, 8)
      let first = number(section &+ 24, 8)
      let count = min(number(section &+ 32, 8), UInt64(bytes.count)) / 24
      for index in 0..<count {
        let symbol = first &+ index &* 24
        guard number(symbol &+ 4, 1) & 15 == 2 else { continue }
        functions.append(
          Function(
            start: number(symbol &+ 8, 8), size: number(symbol &+ 16, 8),
            name: Int(truncatingIfNeeded: names &+ number(symbol, 4))))
      }
    }
  }

  func name(at address: UInt64) -> String? {
    guard
      let found = functions.first(where: { $0.start <= address && address - $0.start < max($0.size, 1) }),
      found.name >= 0, found.name < bytes.count
    else { return nil }
    return String(decoding: bytes[found.name...].prefix { $0 != 0 }, as: UTF8.self)
  }

  /// 0 beyond the end.
  private func number(_ place: UInt64, _ count: Int) -> UInt64 {
    guard place < UInt64(bytes.count), bytes.count - Int(place) >= count else { return 0 }
    return (0..<count).reduce(0) { $0 | UInt64(bytes[Int(place) + $1]) << UInt64(8 * $1) }
  }
}

/// The bytes of a file.
func readBytes(_ path: String, limit: Int) throws -> [UInt8] {
  let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard file >= 0 else { throw Failure("cannot read \(path): \(systemMessage(errno))") }
  defer { close(file) }
  var bytes: [UInt8] = []
  var block = [UInt8](repeating: 0, count: 1 << 18)
  while true {
    let count = read(file, &block, block.count)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { throw Failure("cannot read \(path): \(systemMessage(errno))") }
    if count == 0 { return bytes }
    bytes += block[..<count]
    guard bytes.count <= limit else {
      throw Failure("\(path) is larger than \(Number.grouped(limit >> 20)) MiB")
    }
  }
}
