/// What went wrong, and what can be done about it.
public struct ProfilingError: Error, Sendable {
  public enum Kind: Sendable {
    case invalidArgument, notSupported, noProcess, notPermitted, outOfMemory, cancelled, io
  }

  public var kind: Kind
  public var message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}
