import ArgumentParser
import Glibc

/// Runs the command line and turns every error into words and an exit code.
@main
enum Main {
  static func main() {
    do {
      var command = try PynomalyCommand.parseAsRoot()
      try command.run()
    } catch let failure as Failure {
      if !failure.message.isEmpty { standardError("pynomaly: \(failure.message)\n") }
      exit(failure.code.rawValue)
    } catch let error as LibraryError {
      standardError("pynomaly: \(error.message)\n")
      exit(ExitStatus.failure.rawValue)
    } catch {
      let code = PynomalyCommand.exitCode(for: error)
      let text = PynomalyCommand.fullMessage(for: error)
      if code == .success {
        // Help and version.
        do { try standardOutput(text + "\n") } catch { exit(ExitStatus.failure.rawValue) }
        exit(ExitStatus.success.rawValue)
      }
      standardError(text + "\n")
      exit((code == .validationFailure ? ExitStatus.usage : .failure).rawValue)
    }
  }
}

struct PynomalyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pynomaly",
    abstract: "Find the rows of a table that are not like the others.",
    discussion: """
      EXAMPLES
        pynomaly detect metrics.csv --drop time
        pynomaly detect metrics.csv --drop time --report report.html --output scores.csv
        pynomaly fit january.csv --drop time --save-model january.pynomaly
        pynomaly drift january.csv february.csv --drop time --fail-on-drift
        pynomaly score february.csv --drop time --model january.pynomaly --fail-on-anomaly

      \(ExitStatus.help)
      """,
    version:
      "pynomaly \(Library.version) (ABI \(Library.abiVersion), kernels \(Library.kernels))",
    subcommands: [
      Detect.self, Fit.self, Score.self, Detectors.self, Describe.self, Drift.self, Select.self, Tune.self,
      Plugin.self, DumpCommand.self, RecordCommand.self, TopCommand.self,
    ])
}
