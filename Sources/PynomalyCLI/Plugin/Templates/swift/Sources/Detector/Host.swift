import CPynomalyPlugin

/// Why a call fails. `row` and `column` are places in the X of the call, or -1.
struct PluginError: Error {
  var status: pyn_status
  var message: String
  var row = -1
  var column = -1
  /// The host knows already: only the status has to be returned.
  var told = false

  init(_ status: Int, _ message: String, row: Int = -1, column: Int = -1) {
    (self.status, self.message, self.row, self.column) = (pyn_status(status), message, row, column)
  }

  static func model(_ message: String) -> PluginError { .init(PYN_ERROR_MODEL_FORMAT, message) }
  static let noMemory = PluginError(PYN_ERROR_OUT_OF_MEMORY, "the plugin could not get the memory it needs")

  static func check(_ status: pyn_status) throws(PluginError) {
    guard status != pyn_status(PYN_OK) else { return }
    var error = PluginError(Int(status), "")
    error.told = true
    throw error
  }
}

typealias HostPointer = UnsafePointer<pyn_plugin_host>

/// Runs `body`, and tells the host what it threw.
func guarded(
  _ host: HostPointer, _ call: OpaquePointer?, _ body: () throws(PluginError) -> Void
) -> pyn_status {
  do {
    try body()
    return pyn_status(PYN_OK)
  } catch {
    if error.told { return error.status }
    return host.pointee.fail(call, error.status, Int64(error.row), Int64(error.column), error.message)
  }
}

/// One call of the host's under way.
struct Call {
  let host: HostPointer
  let pointer: OpaquePointer?

  /// Tell how much is done, at least every 50 ms. On the calling thread only.
  func progress(_ fraction: Double) throws(PluginError) {
    if host.pointee.progress(pointer, min(max(fraction, 0), 1)) != 0 {
      try PluginError.check(pyn_status(PYN_ERROR_CANCELLED))
    }
  }

  var threads: Int { max(1, Int(host.pointee.thread_count(pointer))) }

  /// body(chunk, worker) for 0 <= chunk < chunks on the threads of the call.
  func parallelFor(_ chunks: Int, _ body: (Int, Int) throws(PluginError) -> Void) throws(PluginError) {
    var result = pyn_status(PYN_OK)
    withoutActuallyEscaping(body) { body in
      var loop = Loop(host: host, body: body)
      result = withUnsafeMutablePointer(to: &loop) {
        host.pointee.parallel_for(
          pointer, Int64(chunks),
          { call, chunk, worker, context in
            guard let loop = context?.assumingMemoryBound(to: Loop.self) else {
              return pyn_status(PYN_ERROR_PLUGIN)
            }
            let host = loop.pointee.host
            return guarded(host, call) { () throws(PluginError) in
              try loop.pointee.body(Int(chunk), Int(worker))
            }
          }, $0)
      }
    }
    try PluginError.check(result)
  }

  private struct Loop {
    let host: HostPointer
    let body: (Int, Int) throws(PluginError) -> Void
  }
}

/// The rows of a call.
struct Rows {
  let host: HostPointer
  let matrix: UnsafePointer<pyn_matrix>

  var count: Int { Int(matrix.pointee.rows) }
  var columns: Int { Int(matrix.pointee.columns) }

  func read(_ first: Int, _ count: Int, to values: UnsafeMutablePointer<Double>) throws(PluginError) {
    try PluginError.check(host.pointee.read_rows(matrix, Int64(first), Int64(count), values))
  }

  func readColumn(_ column: Int, to values: UnsafeMutablePointer<Double>) throws(PluginError) {
    try PluginError.check(host.pointee.read_column(matrix, Int64(column), values))
  }
}

/// Numbers in memory of the host: an error where Swift's arrays would end the program.
final class Numbers {
  let host: HostPointer
  let start: UnsafeMutablePointer<Double>
  let count: Int

  /// `count` numbers, all 0.
  init(_ host: HostPointer, _ count: Int) throws(PluginError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: 8)
    guard count >= 0, !overflow, let memory = host.pointee.allocate(host, bytes) else { throw .noMemory }
    (self.host, self.count) = (host, count)
    start = memory.bindMemory(to: Double.self, capacity: count)
    start.initialize(repeating: 0, count: count)
  }

  convenience init(_ host: HostPointer, _ factors: Int...) throws(PluginError) {
    var count = 1
    for factor in factors {
      let (product, overflow) = count.multipliedReportingOverflow(by: factor)
      guard !overflow else { throw .noMemory }
      count = product
    }
    try self.init(host, count)
  }

  deinit { host.pointee.release(host, start) }

  subscript(index: Int) -> Double {
    @inline(__always) get { start[index] }
    @inline(__always) set { start[index] = newValue }
  }
}
