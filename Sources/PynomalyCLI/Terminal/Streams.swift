import Glibc

func standardOutput(_ text: String) throws {
  let file = try OutputFile("-")
  try file.write(text)
  try file.commit()
}

/// Without what could steer a terminal.
func plainText(_ text: String) -> String {
  String(
    String.UnicodeScalarView(
      text.unicodeScalars.map { $0.value < 32 || (127..<160).contains($0.value) ? "?" : $0 }))
}

func standardError(_ text: String) {
  var text = text
  text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
}
