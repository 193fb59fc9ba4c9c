/// A local variable of a Python frame.
public struct Variable: Sendable {
  public var name: String
  /// As Python would write it, shortened; of other than simple kinds the type and the address.
  public var value: String
  public var isArgument: Bool
}

/// Reads the local variables of frames. The process should stand still meanwhile; if it does not, values may be
/// nonsense, but nothing worse comes of it.
final class PythonVariables {
  /// The names of a code object's variables, in the order of the frame's slots.
  private struct Slots {
    var names: [String] = []
    /// A name may have two slots (an argument that an inner function uses, up to 3.10).
    var arguments: Set<String> = []
  }

  private let layout: PythonLayout
  private let memory: ProcessMemory
  private let values: PythonValues
  private var known: [UInt64: Slots] = [:]
  private static let slotLimit = 1000

  init(_ layout: PythonLayout, _ memory: ProcessMemory) {
    self.layout = layout
    self.memory = memory
    values = PythonValues(layout, memory)
  }

  /// Those that have a value, arguments first.
  func read(_ frame: PythonFrame) -> [Variable] {
    let slots = known[frame.code] ?? slots(of: frame.code)
    known[frame.code] = slots
    var variables: [Variable] = []
    for (index, name) in slots.names.enumerated() {
      let place = frame.address &+ layout.locals.frame &+ 8 &* UInt64(index)
      // The lowest bits are no part of the address; both set make it a number.
      guard let slot = memory.pointer(place), slot & 3 != 3, slot > 7 else { continue }
      var object = slot & ~7
      if values.type(of: object)?.name == "cell" {
        guard let content = memory.pointer(object &+ 16 &+ layout.objects.extra), content != 0 else {
          continue
        }
        object = content
      }
      let variable = Variable(
        name: name, value: values.text(object), isArgument: slots.arguments.contains(name))
      variables.append(variable)
    }
    return variables.filter(\.isArgument) + variables.filter { !$0.isArgument }
  }

  private func slots(of code: UInt64) -> Slots {
    var slots = Slots()
    for offset in layout.locals.names {
      guard let tuple = memory.pointer(code &+ offset),
        let count: Int64 = memory.load(tuple &+ 16 &+ layout.objects.extra),
        count >= 0, count <= PythonVariables.slotLimit
      else { return slots }
      for index in 0..<UInt64(count) {
        guard let name = memory.pointer(tuple &+ layout.objects.tupleItems &+ 8 &* index),
          let text = PythonCode.text(name, layout.objects, memory, limit: 100)
        else { return slots }
        slots.names.append(text)
      }
    }
    if let plain: UInt32 = memory.load(code &+ layout.locals.argumentCount),
      let keywords: UInt32 = memory.load(code &+ layout.locals.argumentCount &+ 8),
      let flags: UInt32 = memory.load(code &+ layout.locals.flags)
    {
      let others = (flags >> 2 & 1) + (flags >> 3 & 1)  // *args, **kwargs
      let count = Int(plain) + Int(keywords) + Int(others)
      slots.arguments = Set(slots.names.prefix(count))
    }
    return slots
  }
}
