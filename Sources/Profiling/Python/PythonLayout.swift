import CProfiling

/// Where things are in the structures of an interpreter. Up to 3.12 these are numbers of each version, as
/// `offsetof` gives them; from 3.13 the interpreter publishes them (`_Py_DebugOffsets`).
struct PythonLayout {
  struct Runtime {
    var interpreters: UInt64
    /// Up to 3.11: the thread state that holds the lock.
    var current: UInt64?
  }
  struct Interpreter {
    var next: UInt64
    var id: UInt64
    var threads: UInt64
    /// From 3.12: where the pointer to the lock is, and in the lock its holder and whether it is locked.
    var gil: UInt64?
    var gilHolder: UInt64 = 8
    var gilLocked: UInt64 = 16
  }
  struct Thread {
    var next: UInt64
    var threadID: UInt64
    var nativeThreadID: UInt64?
    /// The frame; in 3.11 and 3.12 a _PyCFrame that leads to it.
    var frame: UInt64
    /// From 3.15: where every chain of frames ends.
    var baseFrame: UInt64?
    /// Of a free-threaded interpreter: 1 while the thread runs Python code, or could.
    var attached: UInt64?
  }
  struct FrameLayout {
    var code: UInt64
    var previous: UInt64
    /// Up to 3.10 the index of the last instruction, later a pointer to it.
    var instruction: UInt64
    var owner: UInt64?
    var isEntry: UInt64?
    /// In _PyCFrame: the frame, and the one before.
    var cFrameCurrent: UInt64?
    var cFramePrevious: UInt64 = 0
    /// In free-threaded interpreters from 3.14 on: which copy of the code the thread runs.
    var copyIndex: UInt64?
  }
  struct Code {
    var fileName: UInt64
    var name: UInt64
    var qualifiedName: UInt64?
    var firstLine: UInt64
    var lines: UInt64
    /// Where the instructions begin; nil up to 3.10.
    var instructions: UInt64?
    /// Where the pointer to the copies that threads have of them is.
    var copies: UInt64?
  }
  struct Objects {
    /// What comes before all else is larger by that in free-threaded interpreters.
    var extra: UInt64 { type &- 8 }
    var type: UInt64 = 8
    var typeName: UInt64 = 24
    var typeFlags: UInt64 = 168
    var tupleItems: UInt64 = 24
    var bytesSize: UInt64 = 16
    var bytesData: UInt64 = 32
    var textLength: UInt64 = 16
    var textState: UInt64 = 32
    /// The bit of the state at which the width of characters begins.
    var textKind: UInt32 = 2
    var textHash: UInt64 { textLength + 8 }
    var asciiData: UInt64 = 48
    var compactData: UInt64 = 72
  }

  struct Locals {
    /// In the frame.
    var frame: UInt64 = 72
    /// In the code object: tuples of names, in the order of the frame's slots; the numbers of arguments; flags.
    var names: [UInt64] = [96]
    var argumentCount: UInt64 = 52
    var flags: UInt64 = 48
  }

  var minor: Int
  var runtime: Runtime
  var interpreter: Interpreter
  var thread: Thread
  var frame: FrameLayout
  var code: Code
  var objects = Objects()
  var locals = Locals()

  /// Frames are PyFrameObjects, each with a run of the interpreter's loop of its own.
  var hasFrameObjects: Bool { minor <= 10 }

  /// The byte of the code at which an instruction begins: what a frame says of it is an index up to 3.10, later
  /// an address.
  func offset(_ instruction: UInt64, of code: UInt64) -> Int {
    if hasFrameObjects {
      // 3.10 counts instructions, of two bytes.
      let last = Int(Int32(truncatingIfNeeded: instruction))
      return last * (minor == 10 && last > 0 ? 2 : 1)
    }
    let offset = Int(Int64(bitPattern: instruction &- (code &+ (self.code.instructions ?? 0))))
    return offset >= -2 && offset < 1 << 28 ? offset : 0
  }

