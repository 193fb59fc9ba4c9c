import CNumbers

/// A decimal number at the start of some text.
struct Decimal {
  var value: Double
  /// The byte after the number; the start when there is no number here.
  var end: Bytes
}

private let powersOfTen: [Double] = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
]

/// The table above where a loop can reach it without asking whether it exists yet.
struct DecimalReader {
  private let powers: UnsafePointer<Double>

  init() {
    let table = UnsafeMutablePointer<Double>.allocate(capacity: powersOfTen.count)
    table.initialize(from: powersOfTen, count: powersOfTen.count)
    powers = UnsafePointer(table)
  }

  /// Called once, by the one who made it.
  func release() { powers.deallocate() }

  /// Reads `-?digits[.digits][e[+-]digits]`. The text must end in a byte that no number has, and be
  /// readable 8 bytes past it.
  ///
  /// Where the digits are an integer below 2^53 and the power of ten is at most 10^22, both are exact
  /// doubles, so one multiplication or division rounds correctly (Clinger 1990). Other numbers go to
  /// std::from_chars.
  @inline(__always)
  func read(_ start: Bytes) -> Decimal {
    var at = start
    let negative = at.pointee == UInt8(ascii: "-")
    if negative { at += 1 }
    let firstDigit = at
    var digits: UInt64 = 0
    while true {
      let digit = at.pointee &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      digits = digits &* 10 &+ UInt64(digit)
      at += 1
    }
    var digitCount = at - firstDigit
    var exponent = 0
    if at.pointee == UInt8(ascii: ".") {
      at += 1
      let firstDecimal = at
      while true {
        let eight = UnsafeRawPointer(at).loadUnaligned(as: UInt64.self)
        guard let number = DecimalReader.eightDigits(eight) else { break }
        digits = digits &* 100_000_000 &+ number
        at += 8
      }
      while true {
        let digit = at.pointee &- UInt8(ascii: "0")
        guard digit < 10 else { break }
        digits = digits &* 10 &+ UInt64(digit)
        at += 1
      }
      exponent = firstDecimal - at
      digitCount -= exponent
    }
    guard digitCount > 0 else { return Decimal(value: 0, end: start) }
    if at.pointee | 0x20 == UInt8(ascii: "e") {
      guard let power = readExponent(&at) else { return Decimal(value: 0, end: start) }
      exponent += power
    }
    if digitCount <= 19 && digits <= 1 << 53 && exponent >= -22 && exponent <= 22 {
      let value =
        exponent < 0 ? Double(digits) / powers[-exponent] : Double(digits) * powers[exponent]
      return Decimal(value: negative ? -value : value, end: at)
    }
    return readSlowly(start, at)
  }

  /// The number of eight ASCII digits in memory order, or nil where there is another byte.
  @inline(__always)
  private static func eightDigits(_ bytes: UInt64) -> UInt64? {
    let eight = UInt64(littleEndian: bytes)
    let low = eight &- 0x3030_3030_3030_3030
    let high = eight &+ 0x4646_4646_4646_4646
    guard (low | high) & 0x8080_8080_8080_8080 == 0 else { return nil }
    // Pairs, then fours, then all eight, each by one multiplication.
    let pairs = (low &* 10) &+ (low >> 8)
    let mask: UInt64 = 0x0000_00FF_0000_00FF
    let first = (pairs & mask) &* (100 + (1_000_000 << 32))
    let second = ((pairs >> 16) & mask) &* (1 + (10_000 << 32))
    return (first &+ second) >> 32
  }

  private func readExponent(_ at: inout Bytes) -> Int? {
    var next = at + 1
    let negative = next.pointee == UInt8(ascii: "-")
    if negative || next.pointee == UInt8(ascii: "+") { next += 1 }
    let first = next
    var value = 0
    while next.pointee &- UInt8(ascii: "0") < 10 {
      // Beyond this the exact path is not taken; the digits still belong to the number.
      if value < 100_000 { value = value * 10 + Int(next.pointee &- UInt8(ascii: "0")) }
      next += 1
    }
    guard next > first else { return nil }
    at = next
    return negative ? -value : value
  }

  @inline(never)
  private func readSlowly(_ start: Bytes, _ end: Bytes) -> Decimal {
    var value = 0.0
    let status = UnsafeRawPointer(start).withMemoryRebound(to: CChar.self, capacity: end - start) {
      cnumbers_parse($0, end - start, &value)
    }
    return Decimal(value: value, end: status == CNUMBERS_OK ? end : start)
  }
}
