/// The kinds of failure; raw values are those of the C ABI.
public enum Status: Int32, Sendable {
  case ok = 0
  case nullArgument = 1
  case invalidArgument = 2
  case unknownDetector = 3
  case unknownOption = 4
  case invalidOption = 5
  case invalidData = 6
  case shapeMismatch = 7
  case notFitted = 8
  case notSupported = 9
  case cancelled = 10
  case outOfMemory = 11
  case io = 12
  case modelFormat = 13
  case modelVersion = 14
  case internalFault = 15
  case plugin = 16
  case noProcess = 20
  case notPermitted = 21
}

/// The library is built without the names of cases that Swift would print.
extension Status: CustomStringConvertible {
  public var description: String {
    switch self {
    case .ok: "ok"
    case .nullArgument: "nullArgument"
    case .invalidArgument: "invalidArgument"
    case .unknownDetector: "unknownDetector"
    case .unknownOption: "unknownOption"
    case .invalidOption: "invalidOption"
    case .invalidData: "invalidData"
    case .shapeMismatch: "shapeMismatch"
    case .notFitted: "notFitted"
    case .notSupported: "notSupported"
    case .cancelled: "cancelled"
    case .outOfMemory: "outOfMemory"
    case .io: "io"
    case .modelFormat: "modelFormat"
    case .modelVersion: "modelVersion"
    case .internalFault: "internalFault"
    case .plugin: "plugin"
    case .noProcess: "noProcess"
    case .notPermitted: "notPermitted"
    }
  }
}

/// What went wrong, where, and what is allowed.
public struct DetectionError: Error, Sendable {
  public var status: Status
  public var message: String
  public var row: Int?
  public var column: Int?

  public init(_ status: Status, _ message: String, row: Int? = nil, column: Int? = nil) {
    self.status = status
    self.message = message
    self.row = row
    self.column = column
  }

  public static let cancelled = DetectionError(.cancelled, "cancelled by the progress callback")

  static func outOfMemory(bytes: Int) -> DetectionError {
    DetectionError(.outOfMemory, "cannot allocate \(bytes) bytes")
  }
}
