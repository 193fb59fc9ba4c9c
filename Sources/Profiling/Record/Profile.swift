/// Stacks counted, and how that went: what pictures are made of.
public struct Profile: Sendable {
  /// Of the process, for the head of the picture.
  var command = ""
  var rate = 100.0
  var tree = CallTree()
  var frames = FrameTable()
  public internal(set) var statistics = RecordingStatistics()
  /// Why it ended; "" while it runs.
  public internal(set) var ending = ""
  /// Which slice of the recording it is: numbers of frames are of one slice only.
  var slice: Int64 = 0

  /// The slice after this one, with nothing counted yet.
  var next: Profile {
    var next = Profile()
    next.command = command
    next.rate = rate
    next.slice = slice + 1
    return next
  }
}
