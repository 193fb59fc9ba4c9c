import CElfutils
import CProfiling

/// A native frame: an address inside the instruction that runs or calls, and the part of the stack that is
/// the frame's own.
struct NativeFrame {
  var address: UInt64
  var stackStart: UInt64
  var stackEnd: UInt64
}

/// Walks copied stacks by the rules of .eh_frame. The rule of each address is worked out once, and reduced
/// to a register, two offsets and a flag.
final class Unwinder {
  private let modules: ModuleMap
  private let pid: Int32

  /// An open hash table from address to rule; 0 is no address.
  private var keys: UnsafeMutablePointer<UInt64>
  private var rules: UnsafeMutablePointer<ce_rule>
  private var capacity: Int
  private var count = 0

  /// How a walk ended.
  enum End {
    /// At the outermost frame.
    case whole
    /// Where no rule was found, or memory was missing.
    case broken
    /// At the limit of frames.
    case cut
  }

  /// mayRead: whether the process stands still, so that memory beside the stack may be read for a rule.
  init(modules: ModuleMap, pid: Int32, mayRead: Bool) {
    self.modules = modules
    self.pid = mayRead ? pid : 0
    capacity = 1 << 10
    keys = .allocate(capacity: capacity)
    keys.initialize(repeating: 0, count: capacity)
    rules = .allocate(capacity: capacity)
    rules.initialize(repeating: ce_rule(), count: capacity)
  }

  deinit {
    keys.deallocate()
    rules.deallocate()
  }

  /// The map of modules has changed.
  func forget() {
    keys.update(repeating: 0, count: capacity)
    count = 0
  }

  func walk(_ stack: StackCopy, limit: Int, into frames: inout [NativeFrame]) -> End {
    frames.removeAll(keepingCapacity: true)
    var pc = stack.registers[StackCopy.rip]
    var sp = stack.registers[StackCopy.rsp]
    var bp = stack.registers[StackCopy.rbp]
    var bpIsKnown = true
    // A return address may be that of the next function, when a call is the last thing a function does.
    var back: UInt64 = 0
    while frames.count < limit {
      if pc == 0 { return .whole }
      let address = pc &- back
      // Apart: a table that grows is another one afterwards.
      let place = slot(address)
      let rule = rules[place]
      var next = pc
      var cfa = sp
      switch rule.kind {
      case Int32(CE_RULE_END):
        frames.append(NativeFrame(address: address, stackStart: sp, stackEnd: sp))
        return .whole
      case Int32(CE_RULE_SIMPLE):
        if rule.cfa_register == 6 && !bpIsKnown { return broken(address, sp, &frames) }
        cfa = (rule.cfa_register == 7 ? sp : bp) &+ UInt64(bitPattern: Int64(rule.cfa_offset))
        guard cfa > sp, let word = load(stack, cfa &+ UInt64(bitPattern: Int64(rule.return_offset)))
        else { return broken(address, sp, &frames) }
        next = word
        let saved = cfa &+ UInt64(bitPattern: Int64(rule.rbp_offset))
        // Below the stack's pointer it has been taken back already: at a function's last instruction compilers
        // do not say so.
        if rule.rbp_saved != 0 && saved >= sp {
          guard let word = load(stack, saved) else { return broken(address, sp, &frames) }
          bp = word
          bpIsKnown = true
        }
        frames.append(NativeFrame(address: address, stackStart: sp, stackEnd: cfa))
        sp = cfa
        back = 1
      case Int32(CE_RULE_EXPRESSION):
        var registers =
          frames.isEmpty ? stack.registers : [UInt64](repeating: 0, count: 17)
        registers[StackCopy.rip] = pc
        registers[StackCopy.rsp] = sp
        registers[StackCopy.rbp] = bp
        var known: UInt32 =
          frames.isEmpty ? 0x1ffff : 1 << 16 | 1 << 7 | (bpIsKnown ? 1 << 6 : 0)
        var copy = ce_stack(
          bytes: stack.bytes.map { UnsafePointer($0.base.assumingMemoryBound(to: UInt8.self)) },
          start: stack.start, size: UInt64(stack.bytes?.count ?? 0), pid: pid, reserved: 0)
        var rule = rule
        guard ce_rule_step(&rule, &registers, &known, &copy) == 0 else {
          return broken(address, sp, &frames)
        }
        // A signal's handler may run on a stack of its own: only then may the stack go down.
        guard registers[StackCopy.rsp] > sp || rule.is_signal != 0 else {
          return broken(address, sp, &frames)
        }
        cfa = registers[StackCopy.rsp]
        frames.append(NativeFrame(address: address, stackStart: sp, stackEnd: cfa))
        next = registers[StackCopy.rip]
        sp = cfa
        bp = registers[StackCopy.rbp]
        bpIsKnown = known & 1 << 6 != 0
        back = rule.is_signal != 0 ? 0 : 1
      default:
        // Code without rules, as a JIT makes it: by the frame pointer, when it looks like one.
        guard let place = framePointerStep(stack, pc: pc, sp: sp, bp: bp, first: frames.isEmpty)
        else { return broken(address, sp, &frames) }
        frames.append(NativeFrame(address: address, stackStart: sp, stackEnd: place.sp))
        (next, sp, bp) = (place.pc, place.sp, place.bp)
        back = 1
      }
      pc = next
    }
    return .cut
  }

