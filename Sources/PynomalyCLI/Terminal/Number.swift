import CNumbers

/// Numbers as text.
enum Number {
  /// The shortest text that reads back as the same number.
  static func shortest(_ value: Double) -> String {
    text { cnumbers_print(value, $0) }
  }

  /// With so many significant digits at most; before the point, all digits up to 15.
  static func rounded(_ value: Double, _ digits: Int32 = 6) -> String {
    var digits = digits
    var limit = 1.0
    for _ in 0..<digits { limit *= 10 }
    // Half a unit is kept off, so that rounding up does not need another digit.
    while abs(value) >= limit - 0.5 && digits < 15 {
      limit *= 10
      digits += 1
    }
    return text { cnumbers_print_rounded(value, digits, $0) }
  }

  /// With so many decimals, always.
  static func fixed(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    // Beyond this, whole numbers are not exact any more.
    guard scaled < 0x1p53 else { return shortest(value) }
    let whole = Int((scaled / scale).rounded(.down))
    let digits = String(Int(scaled - Double(whole) * scale))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return "\(sign)\(whole)" }
    return "\(sign)\(whole)." + String(repeating: "0", count: max(0, decimals - digits.count))
      + digits
  }

  /// 12345678 as 12,345,678.
  static func grouped(_ value: Int) -> String {
    var text = ""
    for (index, digit) in String(value.magnitude).reversed().enumerated() {
      if index > 0 && index % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + String(text.reversed())
  }

  private static func text(_ print: (UnsafeMutablePointer<CChar>) -> Int) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CNUMBERS_PRINT_SIZE)) { buffer in
      guard let base = buffer.baseAddress else { return "" }
      let count = print(base)
      return String(decoding: UnsafeRawBufferPointer(buffer)[..<count], as: UTF8.self)
    }
  }
}
