import Glibc

/// Numbers as people say them.
enum Words {
  static func log10(_ value: Double) -> Double { Glibc.log10(value) }

  /// "about 3 s"; what is no number gets no "about".
  static func about(_ amount: String) -> String {
    amount.hasPrefix("more") ? amount : "about \(amount)"
  }

  static func duration(_ seconds: Double) -> String {
    if seconds < 1e-3 { return "\(twoDigits(seconds * 1e6)) µs" }
    if seconds < 1 { return "\(twoDigits(seconds * 1e3)) ms" }
    if seconds < 120 { return "\(twoDigits(seconds)) s" }
    if seconds < 7200 { return "\(twoDigits(seconds / 60)) min" }
    return seconds < 172_800
      ? "\(twoDigits(seconds / 3600)) h" : "\(twoDigits(seconds / 86400)) days"
  }

  static func size(_ bytes: Double) -> String {
    bytes < 1e9 ? "\(twoDigits(bytes / 1e6)) MB" : "\(twoDigits(bytes / 1e9)) GB"
  }

  /// Three decimals.
  static func thousandths(_ value: Double) -> String {
    let whole = Int(min(max((value * 1000).rounded(), 0), 1e9))
    let digits = String(1000 + whole % 1000)
    return "\(whole / 1000).\(digits.dropFirst())"
  }

  /// One decimal below 10, else whole.
  private static func twoDigits(_ value: Double) -> String {
    guard value < 1e15 else { return "more than 10^15" }
    let tenths = Int((value * 10).rounded())
    return tenths < 100 ? "\(tenths / 10).\(tenths % 10)" : "\(Int(value.rounded()))"
  }
}
