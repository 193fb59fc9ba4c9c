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

/// Lists of texts for the process; NULL for an empty one.
func internedList(_ texts: [String]) -> UnsafePointer<UnsafePointer<CChar>?>? {
  ListStore.shared.pointers(texts)
}

private final class ListStore: @unchecked Sendable {
  static let shared = ListStore()
  private var lock = pthread_mutex_t()
  private var lists: [[String]: UnsafePointer<UnsafePointer<CChar>?>] = [:]

  init() { pthread_mutex_init(&lock, nil) }

  func pointers(_ texts: [String]) -> UnsafePointer<UnsafePointer<CChar>?>? {
    guard !texts.isEmpty else { return nil }
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    if let known = lists[texts] { return known }
    let list = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: texts.count)
    for (index, text) in texts.enumerated() { (list + index).initialize(to: interned(text)) }
    lists[texts] = UnsafePointer(list)
    return UnsafePointer(list)
  }
}

func cString(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// Write the text, cut to fit between characters, with its NUL. nil is the empty text.
func copy(_ text: String?, to room: UnsafeMutableRawBufferPointer) {
  guard !room.isEmpty else { return }
  var bytes = Array((text ?? "").utf8)
  if bytes.count >= room.count {
    var end = room.count - 1
    while end > 0, bytes[end] & 0xc0 == 0x80 { end -= 1 }
    bytes.removeSubrange(end...)
  }
  bytes.append(0)
  room.copyBytes(from: bytes)
}
