/// A JSON value, written with its members in the order given.
indirect enum JSON {
  case null
  case bool(Bool)
  case int(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([(String, JSON)])

  /// Two blanks a level; arrays and objects without arrays or objects inside stay on one line.
  func text(indent: Int = 0) -> String {
    switch self {
    case .null: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .int(let value): return "\(value)"
    // JSON has no infinities and no NaN.
    case .number(let value): return value.isFinite ? Number.shortest(value) : "null"
    case .string(let value): return JSON.quote(value)
    case .array(let items):
      return JSON.list("[", items.map { ("", $0) }, "]", indent)
    case .object(let members):
      return JSON.list("{", members.map { (JSON.quote($0) + ": ", $1) }, "}", indent)
    }
  }

  private var isNested: Bool {
    switch self {
    case .array(let items): !items.isEmpty
    case .object(let members): !members.isEmpty
    default: false
    }
  }

  private static func list(
    _ open: String, _ items: [(String, JSON)], _ close: String, _ indent: Int
  ) -> String {
    guard items.contains(where: { $0.1.isNested }) else {
      return open + items.map { $0.0 + $0.1.text() }.joined(separator: ", ") + close
    }
    let margin = String(repeating: " ", count: indent + 2)
    let lines = items.map { margin + $0.0 + $0.1.text(indent: indent + 2) }
    return open + "\n" + lines.joined(separator: ",\n") + "\n"
      + String(repeating: " ", count: indent) + close
  }

  private static func quote(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
