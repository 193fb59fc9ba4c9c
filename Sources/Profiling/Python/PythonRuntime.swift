/// An interpreter inside a process: where it is and how it is laid out.
struct PythonRuntime {
  var version: String
  var layout: PythonLayout
  /// Of `_PyRuntime`.
  var address: UInt64
  var codeType: UInt64?
  /// The interpreter's loop: each call of it runs Python frames.
  var loop: [Range<UInt64>]

  /// Nil when the process holds no interpreter. Throws when it holds one that cannot be read.
  static func find(_ modules: ModuleMap, _ memory: ProcessMemory) throws(ProfilingError)
    -> PythonRuntime?
  {
    for (module, bias) in candidates(modules) {
      guard let symbol = module.symbol(named: "_PyRuntime") else { continue }
      let address = symbol.address &+ bias
      if let code = ProcessMemory.refusal(pid: memory.pid, at: address) {
        throw try TargetProcess(pid: memory.pid).refusal(code)
      }
      let version = try version(of: module, bias, memory)
      let layout: PythonLayout?
      if version.minor >= 13 {
        layout = PythonLayout.published(at: address, in: memory)
      } else {
        layout = PythonLayout.known(minor: version.minor)
      }
      guard let layout else {
        throw ProfilingError(
          .notSupported,
          "the process runs Python \(version.text); releases 3.8 to 3.15 can be read")
      }
      let loop = module.functions(prefix: "_PyEval_EvalFrameDefault").map {
        ($0.address &+ bias)..<($0.address &+ bias &+ max($0.size, 1))
      }
      return PythonRuntime(
        version: version.text, layout: layout, address: address,
        codeType: module.symbol(named: "PyCode_Type").map { $0.address &+ bias }, loop: loop)
    }
    return nil
  }

  /// The modules in which an interpreter may be, the likely ones first. An executable of another name may
  /// embed one, so all are asked in the end.
  private static func candidates(_ modules: ModuleMap) -> [(module: Module, bias: UInt64)] {
    var seen: Set<ObjectIdentifier> = []
    let all = modules.all.filter { seen.insert(ObjectIdentifier($0.module)).inserted }
    // Libraries that no interpreter is ever in, and that are slow to look through.
    let usual = all.filter { $0.module.name.hasPrefix("libpython") }
    let others = all.filter {
      !$0.module.name.hasPrefix("libpython") && !$0.module.isSharedObject
        && $0.module.path.hasPrefix("/")
    }
    return usual + others
  }

  /// From `Py_Version` (3.11 and later), else from the file's name, else from the folder of its library
  /// ("lib/python3.9"), which stands among the file's constants.
  private static func version(
    of module: Module, _ bias: UInt64, _ memory: ProcessMemory
  ) throws(ProfilingError) -> (minor: Int, text: String) {
    if let symbol = module.symbol(named: "Py_Version"),
      let packed: UInt32 = memory.load(symbol.address &+ bias), packed >> 24 == 3
    {
      let (minor, micro) = (Int(packed >> 16 & 255), Int(packed >> 8 & 255))
      // Alphas and betas are no releases: a, b, c.
      let level = UInt8(truncatingIfNeeded: packed >> 4 & 15)
      let letter = level < 15 && level >= 10 ? String(UnicodeScalar(level + 87)) : ""
      return (minor, "3.\(minor).\(micro)\(letter)\(letter.isEmpty ? "" : String(packed & 15))")
    }
    let name = Array(module.name.utf8)
    if let minor = name.withUnsafeBytes(minorVersion) { return (minor, "3.\(minor)") }
    if let section = module.image?.section(named: ".rodata"),
      let bytes = module.image?.bytes(of: section),
      let minor = minorVersion(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
    {
      return (minor, "3.\(minor)")
    }
    throw ProfilingError(
      .notSupported,
      "the process has a Python interpreter in \(module.path), whose version is not to be found")
  }

  /// The number behind "python3." in some bytes.
  static func minorVersion(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let wanted = Array("python3.".utf8)
    var index = 0
    while index + wanted.count < bytes.count {
      defer { index += 1 }
      guard bytes[index] == wanted[0],
        bytes[index..<(index + wanted.count)].elementsEqual(wanted)
      else { continue }
      let digits = bytes[(index + wanted.count)...].prefix(2).prefix { (48...57).contains($0) }
      if let minor = Int(String(decoding: digits, as: UTF8.self)) { return minor }
    }
    return nil
  }
}
