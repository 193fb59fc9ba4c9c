import CElfutils
import CProfiling
import Glibc

/// Names addresses, each once.
final class Symbolizer {
  private let modules: ModuleMap
  private var known: [UInt64: [Frame]] = [:]

  init(modules: ModuleMap) { self.modules = modules }

  /// The map of modules has changed.
  func forget() { known.removeAll() }

  /// The functions at an address: more than one where some were inlined, the innermost first.
  func frames(at address: UInt64) -> [Frame] {
    if let known = known[address] { return known }
    let frames = find(address)
    known[address] = frames
    return frames
  }

  private func find(_ address: UInt64) -> [Frame] {
    guard let (module, bias) = modules.module(at: address) else {
      let mapping = modules.map.mapping(at: address)
      return [
        Frame(
          kind: .native, function: "0x" + String(address, radix: 16), file: nil, line: nil,
          module: mapping.flatMap { $0.path.isEmpty ? nil : $0.path })
      ]
    }
    let place = address &- bias
    let symbol = module.function(at: place)
    let function =
      symbol.map { Symbolizer.readable($0.name) } ?? module.name + "+0x" + String(place, radix: 16)
    let locations = module.locations(at: place)
    guard !locations.isEmpty else {
      return [Frame(kind: .native, function: function, file: nil, line: nil, module: module.path)]
    }
    return locations.enumerated().map { index, location in
      Frame(
        kind: .native,
        function: index == locations.count - 1
          ? function : location.function.map(Symbolizer.readable) ?? "(inlined)",
        file: location.file, line: location.line > 0 ? location.line : nil, module: module.path)
    }
  }

  private static let suffixes = [".cold", ".part.", ".isra.", ".constprop.", ".llvm."]

  /// C++, Rust and Swift names as they were written.
  static func readable(_ name: String) -> String {
    // A part that the compiler put elsewhere is the same function.
    var base = name[...]
    for start in name.indices.dropFirst() where name[start] == "." {
      let rest = name[start...]
      if suffixes.contains(where: { rest.hasPrefix($0) }) {
        base = name[..<start]
        break
      }
    }
    guard base.hasPrefix("_Z") || base.hasPrefix("$s") || base.hasPrefix("$S"),
      let text = cp_demangle(String(base))
    else { return String(base) }
    defer { free(text) }
    var readable = String(cString: text)
    // Rust ends its names with a hash of 16 digits.
    if readable.utf8.count > 19, readable.dropLast(16).hasSuffix("::h"),
      readable.suffix(16).allSatisfy(\.isHexDigit)
    {
      readable.removeLast(19)
    }
    return readable
  }
}
