import CProcesses
import CPynomaly

extension CheckContext {
  /// What is saved and loaded is the same detector, and saves the same bytes.
  func checkSaving() throws -> String {
    let subject = try fitted()
    let X = try scoringData.matrix()
    let scores = try subject.score(X)
    let bytes = try subject.save()
    let loaded = try load(bytes)
    try checkSame(scores, try loaded.score(X)) {
      "row \($0) scores otherwise after save and load; save must keep all that score needs"
    }
    let thresholds = (try subject.threshold, try loaded.threshold)
    guard thresholds.0.bitPattern == thresholds.1.bitPattern else {
      throw CheckFailure("the threshold is \(thresholds.0), and \(thresholds.1) after save and load")
    }
    for option in description.options {
      guard try loaded.option(option.name) == subject.option(option.name) else {
        throw CheckFailure("the option \(option.name) is another after save and load")
      }
    }
    try checkSame(scores, try subject.score(X)) { "row \($0) scores otherwise after save" }
    let again = try loaded.save()
    if let place = firstDifference(bytes, again) {
      throw CheckFailure(
        "what was loaded saves other bytes, from byte \(place) of \(bytes.count) on; the same model, the"
          + " same bytes")
    }
    if can("explain") {
      let shares = (try subject.explain(X), try loaded.explain(X))
      try checkSame(shares.0, shares.1) {
        "row \($0 / columns) is explained otherwise after save and load"
      }
    }
    return "\(Number.grouped(bytes.count)) bytes, the same scores and bytes again"
  }

  func load(_ bytes: [UInt8]) throws -> Subject {
    report.step("load of a saved model")
    return try withGuarded(bytes) { try Subject(name, model: $0, report) }
  }

  /// The bytes stand where memory ends behind them.
  private func withGuarded<Result>(
    _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let copy = bytes.withUnsafeBytes { cprocesses_guard($0.baseAddress, $0.count) }
    guard let copy else { throw CheckFailure("no memory for \(bytes.count) bytes") }
    defer { cprocesses_unguard(copy, bytes.count) }
    return try body(UnsafeRawBufferPointer(start: copy, count: bytes.count))
  }

  /// Model files whose checksum is right and whose model is not.
  func checkDamage() throws -> String {
    let subject = try fitted()
    let X = try TestData(rows: 40, columns: columns, seed: 2).matrix()
    let scores = try subject.score(X)
    let file = SavedModel(try subject.save())
    // A length that was damaged may ask for any amount.
    cprocesses_limit_memory(2 << 30)
    var random = TestNumbers(seed: 99)
    var refused = 0
    var trials = 0
    let end = cprocesses_now() + 8_000_000_000
    while trials < 600 && (trials < 60 || cprocesses_now() < end) {
      let damage = Damage(trials, of: file.payload.count, &random)
      trials += 1
      report.step("load of a damaged model: \(damage.words)")
      do {
        let loaded = try withGuarded(file.bytes(damage.applied(to: file.payload))) {
          try Subject(name, model: $0, report)
        }
        report.step("score after load of a damaged model: \(damage.words)")
        let got = try loaded.score(X.matrix)
        try checkFinite(got, "a damaged model (\(damage.words)) was loaded")
        if damage.isCut, firstDifference(scores, got) != nil {
          throw CheckFailure(
            "load took a damaged model (\(damage.words)) and made another of it; check every length and"
              + " fail with MODEL_FORMAT")
        }
      } catch let error as LibraryError {
        try checkMessage(error, "load of a damaged model (\(damage.words))")
        refused += 1
      }
    }
    return "\(trials) damaged models: \(refused) refused, \(trials - refused) usable"
  }
}

/// A model file taken apart (see Sources/Detection/ModelFile.swift), so that a detector's own bytes can be
/// damaged and the rest made right again.
struct SavedModel {
  private let head: [UInt8]
  private(set) var payload: [UInt8]

  private static let lengthAt = 16
  private static let sectionsAt = 24
  private static let modelTag: UInt64 = 0x4d4f_4401

