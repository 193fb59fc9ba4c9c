import ArgumentParser

struct Plugin: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Plugins: detectors from shared objects.",
    discussion: """
      A plugin is code: it runs with all your rights. The folders that are searched, in this order: those \
      of PYNOMALY_PLUGIN_PATH (separated by colons), $XDG_DATA_HOME/pynomaly/plugins or \
      ~/.local/share/pynomaly/plugins, /usr/local/lib/pynomaly/plugins and /usr/lib/pynomaly/plugins. \
      Each plugin has a manifest there, NAME.toml.
      """,
    subcommands: [
      PluginList.self, PluginInfo.self, PluginCheck.self, PluginNew.self, PluginInstall.self,
      PluginRemove.self, PluginCheckPhase.self,
    ])
}
