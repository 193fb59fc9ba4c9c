import ArgumentParser
import CProcesses
import CPynomaly
import Glibc

/// One phase of `plugin check`, in the child. Not for people.
struct PluginCheckPhase: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-phase", abstract: "One phase of check; check starts it.", shouldDisplay: false)

  @Argument var phase: CheckPhase
  @Argument var file: String
  @Option var detector: String?
  @Option var rows: Int = 400
  @Option var columns: Int = 4
  @Option(name: .customLong("run")) var number: Int = 0

  func run() throws {
    let report = Reporter()
    cprocesses_catch_crashes(CPROCESSES_REPORT)
    pyn_set_log_callback(nil, nil)
    // The first call of these makes what the system keeps about locales and the like.
    var before = cprocesses_state()
    cprocesses_get_state(&before)
    do {
      report.step("load")
      let plugin = try PluginDescription(loading: file)
      let detail =
        phase == .load ? try checkLoaded(plugin, report) : try check(plugin, report)
      report.result(.passed, detail)
    } catch let error as CheckFailure {
      report.result(.failed, error.text)
    } catch let error as NotApplicable {
      report.result(.skipped, error.text)
    } catch let error as LibraryError {
      report.result(.failed, error.words)
    }
    var after = cprocesses_state()
    cprocesses_get_state(&after)
    var words = [CChar](repeating: 0, count: 1024)
    cprocesses_changes(&before, &after, &words, words.count)
    let changes = words.withUnsafeBufferPointer { libraryString($0.baseAddress) }
    if !changes.isEmpty { report.fact("changes", changes) }
    report.step("the end of the process")
    report.done()
    Glibc.exit(0)
  }

  private func check(_ plugin: PluginDescription, _ report: Reporter) throws -> String {
    let name = detector ?? plugin.detectors.first ?? ""
    var context = CheckContext(
      description: try DetectorDescription(name: name), report: report)
    context.rows = max(rows, 1)
    context.columns = max(columns, 1)
    context.run = number
    return try phase.run(context)
  }

  /// Tells what was loaded; loading it again changes nothing.
  private func checkLoaded(_ plugin: PluginDescription, _ report: Reporter) throws -> String {
    for (name, text) in plugin.facts { report.fact(name, text) }
    for name in plugin.detectors {
      let description = try DetectorDescription(name: name)
      report.fact("detector", name)
      guard description.plugin == plugin.name else {
        throw CheckFailure("the detector \(name) says that it is of \(description.plugin ?? "no plugin")")
      }
    }
    report.step("load a second time")
    let count = pyn_plugin_count()
    let again = try PluginDescription(loading: file)
    guard pyn_plugin_count() == count, again.detectors == plugin.detectors else {
      throw CheckFailure("loading the plugin a second time changes what is loaded")
    }
    return "\(plugin.name) \(plugin.version), plugin ABI \(plugin.abiVersion): "
      + plugin.detectors.joined(separator: ", ")
  }
}

extension CheckPhase: ExpressibleByArgument {}
