import Glibc

/// Which module's code is at which address of a process.
final class ModuleMap {
  let pid: Int32
  private(set) var map: MemoryMap
  private var modules: [String: Module] = [:]
  private struct Code {
    var start: UInt64
    var end: UInt64
    var bias: UInt64
    var module: Module
  }
  private var code: [Code] = []
  private let memory: ProcessMemory

  init(pid: Int32, memory: ProcessMemory) throws(ProfilingError) {
    self.pid = pid
    self.memory = memory
    map = try MemoryMap(pid: pid)
    place()
  }

  /// Read the map anew.
  func refresh() throws(ProfilingError) {
    map = try MemoryMap(pid: pid)
    place()
  }

  private func place() {
    code = []
    for mapping in map.mappings where mapping.isExecutable && !mapping.path.isEmpty {
      let module = module(of: mapping)
      guard let bias = module.bias(of: mapping) else { continue }
      code.append(Code(start: mapping.start, end: mapping.end, bias: bias, module: module))
    }
  }

  /// The module, and what to take off an address to get the file's.
  func module(at address: UInt64) -> (module: Module, bias: UInt64)? {
    var low = 0
    var high = code.count
    while low < high {
      let middle = (low + high) / 2
      if code[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, address < code[low - 1].end else { return nil }
    return (code[low - 1].module, code[low - 1].bias)
  }

  func isExecutable(_ address: UInt64) -> Bool { map.mapping(at: address)?.isExecutable ?? false }

  /// All modules that hold code, with their place.
  var all: [(module: Module, bias: UInt64)] { code.map { ($0.module, $0.bias) } }

  private func module(of mapping: Mapping) -> Module {
    let key = "\(mapping.path):\(mapping.inode)"
    if let known = modules[key] { return known }
    let root = "/proc/\(pid)/root"
    let image: ElfImage?
    if mapping.path == "[vdso]" {
      image = memory.bytes(mapping.start, count: Int(clamping: mapping.end - mapping.start))
        .flatMap { ElfImage(memory: $0) }
    } else if !mapping.path.hasPrefix("/") {
      image = nil
    } else {
      // The kernel keeps a deleted or replaced file for us; a path may lead to another one by now.
      let start = String(mapping.start, radix: 16)
      let end = String(mapping.end, radix: 16)
      let kept = "/proc/\(pid)/map_files/\(start)-\(end)"
      image =
        mapping.path.hasSuffix(" (deleted)")
        ? ElfImage(path: kept) : ElfImage(path: root + mapping.path) ?? ElfImage(path: kept)
    }
    let module = Module(path: mapping.path, root: root, image: image)
    modules[key] = module
    return module
  }
}
