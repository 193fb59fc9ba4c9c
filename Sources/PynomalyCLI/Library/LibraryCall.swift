import CPynomaly

/// What a pyn_* function said when it failed.
struct LibraryError: Error {
  var status: pyn_status
  var message: String
  var row: Int
  var column: Int

  var isCancelled: Bool { Int(status) == PYN_ERROR_CANCELLED }
}

/// Makes one call of the library and turns a bad status into a thrown error.
func callLibrary(_ body: (UnsafeMutablePointer<pyn_error>) -> pyn_status) throws {
  var error = pyn_error()
  error.struct_size = MemoryLayout<pyn_error>.stride
  error.row = -1
  error.column = -1
  let status = body(&error)
  guard Int(status) != PYN_OK else { return }
  throw LibraryError(status, error)
}

/// A string that the library keeps.
func libraryString(_ pointer: UnsafePointer<CChar>?) -> String {
  pointer.map { String(cString: $0) } ?? ""
}

extension LibraryError {
  init(_ status: pyn_status, _ error: pyn_error) {
    let message = withUnsafeBytes(of: error.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    self.init(
      status: status, message: message.isEmpty ? libraryString(pyn_status_name(status)) : message,
      row: Int(error.row), column: Int(error.column))
  }

  /// What the library hands to a callback.
  init(_ error: UnsafePointer<pyn_error>?) {
    guard let error else {
      self.init(status: pyn_status(PYN_ERROR_INTERNAL), message: "no reason was given", row: -1, column: -1)
      return
    }
    self.init(error.pointee.code, error.pointee)
  }
}

enum Library {
  static var version: String { libraryString(pyn_version_string()) }
  static var abiVersion: Int { Int(pyn_abi_version()) }
  static var kernels: String { libraryString(pyn_kernels_name()) }
}
