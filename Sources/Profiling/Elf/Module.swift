import CElfutils

/// A file that is mapped into the process, and what it knows of its code.
final class Module {
  let path: String
  let image: ElfImage?
  /// With symbols and DWARF that the file itself lacks, from /usr/lib/debug.
  private lazy var debugImage: ElfImage? = {
    guard let image, !image.sections.contains(where: { $0.type == 2 }), let id = image.buildID,
      id.utf8.count > 2
    else { return nil }
    let name = "/usr/lib/debug/.build-id/\(id.prefix(2))/\(id.dropFirst(2)).debug"
    return ElfImage(path: root + name) ?? ElfImage(path: name)
  }()
  private let root: String
  private lazy var unwind: OpaquePointer? = {
    if let descriptor = image?.descriptor { return ce_unwind_open(descriptor) }
    if let memory = image?.memory { return ce_unwind_open_memory(memory.base, memory.count) }
    return nil
  }()
  private lazy var lines: OpaquePointer? = {
    let image = debugImage ?? image
    guard let image, let section = image.section(named: ".debug_info"), let file = image.descriptor
    else { return nil }
    // Unpacking the system's debug files takes longer than everything else together, for the lines of
    // libc: their symbols will do.
    if section.isCompressed && debugImage != nil { return nil }
    return ce_lines_open(file)
  }()

  init(path: String, root: String, image: ElfImage?) {
    self.path = path
    self.root = root
    self.image = image
  }

  deinit {
    ce_unwind_close(unwind)
    ce_lines_close(lines)
  }

  /// The last part of the path.
  var name: String { String(path.split(separator: "/").last ?? Substring(path)) }

  /// Named like a library: "libm.so.6", "_heapq.cpython-311-x86_64-linux-gnu.so".
  var isSharedObject: Bool {
    let name = Array(name.utf8)
    return name.indices.dropLast(2).contains { index in
      name[index] == UInt8(ascii: ".") && name[index + 1] == UInt8(ascii: "s")
        && name[index + 2] == UInt8(ascii: "o")
    }
  }

  /// What to add to the file's addresses where it is mapped so.
  func bias(of mapping: Mapping) -> UInt64? {
    guard let image else { return nil }
    for segment in image.segments {
      let page: UInt64 = 4095
      let start = segment.offset & ~page
      guard mapping.fileOffset >= start, mapping.fileOffset < segment.offset &+ segment.fileSize
      else { continue }
      guard segment.isExecutable == mapping.isExecutable else { continue }
      return mapping.start &- ((segment.address & ~page) &+ (mapping.fileOffset - start))
    }
    return nil
  }

  /// The rule for an address of the file.
  func rule(at address: UInt64) -> ce_rule {
    var rule = ce_rule()
    if let unwind { ce_unwind_rule(unwind, address, &rule) }
    return rule
  }

  func function(at address: UInt64) -> SymbolTable.Symbol? {
    if let debugImage, let symbol = debugImage.symbols.function(at: address) { return symbol }
    return image?.symbols.function(at: address)
  }

  func symbol(named name: String) -> SymbolTable.Symbol? {
    image?.symbols.find(name) ?? debugImage?.symbols.find(name)
  }

  func functions(prefix: String) -> [SymbolTable.Symbol] {
    let found = debugImage?.symbols.functions(prefix: prefix) ?? []
    return found.isEmpty ? image?.symbols.functions(prefix: prefix) ?? [] : found
  }

  /// File and line, innermost inlined function first; the last is the function itself.
  func locations(at address: UInt64) -> [(function: String?, file: String?, line: Int)] {
    guard let lines else { return [] }
    return withUnsafeTemporaryAllocation(of: ce_location.self, capacity: 64) { buffer in
      let count = ce_lines_find(lines, address, buffer.baseAddress, 64)
      return buffer.prefix(Int(count)).map { location in
        (
          location.function.map { String(cString: $0) }, location.file.map { String(cString: $0) },
          Int(location.line)
        )
      }
    }
  }
}
