/// How large a chunk may be. Tests make them tiny, to have many ends of chunks in little text.
public struct ChunkLimits: Sendable {
  /// The most records of one chunk.
  public var rows = 10_000
  /// About the most bytes of text, unless one record has more.
  public var text = 8 << 20
  /// Bytes read at first.
  public var read = 256 << 10
  /// A record of more bytes is taken for a quote that was opened and never closed.
  public var record = 64 << 20

  public init() {}
}

/// A run of whole records: first the text, then the numbers made of it. Chunks are used again and
/// again, so a pass over a file of any size touches the same few megabytes.
public final class Chunk: @unchecked Sendable {
  /// Readable newlines behind the text: scanners may look ahead without asking for the end.
  static let padding = 64

  /// 0-based row of the table that the first row here is. Known once the chunk is handed out in order.
  public internal(set) var firstRow = 0
  public internal(set) var rows = 0

  // The text, ended by a newline, and where it came from.
  private(set) var text: UnsafeMutablePointer<UInt8>
  private(set) var textCapacity: Int
  var textCount = 0
  var fileOffset: Int64 = 0
  var firstLine = 1
  /// Records in the text at most; empty lines are counted too.
  var recordLimit = 0

  /// Column after column: the value of row r in column c is values[c * stride + r].
  public private(set) var values: UnsafeMutablePointer<Double>
  public private(set) var stride = 0
  public private(set) var columns = 0
  private var valueCapacity = 0

  /// A label (0 or 1), the line and the place in the text for each row, and room for a score.
  public private(set) var labels: UnsafeMutablePointer<Int32>
  public private(set) var scores: UnsafeMutablePointer<Double>
  var lines: UnsafeMutablePointer<UInt32>
  var offsets: UnsafeMutablePointer<UInt32>
  private var rowCapacity = 0

  /// Distinct texts of the columns that collect them, and for each column the cells that are text.
  var collected: [Set<String>] = []
  var textCells: [Int] = []
  var textExamples: [String?] = []

  /// The numbers are there already, from an earlier pass.
  private(set) var isParsed = false

  /// What went wrong with this chunk. Thrown when its turn comes, so the first error of the file is
  /// the one that is reported, whatever the number of threads.
  var failure: (any Error)?

  init() {
    textCapacity = Chunk.padding
    text = .allocate(capacity: Chunk.padding)
    values = .allocate(capacity: 1)
    labels = .allocate(capacity: 1)
    scores = .allocate(capacity: 1)
    lines = .allocate(capacity: 1)
    offsets = .allocate(capacity: 1)
  }

  deinit {
    text.deallocate()
    values.deallocate()
    labels.deallocate()
    scores.deallocate()
    lines.deallocate()
    offsets.deallocate()
  }

  /// 1-based line of the file on which a row begins, and its place in the file.
  public func line(ofRow row: Int) -> Int { firstLine + Int(lines[row]) }
  public func fileOffset(ofRow row: Int) -> Int64 { fileOffset + Int64(offsets[row]) }
  /// Cells of a column that are text, with the first; counted only where text is allowed.
  public func textCells(ofColumn column: Int) -> Int { textCells.isEmpty ? 0 : textCells[column] }
  public func textExample(ofColumn column: Int) -> String? {
    textExamples.isEmpty ? nil : textExamples[column]
  }
  public var categories: [Set<String>] { collected }
  /// Where the text after this chunk begins.
  var endOffset: Int64 { fileOffset + Int64(textCount) }
  var endLine = 1

  /// Bytes of memory that the numbers take.
  public var footprint: Int { (valueCapacity + 3 * rowCapacity) * 8 }

  /// Lets go of the text, so that the numbers can be kept for another pass.
  public func dropText() {
    text.deallocate()
    text = .allocate(capacity: Chunk.padding)
    textCapacity = Chunk.padding
    isParsed = true
  }

  /// Makes room for `count` bytes and the padding, keeping what is there.
  func reserveText(_ count: Int) {
    guard count + Chunk.padding > textCapacity else { return }
    let capacity = count + count / 8 + Chunk.padding
    let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    grown.update(from: text, count: min(textCapacity, count))
    text.deallocate()
    text = grown
    textCapacity = capacity
  }

  /// Makes room for the numbers of `recordLimit` rows.
  func reserveRows(columns: Int) {
    stride = recordLimit
    self.columns = columns
    if stride * columns > valueCapacity {
      values.deallocate()
      valueCapacity = stride * columns
      values = .allocate(capacity: valueCapacity)
    }
    if recordLimit > rowCapacity {
      labels.deallocate()
      scores.deallocate()
      lines.deallocate()
      offsets.deallocate()
      rowCapacity = recordLimit
      labels = .allocate(capacity: rowCapacity)
      scores = .allocate(capacity: rowCapacity)
      lines = .allocate(capacity: rowCapacity)
      offsets = .allocate(capacity: rowCapacity)
    }
  }
}
