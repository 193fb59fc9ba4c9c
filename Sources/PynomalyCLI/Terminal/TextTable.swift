/// Pads to a width: on the right, or on the left when the width is negative.
func pad(_ text: String, _ width: Int) -> String {
  let fill = String(repeating: " ", count: max(0, abs(width) - text.count))
  return width < 0 ? fill + text : text + fill
}

/// Columns of text in line. The first rows may be a head.
struct TextTable {
  enum Alignment { case left, right }

  var alignments: [Alignment]
  var rows: [[String]] = []

  var text: String {
    let widths = alignments.indices.map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        if column > 0 { line += "  " }
        let width = widths[column]
        let isLast = column == row.count - 1
        line += alignments[column] == .right ? pad(cell, -width) : isLast ? cell : pad(cell, width)
      }
      return line + "\n"
    }.joined()
  }
}

/// Breaks text at blanks into lines of at most `width` characters, all but the first indented.
func wrap(_ text: String, width: Int, indent: Int) -> String {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty && line.count + 1 + word.count > width - indent {
      lines.append(line)
      line = ""
    }
    line += (line.isEmpty ? "" : " ") + word
  }
  lines.append(line)
  return lines.joined(separator: "\n" + String(repeating: " ", count: indent))
}
