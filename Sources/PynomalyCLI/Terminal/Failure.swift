/// An end of the run that is not success: what to say, and the exit code.
struct Failure: Error {
  var message: String
  var code: ExitStatus = .failure

  init(_ message: String, code: ExitStatus = .failure) {
    self.message = message
    self.code = code
  }
}

/// The exit codes. Documented in the help and the manual; they do not change.
enum ExitStatus: Int32 {
  case success = 0
  case failure = 1
  case usage = 2
  case anomaliesFound = 3
  case interrupted = 130
  case brokenPipe = 141
  case terminated = 143

  static let help = """
    EXIT CODES
      0    done
      1    the data, a file or the model is not usable; the reason is on standard error
      2    the command line is not understood
      3    done, and there are anomalies or drift (only with --fail-on-anomaly, --fail-on-drift)
      130  ended by Ctrl-C (143: by SIGTERM); nothing partial is left
      141  the reader of the standard output went away
    """
}
