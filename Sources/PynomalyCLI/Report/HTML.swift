/// Text that comes from the user's files, made harmless for a page.
func escapeHTML(_ text: String) -> String {
  var safe = ""
  safe.reserveCapacity(text.utf8.count)
  for character in text.unicodeScalars {
    switch character {
    case "&": safe += "&amp;"
    case "<": safe += "&lt;"
    case ">": safe += "&gt;"
    case "\"": safe += "&quot;"
    case "'": safe += "&#39;"
    default: safe.unicodeScalars.append(character)
    }
  }
  return safe
}

/// A share of 1 as a CSS length.
func percent(_ share: Double) -> String {
  Number.rounded(min(1, max(0, share.isFinite ? share : 0)) * 100, 5) + "%"
}
