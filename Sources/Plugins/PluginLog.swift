import CPynomaly
import Glibc

/// Where messages of plugins go.
public enum PluginLog {
  private static let sink = Sink()

  public static func setCallback(
    _ callback: pyn_log_callback?, context: UnsafeMutableRawPointer?
  ) {
    sink.set(callback, context)
  }

  static func send(_ level: Int32, from plugin: UnsafePointer<CChar>, _ message: UnsafePointer<CChar>) {
    sink.send(level, plugin, message)
  }

  private final class Sink: @unchecked Sendable {
    private var lock = pthread_mutex_t()
    private var callback: pyn_log_callback?
    private var context: UnsafeMutableRawPointer?

    init() { pthread_mutex_init(&lock, nil) }

    /// The lock is held while a message is taken, so that the earlier callback is done when this returns.
    func set(_ callback: pyn_log_callback?, _ context: UnsafeMutableRawPointer?) {
      pthread_mutex_lock(&lock)
      self.callback = callback
      self.context = context
      pthread_mutex_unlock(&lock)
    }

    func send(_ level: Int32, _ plugin: UnsafePointer<CChar>, _ message: UnsafePointer<CChar>) {
      pthread_mutex_lock(&lock)
      callback?(level, plugin, message, context)
      pthread_mutex_unlock(&lock)
    }
  }
}