  init(_ bytes: [UInt8]) {
    var place = SavedModel.sectionsAt
    while place + 12 <= bytes.count - 4 {
      let tag = SavedModel.number(bytes, place, 4)
      let length = SavedModel.number(bytes, place + 4, 8)
      guard length <= UInt64(bytes.count - 4 - place - 12) else { break }
      if tag == SavedModel.modelTag {
        head = Array(bytes[..<(place + 4)])
        payload = Array(bytes[(place + 12)..<(place + 12 + Int(length))])
        return
      }
      place += 12 + Int(length)
    }
    (head, payload) = ([], bytes)
  }

  /// The file with another payload; the model is its last section.
  func bytes(_ payload: [UInt8]) -> [UInt8] {
    guard !head.isEmpty else { return payload }
    var bytes = head
    bytes += SavedModel.little(UInt64(payload.count), 8)
    bytes += payload
    bytes.replaceSubrange(
      SavedModel.lengthAt..<SavedModel.lengthAt + 8,
      with: SavedModel.little(UInt64(bytes.count + 4), 8))
    return bytes + SavedModel.little(UInt64(SavedModel.crc32c(bytes)), 4)
  }

  private static func number(_ bytes: [UInt8], _ place: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
  }

  private static func little(_ number: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
  }

  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { sum, _ in sum & 1 == 1 ? (sum >> 1) ^ 0x82f6_3b78 : sum >> 1 }
  }

  private static func crc32c(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { table[Int(($0 ^ UInt32($1)) & 0xff)] ^ ($0 >> 8) }
  }
}

/// One way to damage bytes.
private enum Damage {
  case cut(Int, of: Int)
  case longer(Int)
  case byte(Int, UInt8)
  case number(Int, UInt64, Int)
  case flips([Int])

  init(_ index: Int, of count: Int, _ random: inout TestNumbers) {
    let extremes: [UInt64] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, .max, 1 << 62, 1 << 33]
    switch index % 6 {
    case 0: self = .cut(index < 240 ? min(index / 6, max(count - 1, 0)) : random.below(count), of: count)
    case 1: self = .longer(1 + random.below(64))
    case 2: self = .byte(random.below(count), UInt8(truncatingIfNeeded: random.bits()))
    case 3:
      // The first bytes are most often counts.
      let width = random.below(2) == 0 ? 4 : 8
      let place = random.below(2) == 0 ? random.below(min(count, 64)) : random.below(count)
      self = .number(place / 4 * 4, extremes[random.below(extremes.count)], width)
    case 4: self = .number(random.below(count), random.bits() >> UInt64(random.below(64)), 8)
    default: self = .flips((0..<1 + random.below(8)).map { _ in random.below(max(count * 8, 1)) })
    }
  }

  var isCut: Bool { if case .cut = self { true } else { false } }

  var words: String {
    switch self {
    case .cut(let size, let count): "cut from \(count) to \(size) bytes"
    case .longer(let size): "\(size) bytes added at the end"
    case .byte(let place, let value): "byte \(place) set to \(value)"
    case .number(let place, let value, let width): "\(width) bytes at \(place) set to \(value)"
    case .flips(let bits): "\(bits.count) bits flipped, the first in byte \(bits[0] / 8)"
    }
  }

  func applied(to bytes: [UInt8]) -> [UInt8] {
    var damaged = bytes
    switch self {
    case .cut(let size, _): damaged.removeLast(max(bytes.count - size, 0))
    case .longer(let size): damaged += (0..<size).map { UInt8($0 * 37 & 255) }
    case .byte(let place, let value): if place < bytes.count { damaged[place] = value }
    case .number(let place, let value, let width):
      for k in 0..<width where place + k < bytes.count {
        damaged[place + k] = UInt8(truncatingIfNeeded: value >> UInt64(8 * k))
      }
    case .flips(let bits):
      for bit in bits where bit / 8 < bytes.count { damaged[bit / 8] ^= 1 << UInt8(bit % 8) }
    }
    return damaged
  }
}
