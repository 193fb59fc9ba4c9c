/// The table that 3.13 and later keep at the head of `_PyRuntime`: offsets in groups, each with the size of a
/// structure first. It grew in the middle with every version, so a table of an unknown one says nothing.
private struct PublishedTable {
  private let memory: ProcessMemory
  private var place: UInt64
  private var group: [UInt64] = []
  /// What the table says makes sense so far.
  private(set) var isSane = true

  init(at place: UInt64, _ memory: ProcessMemory) {
    self.place = place
    self.memory = memory
  }

  /// Go on to the group that comes next.
  mutating func next(_ count: Int) {
    group.removeAll(keepingCapacity: true)
    for _ in 0..<count {
      let value: UInt64? = memory.load(place)
      if value == nil { isSane = false }
      group.append(value ?? 0)
      place &+= 8
    }
  }

  /// An offset of the group: inside the structure, which is no larger than such a structure can be.
  mutating func offset(_ index: Int, below limit: UInt64) -> UInt64 {
    guard group.indices.contains(index), group[index] < limit else {
      isSane = false
      return 0
    }
    return group[index]
  }
}

extension PythonLayout {
  /// Nil where there is no table, or one that makes no sense, or one of a version whose table is not known. Those
  /// of versions before their first release candidate changed from one to the next.
  static func published(at runtime: UInt64, in memory: ProcessMemory) -> PythonLayout? {
    guard let cookie: UInt64 = memory.load(runtime), cookie == 0x7970_6775_6265_6478,  // "xdebugpy"
      let version: UInt64 = memory.load(runtime &+ 8), version >> 24 == 3, version & 0xf0 >= 0xc0,
      let free: UInt64 = memory.load(runtime &+ 16), free <= 1
    else { return nil }
    let minor = Int(version >> 16 & 0xff)
    guard (13...15).contains(minor) else { return nil }
    let isFreeThreaded = free == 1
    var table = PublishedTable(at: runtime &+ 24, memory)

    table.next(3)
    let runtimeLayout = Runtime(interpreters: table.offset(2, below: 1 << 22), current: nil)

    table.next(minor == 13 ? 13 : 16)
    let main = minor == 13 ? 0 : 1  // 3.14 put the main thread's place in
    let lock = table.offset(9 + main, below: 1 << 22)
    let locked = table.offset(11 + main, below: 1 << 22)
    let holder = table.offset(12 + main, below: 1 << 22)
    let interpreter = Interpreter(
      next: table.offset(2, below: 1 << 22), id: table.offset(1, below: 1 << 22),
      threads: table.offset(3, below: 1 << 22), gil: table.offset(8 + main, below: 1 << 22),
      gilHolder: holder &- lock, gilLocked: locked &- lock)

    table.next(minor == 15 ? 16 : 9)
    let base = minor == 15 ? 3 : 0  // 3.15 put three frames in
    let status = table.offset(8 + base, below: 1 << 16)
    let thread = Thread(
      next: table.offset(2, below: 1 << 16), threadID: table.offset(5 + base, below: 1 << 16),
      nativeThreadID: table.offset(6 + base, below: 1 << 16),
      frame: table.offset(4, below: 1 << 16),
      baseFrame: minor == 15 ? table.offset(5, below: 1 << 16) : nil,
      attached: isFreeThreaded ? status &+ UInt64(minor - 11) &* 4 : nil)
    if minor == 15 { table.next(1) }

    table.next(minor == 13 ? 6 : 8)
    let hasCopies = isFreeThreaded && minor >= 14
    let localsInFrame = table.offset(4, below: 256)
    let frame = FrameLayout(
      code: table.offset(2, below: 256), previous: table.offset(1, below: 256),
      instruction: table.offset(3, below: 256), owner: table.offset(5, below: 256), isEntry: nil,
      cFrameCurrent: nil, copyIndex: hasCopies ? table.offset(7, below: 256) : nil)

    table.next(minor == 13 ? 10 : 11)
    let argumentCount = table.offset(6, below: 1024)
    let code = Code(
      fileName: table.offset(1, below: 1024), name: table.offset(2, below: 1024),
      qualifiedName: table.offset(3, below: 1024), firstLine: table.offset(5, below: 1024),
      lines: table.offset(4, below: 1024), instructions: table.offset(9, below: 1024),
      copies: hasCopies ? table.offset(10, below: 1024) : nil)
    let locals = Locals(
      frame: localsInFrame, names: [table.offset(7, below: 1024)], argumentCount: argumentCount,
      flags: argumentCount &- 4)

    var objects = Objects()
    table.next(2)
    objects.type = table.offset(1, below: 256)
    table.next(minor == 15 ? 6 : 4)
    objects.typeName = table.offset(1, below: 1024)
    objects.typeFlags = table.offset(3, below: 1024)
    if minor == 15 { table.next(2) }
    table.next(3)
    objects.tupleItems = table.offset(1, below: 256)
    // Lists, sets (from 3.14), dictionaries, floats, ints.
    table.next(minor == 13 ? 11 : 15)
    table.next(3)
    objects.bytesSize = table.offset(1, below: 256)
    objects.bytesData = table.offset(2, below: 256)
    table.next(minor == 15 ? 5 : 4)
    objects.textState = table.offset(1, below: 256)
    objects.textLength = table.offset(2, below: 256)
    objects.asciiData = table.offset(3, below: 256)
    objects.compactData = objects.asciiData &+ 16
    // There whether it is interned is a byte of its own.
    objects.textKind = hasCopies ? 8 : 2

    guard table.isSane, holder >= lock, locked >= lock, holder - lock < 4096, locked - lock < 4096,
      argumentCount >= 4, objects.type >= 8
    else { return nil }
    return PythonLayout(
      minor: minor, runtime: runtimeLayout, interpreter: interpreter, thread: thread, frame: frame,
      code: code, objects: objects, locals: locals)
  }
}
