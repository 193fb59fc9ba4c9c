import Glibc

/// Strings that live as long as the process: names, descriptions, choices. Each text is kept once.
private final class StringStore: @unchecked Sendable {
  static let shared = StringStore()
  private var lock = pthread_mutex_t()
  private var strings: [String: UnsafePointer<CChar>] = [:]

  init() { pthread_mutex_init(&lock, nil) }

  func intern(_ text: String) -> UnsafePointer<CChar>? {
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    if let known = strings[text] { return known }
    guard let copy = strdup(text) else { return nil }
    strings[text] = UnsafePointer(copy)
    return UnsafePointer(copy)
  }
}

/// The text as a C string that is never freed; only for texts of the library's own.
func interned(_ text: String) -> UnsafePointer<CChar>? { StringStore.shared.intern(text) }

func cString(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
