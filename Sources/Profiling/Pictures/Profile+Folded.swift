extension Profile {
  /// A flame graph of one recording, coloured by how it differs from another. Both as `folded` gives them; an
  /// error names the line.
  public static func difference(
    base: UnsafeRawBufferPointer, recording: UnsafeRawBufferPointer, title: String
  ) throws(ProfilingError) -> [UInt8] {
    var stacks = FoldedStacks()
    stacks.profile.command = title
    try stacks.read(base, isBase: true)
    try stacks.read(recording, isBase: false)
    let tree = stacks.profile.tree
    return stacks.profile.flameGraph(comparedWith: Baseline(totals: tree.totals(stacks.before)))
  }
}

/// Two recordings in one tree.
struct FoldedStacks {
  var profile = Profile()
  /// Of the base, the samples that ended at each node.
  private(set) var before: [Int64] = [0]
  private var numbers: [String: Int32] = [:]

  mutating func read(_ text: UnsafeRawBufferPointer, isBase: Bool) throws(ProfilingError) {
    let name = isBase ? "the base" : "the recording"
    var line = 0
    var whole: Int64 = 0
    var begin = 0
    while begin < text.count {
      line += 1
      var end = begin
      while end < text.count, text[end] != 10 { end += 1 }
      let next = end + 1
      if end > begin, text[end - 1] == 13 { end -= 1 }
      if end > begin {
        let count: Int64
        switch add(text, begin, end, isBase: isBase) {
        case .counted(let number) where whole <= 1 << 48:
          count = number
        case .counted:
          throw FoldedStacks.refusal(name, line, "the number of samples is no whole number of 1 to 2^48")
        case .wrong(let what): throw FoldedStacks.refusal(name, line, what)
        }
        whole += count
      }
      begin = next
    }
    if whole == 0 { throw ProfilingError(.invalidArgument, "\(name) holds no samples") }
    while before.count < profile.tree.nodes.count { before.append(0) }
  }

  private static func refusal(_ name: String, _ line: Int, _ what: StaticString) -> ProfilingError {
    ProfilingError(
      .invalidArgument,
      "\(name), line \(line): \(what); a line is a stack and its samples, such as \"main;work;inner 12\" (record"
        + " --format raw)")
  }

  private enum Answer {
    case counted(Int64)
    case wrong(StaticString)
  }

  private mutating func add(_ text: UnsafeRawBufferPointer, _ begin: Int, _ end: Int, isBase: Bool) -> Answer
  {
    var blank = end - 1
    while blank >= begin, text[blank] != 32 { blank -= 1 }
    if blank < begin { return .wrong("there is no number of samples") }
    var count: Int64 = 0
    for index in (blank + 1)..<end {
      let digit = text[index]
      if digit < 48 || digit > 57 || count > 1 << 48 { count = -1 }
      if count < 0 { break }
      count = count * 10 + Int64(digit - 48)
    }
    guard count > 0, count <= 1 << 48 else {
      return .wrong("the number of samples is no whole number of 1 to 2^48")
    }
    var stack: [Int32] = []
    var start = begin
    for index in begin...blank where index == blank || text[index] == UInt8(ascii: ";") {
      if index == start { return .wrong("a frame has no name") }
      stack.append(number(String(decoding: text[start..<index], as: UTF8.self)))
      start = index + 1
    }
    let node = profile.tree.place(stack)
    if isBase {
      while before.count <= node { before.append(0) }
      before[node] += count
    } else {
      profile.tree.add(count, at: node)
    }
    return .counted(count)
  }

  private mutating func number(_ text: String) -> Int32 {
    let label = FoldedStacks.withoutNumber(text)
    if let known = numbers[label] { return known }
    let number = profile.frames.number(Frame(kind: .native, function: label))
    numbers[label] = number
    return number
  }

  /// "thread 123: main" and "process 123: main" without the number, which is another one in each run.
  private static func withoutNumber(_ label: String) -> String {
    let bytes = Array(label.utf8)
    let isThread = label.hasPrefix("thread ")
    guard isThread || label.hasPrefix("process ") else { return label }
    let head = isThread ? 7 : 8
    var index = head
    while index < bytes.count, (48...57).contains(bytes[index]) { index += 1 }
    guard index > head, index + 1 < bytes.count, bytes[index] == UInt8(ascii: ":"), bytes[index + 1] == 32
    else { return label }
    return String(decoding: bytes[..<head], as: UTF8.self)
      + String(decoding: bytes[(index + 2)...], as: UTF8.self)
  }
}
