import Glibc

func standardOutput(_ text: String) throws {
  let file = try OutputFile("-")
  try file.write(text)
  try file.commit()
}

func standardError(_ text: String) {
  var text = text
  text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
}
