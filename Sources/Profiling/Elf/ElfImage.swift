import Glibc

/// What we read of an ELF file ourselves: segments, symbols, the build id. Files are read, not mapped, and
/// every offset in them is checked: they may be damaged, or made to do harm.
final class ElfImage {
  struct Segment {
    var isExecutable: Bool
    var offset: UInt64
    var address: UInt64
    var fileSize: UInt64
  }
  struct Section {
    var name: String
    var type: UInt32
    var isCompressed: Bool
    var address: UInt64
    var offset: UInt64
    var size: UInt64
    var link: UInt32
  }

  private enum Source {
    case file(Int32)
    case memory(Bytes)
  }
  private let source: Source
  private(set) var segments: [Segment] = []
  private(set) var sections: [Section] = []
  lazy var symbols = SymbolTable(self)

  /// The descriptor stays open as long as the image.
  var descriptor: Int32? {
    if case .file(let descriptor) = source { return descriptor }
    return nil
  }
  var memory: Bytes? {
    if case .memory(let bytes) = source { return bytes }
    return nil
  }

  convenience init?(path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    self.init(.file(descriptor))
  }

  convenience init?(memory: Bytes) { self.init(.memory(memory)) }

  private init?(_ source: Source) {
    self.source = source
    // Until a first property fails, deinit closes the file.
    guard readHeaders() else { return nil }
  }

  deinit { if case .file(let descriptor) = source { close(descriptor) } }

  /// The bytes at a place of the file; nil when they are not all there.
  func bytes(offset: UInt64, count: UInt64) -> Bytes? {
    guard let start = Int(exactly: offset), let count = Int(exactly: count), count <= 1 << 31
    else { return nil }
    switch source {
    case .memory(let whole):
      guard start <= whole.count, count <= whole.count - start, let part = Bytes(count: count)
      else { return nil }
      part.base.copyMemory(from: whole.base + start, byteCount: count)
      return part
    case .file(let descriptor):
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
        start <= status.st_size, count <= status.st_size - start, let part = Bytes(count: count)
      else { return nil }
      var done = 0
      while done < count {
        let got = pread(descriptor, part.base + done, count - done, off_t(start + done))
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else { return nil }
        done += got
      }
      return part
    }
  }

  func section(named name: String) -> Section? { sections.first { $0.name == name } }
  func bytes(of section: Section) -> Bytes? {
    section.type == 8 ? nil : bytes(offset: section.offset, count: section.size)
  }

  /// As hexadecimal digits.
  var buildID: String? {
    guard let section = section(named: ".note.gnu.build-id"), let note = bytes(of: section),
      let nameSize: UInt32 = note.load(0), let size: UInt32 = note.load(4), nameSize == 4,
      size > 1, size <= 64
    else { return nil }
    var text = ""
    for index in 0..<Int(size) {
      guard let byte: UInt8 = note.load(16 + index) else { return nil }
      text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return text
  }

  private func readHeaders() -> Bool {
    guard let header = bytes(offset: 0, count: 64), let magic: UInt32 = header.load(0),
      UInt32(littleEndian: magic) == 0x464c_457f, header.load(4, as: UInt8.self) == 2,
      header.load(5, as: UInt8.self) == 1, let programOffset: UInt64 = header.load(32),
      let sectionOffset: UInt64 = header.load(40), let programCount: UInt16 = header.load(56),
      let sectionSize: UInt16 = header.load(58), let sectionCount: UInt16 = header.load(60),
      let nameIndex: UInt16 = header.load(62)
    else { return false }
    if let table = bytes(offset: programOffset, count: UInt64(programCount) * 56) {
      for base in stride(from: 0, to: table.count, by: 56) {
        guard table.load(base, as: UInt32.self) == 1, let flags: UInt32 = table.load(base + 4),
          let offset: UInt64 = table.load(base + 8), let address: UInt64 = table.load(base + 16),
          let size: UInt64 = table.load(base + 32)
        else { continue }
        segments.append(
          Segment(
            isExecutable: flags & 1 != 0, offset: offset, address: address, fileSize: size))
      }
    }
    guard sectionSize == 64,
      let table = bytes(offset: sectionOffset, count: UInt64(sectionCount) * 64)
    else { return !segments.isEmpty }
    var nameOffsets: [UInt32] = []
    for base in stride(from: 0, to: table.count, by: 64) {
      guard let name: UInt32 = table.load(base), let type: UInt32 = table.load(base + 4),
        let flags: UInt64 = table.load(base + 8), let address: UInt64 = table.load(base + 16),
        let offset: UInt64 = table.load(base + 24),
        let size: UInt64 = table.load(base + 32), let link: UInt32 = table.load(base + 40)
      else { continue }
      nameOffsets.append(name)
      sections.append(
        Section(
          name: "", type: type, isCompressed: flags & 0x800 != 0, address: address, offset: offset,
          size: size, link: link))
    }
    if Int(nameIndex) < sections.count, sections[Int(nameIndex)].size < 1 << 20,
      let names = bytes(of: sections[Int(nameIndex)])
    {
      for index in sections.indices {
        sections[index].name = names.text(at: Int(nameOffsets[index])) ?? ""
      }
    }
    return true
  }
}
