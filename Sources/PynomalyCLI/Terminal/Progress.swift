import Glibc

/// One line on a terminal that says how far the work is. Nothing is shown in a pipe, nor for work that
/// is done at once.
final class Progress {
  private let enabled: Bool
  private let begun = Progress.seconds
  private var shown = 0.0
  private var isVisible = false

  init(enabled: Bool) { self.enabled = enabled }

  func update(_ stage: String, _ fraction: Double) {
    guard enabled else { return }
    let now = Progress.seconds
    guard now - begun > 0.3, now - shown > 0.1 else { return }
    shown = now
    isVisible = true
    let share = min(1, max(0, fraction.isFinite ? fraction : 0))
    let filled = Int(share * 24)
    let bar = String(repeating: "=", count: filled) + String(repeating: " ", count: 24 - filled)
    write("\r\(pad(stage, 8)) [\(bar)] \(pad(String(Int(share * 100)), -3)) %")
  }

  /// Takes the line away again.
  func clear() {
    guard isVisible else { return }
    isVisible = false
    write("\r\u{1B}[K")
  }

  private func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
  }

  /// Since some moment.
  static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