  /// Of the copy; or, behind a signal's handler that ran on a stack of its own, of the process that stands still.
  @inline(__always)
  private func load(_ stack: StackCopy, _ address: UInt64) -> UInt64? {
    stack.word(address) ?? (pid > 0 ? wordOutside(address) : nil)
  }

  @inline(never)
  private func wordOutside(_ address: UInt64) -> UInt64? {
    var value: UInt64 = 0
    return cp_read(pid, address, &value, 8) == 8 ? value : nil
  }

  private func broken(_ address: UInt64, _ sp: UInt64, _ frames: inout [NativeFrame]) -> End {
    frames.append(NativeFrame(address: address, stackStart: sp, stackEnd: sp))
    return .broken
  }

  private func framePointerStep(
    _ stack: StackCopy, pc: UInt64, sp: UInt64, bp: UInt64, first: Bool
  ) -> (pc: UInt64, sp: UInt64, bp: UInt64)? {
    // A call through a bad pointer: nothing has been pushed but the return address.
    if first, !modules.isExecutable(pc), let word = stack.word(sp), modules.isExecutable(word) {
      return (word, sp &+ 8, bp)
    }
    guard bp >= sp, let saved = stack.word(bp), let word = stack.word(bp &+ 8), bp &+ 16 > sp,
      modules.isExecutable(word)
    else { return nil }
    return (word, bp &+ 16, saved)
  }

  @inline(__always)
  private func slot(_ address: UInt64) -> Int {
    let mask = capacity - 1
    var slot = Int(truncatingIfNeeded: (address &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
    while keys[slot] != address {
      if keys[slot] == 0 { return insert(address) }
      slot = (slot + 1) & mask
    }
    return slot
  }

  @inline(never)
  private func insert(_ address: UInt64) -> Int {
    if 2 * count >= capacity { grow() }
    var rule = ce_rule()
    if let (module, bias) = modules.module(at: address) { rule = module.rule(at: address &- bias) }
    count += 1
    return put(address, rule)
  }

  private func put(_ address: UInt64, _ rule: ce_rule) -> Int {
    let mask = capacity - 1
    var slot = Int(truncatingIfNeeded: (address &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
    while keys[slot] != 0 { slot = (slot + 1) & mask }
    keys[slot] = address
    rules[slot] = rule
    return slot
  }

  private func grow() {
    let (oldKeys, oldRules, oldCapacity) = (keys, rules, capacity)
    // Beyond this, addresses are made up: begin anew instead.
    capacity = capacity < 1 << 20 ? 2 * capacity : capacity
    keys = .allocate(capacity: capacity)
    keys.initialize(repeating: 0, count: capacity)
    rules = .allocate(capacity: capacity)
    rules.initialize(repeating: ce_rule(), count: capacity)
    if capacity > oldCapacity {
      for index in 0..<oldCapacity where oldKeys[index] != 0 {
        _ = put(oldKeys[index], oldRules[index])
      }
    } else {
      count = 0
    }
    oldKeys.deallocate()
    oldRules.deallocate()
  }
}
