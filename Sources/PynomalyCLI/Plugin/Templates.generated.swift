enum PluginTemplates {
  static let files: [(language: String, path: String, text: String)] = []
}
