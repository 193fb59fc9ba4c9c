import CKernels
import CPynomaly
import Detection
import Glibc

/// The host of one plugin: the table of functions that it is given, and what the host keeps about it. Whoever
/// makes one keeps it as long as the process lives, as the plugin's code does, even when it was refused.
final class PluginHost: @unchecked Sendable {
  let table: UnsafeMutablePointer<pyn_plugin_host>
  /// How messages call the plugin, as an address: its path, then its name once that is known. A message may be
  /// under way with the earlier one, so that is kept.
  private let label: UnsafeMutablePointer<Int64>
  private let path: UnsafeMutablePointer<CChar>
  /// All names that were given; only while loading, which one thread does at a time.
  private var names: [UnsafeMutablePointer<CChar>] = []
  private let blocks: UnsafeMutablePointer<Int64>

  /// Versions of the contract that this host serves.
  static let versions = Int32(PYN_PLUGIN_ABI_OLDEST)...Int32(PYN_PLUGIN_ABI_VERSION)

  static func make(path: String) throws(DetectionError) -> PluginHost {
    guard let label = strdup(path), let version = strdup(PYN_VERSION_STRING) else {
      throw DetectionError(.outOfMemory, "no memory for the host of \(path)")
    }
    let host = PluginHost(label, version: version)
    host.table.pointee.host_data = Unmanaged.passUnretained(host).toOpaque()
    return host
  }

  private init(_ label: UnsafeMutablePointer<CChar>, version: UnsafeMutablePointer<CChar>) {
    path = label
    self.label = .allocate(capacity: 1)
    self.label.initialize(to: Int64(Int(bitPattern: label)))
    blocks = .allocate(capacity: 1)
    blocks.initialize(to: 0)
    table = .allocate(capacity: 1)
    table.initialize(to: HostFunctions.table)
    table.pointee.host_version = UnsafePointer(version)
  }

  func setName(_ name: String) {
    guard let copy = strdup(name) else { return }
    names.append(copy)
    ck_store(label, Int64(Int(bitPattern: copy)))
  }

  fileprivate func log(_ level: Int32, _ message: UnsafePointer<CChar>) {
    guard let name = UnsafePointer<CChar>(bitPattern: Int(ck_load(label))) else { return }
    PluginLog.send(level, from: name, message)
  }

  /// Blocks that the plugin allocated and did not release.
  var allocatedBlocks: Int64 { ck_load(blocks) }

  fileprivate static func of(_ table: UnsafePointer<pyn_plugin_host>?) -> PluginHost? {
    guard let data = table?.pointee.host_data else { return nil }
    return Unmanaged<PluginHost>.fromOpaque(data).takeUnretainedValue()
  }

  fileprivate func allocate(_ bytes: Int) -> UnsafeMutableRawPointer? {
    guard bytes >= 0, bytes < Int.max - 64 else { return nil }
    guard let memory = aligned_alloc(64, (max(bytes, 1) + 63) & ~63) else { return nil }
    ck_fetch_add(blocks, 1)
    return memory
  }

  fileprivate func release(_ memory: UnsafeMutableRawPointer?) {
    guard let memory else { return }
    free(memory)
    ck_fetch_add(blocks, -1)
  }
}

/// The functions of the host's table, as pynomaly_plugin.h says them.
private enum HostFunctions {
  static var table: pyn_plugin_host {
    var table = pyn_plugin_host()
    table.struct_size = MemoryLayout<pyn_plugin_host>.size
    table.abi_version = PluginHost.versions.upperBound
    table.log = { host, level, message in
      guard let host = PluginHost.of(host), let message else { return }
      host.log(level, message)
    }
    table.fail = { call, status, row, column, message in
      CallState.of(call)?.pointee.fail(status, row, column, message) ?? status
    }
    table.allocate = { host, bytes in PluginHost.of(host)?.allocate(bytes) }
    table.release = { host, memory in PluginHost.of(host)?.release(memory) }
    table.progress = { call, fraction in
      CallState.of(call)?.pointee.progress(fraction) == true ? 1 : 0
    }
    table.thread_count = { call in
      CallState.of(call)?.pointee.threads ?? 1
    }
    table.parallel_for = { call, chunks, body, context in
      guard let body, let state = CallState.of(call) else { return Status.nullArgument.rawValue }
      return parallelFor(state, chunks, body, context)
    }
    table.random_start = { random, seed, stream in
      generator(random)?.pointee = Random(seed: seed, stream: stream)
    }
    table.random_uniform = { random, values, count in
      fill(random, values, count) { (generator: inout Random) in generator.unit() }
    }
    table.random_normal = { random, values, count in
      fill(random, values, count) { (generator: inout Random) in generator.normal() }
    }
    table.random_below = { random, bound, values, count in
      fill(random, values, count) { (generator: inout Random) in
        bound > 0 ? Int64(generator.below(Int(bound))) : 0
      }
    }
    table.read_rows = { X, first, count, values in
      readRows(X, first: first, count: count, into: values)
    }
    table.read_column = { X, column, values in readColumn(X, column, into: values) }
    table.write = { call, data, size in
      CallState.of(call)?.pointee.write(data, size) ?? Status.nullArgument.rawValue
    }
    table.get_extension = { _, _ in nil }
    return table
  }
}

/// The C structure holds what Random holds: four words.
private func generator(
  _ random: UnsafeMutablePointer<pyn_plugin_random>?
) -> UnsafeMutablePointer<Random>? {
  random.map { UnsafeMutableRawPointer($0).assumingMemoryBound(to: Random.self) }
}

private func fill<Value>(
  _ random: UnsafeMutablePointer<pyn_plugin_random>?, _ values: UnsafeMutablePointer<Value>?,
  _ count: Int64, _ draw: (inout Random) -> Value
) {
  guard let state = generator(random), let values, count > 0 else { return }
  // One that was never started.
  let words = random?.pointee.state
  if words?.0 == 0, words?.1 == 0, words?.2 == 0, words?.3 == 0 {
    state.pointee = Random(seed: 0, stream: 0)
  }
  var generator = state.pointee
  for index in 0..<Int(count) { values[index] = draw(&generator) }
  state.pointee = generator
}