  /// The layout of 3.8 to 3.12.
  static func known(minor: Int) -> PythonLayout? {
    switch minor {
    case 8:
      old(minor, current: 1368, interpreterID: 16, lastInstruction: 104)
    case 9:
      old(minor, current: 568, interpreterID: 24, lastInstruction: 104)
    case 10:
      old(minor, current: 568, interpreterID: 24, lastInstruction: 96)
    case 11:
      PythonLayout(
        minor: 11, runtime: .init(interpreters: 40, current: 576),
        interpreter: .init(next: 0, id: 48, threads: 16),
        thread: .init(next: 8, threadID: 152, nativeThreadID: 160, frame: 56),
        frame: .init(
          code: 32, previous: 48, instruction: 56, owner: 69, isEntry: 68, cFrameCurrent: 8,
          cFramePrevious: 16),
        code: .init(
          fileName: 112, name: 120, qualifiedName: 128, firstLine: 72, lines: 136,
          instructions: 184), locals: .init(argumentCount: 56))
    case 12:
      PythonLayout(
        minor: 12, runtime: .init(interpreters: 40, current: nil),
        interpreter: .init(next: 0, id: 8, threads: 72, gil: 384),
        thread: .init(next: 8, threadID: 136, nativeThreadID: 144, frame: 56),
        frame: .init(
          code: 0, previous: 8, instruction: 56, owner: 70, isEntry: nil, cFrameCurrent: 0,
          cFramePrevious: 8),
        code: .init(
          fileName: 112, name: 120, qualifiedName: 128, firstLine: 68, lines: 136,
          instructions: 192),
        objects: .init(asciiData: 40, compactData: 56))
    default: nil
    }
  }

  private static func old(
    _ minor: Int, current: UInt64, interpreterID: UInt64, lastInstruction: UInt64
  ) -> PythonLayout {
    PythonLayout(
      minor: minor, runtime: .init(interpreters: 32, current: current),
      interpreter: .init(next: 0, id: interpreterID, threads: 8),
      thread: .init(next: 8, threadID: 176, nativeThreadID: nil, frame: 24),
      frame: .init(
        code: 32, previous: 24, instruction: lastInstruction, owner: nil, isEntry: nil,
        cFrameCurrent: nil),
      code: .init(
        fileName: 104, name: 112, qualifiedName: nil, firstLine: 40, lines: 120, instructions: nil),
      locals: .init(
        frame: minor == 10 ? 352 : 360, names: [72, 88, 80], argumentCount: 16, flags: 36))
  }
}

extension PythonLayout {
  /// For a thread that walks its own frames; nil where frames are larger than they can be.
  var inside: cp_python_layout? {
    // Of the object that Python code has of a frame, which the interpreter does not publish.
    let object: Int64 = minor == 11 ? 40 : 48
    func number(_ offset: UInt64?) -> Int64 { offset.map { Int64(clamping: $0) } ?? -1 }
    var layout = cp_python_layout()
    layout.has_frame_objects = hasFrameObjects ? 1 : 0
    layout.has_shims = minor >= 12 ? 1 : 0
    layout.thread_frame = number(thread.frame)
    layout.thread_id = number(thread.threadID)
    layout.native_thread_id = number(thread.nativeThreadID)
    layout.code = number(frame.code)
    layout.previous = number(frame.previous)
    layout.instruction = number(frame.instruction)
    layout.owner = number(frame.owner)
    layout.is_entry = number(frame.isEntry)
    layout.frame_object = hasFrameObjects ? -1 : object
    layout.cframe_current = number(frame.cFrameCurrent)
    layout.cframe_previous = number(frame.cFramePrevious)
    layout.code_name = number(code.name)
    layout.code_lines = number(code.lines)
    layout.code_copies = number(code.copies)
    layout.code_start = number(code.instructions)
    layout.copy_index = number(frame.copyIndex)
    layout.code_file = number(code.fileName)
    layout.code_first_line = number(code.firstLine)
    layout.text_hash = number(objects.textHash)
    let words = [layout.code, layout.previous, layout.instruction, layout.frame_object].map { $0 + 8 }
    let bytes = [layout.owner, layout.is_entry].map { $0 + 1 }
    layout.frame_size = max(words.max() ?? 0, bytes.max() ?? 0, layout.copy_index + 4)
    return layout.frame_size <= 256 ? layout : nil
  }
}
