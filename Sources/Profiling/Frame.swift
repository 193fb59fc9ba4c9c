/// One line of a stack.
public struct Frame: Hashable, Sendable {
  public enum Kind: UInt8, Sendable { case python, native, thread, label }

  public var kind: Kind
  public var function: String
  public var file: String?
  public var line: Int?
  /// The file that holds the code of a native frame.
  public var module: String?
}
