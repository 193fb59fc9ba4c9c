/// What becomes of each column of the file.
public struct ColumnPlan: Sendable {
  public enum Role: Sendable, Equatable {
    /// Not read; only its place in the record is checked.
    case skip
    /// A number, written to this column of the chunk.
    case number(Int)
    /// A label: 0 or 1 (or true, false).
    case label
    /// One column of the chunk for each category, from this one on: 1 where the cell has that text,
    /// else 0. A text that is not among them gives 0 everywhere.
    case oneHot(first: Int, categories: [String])
    /// The distinct texts are collected, at this place of the chunk's list.
    case collect(Int)
  }

  /// What to do about a cell of a number column that is no number.
  public enum Cells: Sendable {
    /// Empty cells and cells of text are errors.
    case numbersOnly
    /// Empty cells become NaN, cells of text are errors.
    case missingAllowed
    /// Empty cells become NaN; so do cells of text, which are counted; infinities are kept.
    case anything
  }

  public var roles: [Role]
  public var cells: Cells

  public init(roles: [Role], cells: Cells) {
    self.roles = roles
    self.cells = cells
  }

  /// Columns of a chunk that this plan fills.
  public var width: Int {
    roles.reduce(0) { widest, role in
      switch role {
      case .number(let slot): max(widest, slot + 1)
      case .oneHot(let first, let categories): max(widest, first + categories.count)
      default: widest
      }
    }
  }

  public var hasLabel: Bool { roles.contains(.label) }

  var collections: Int {
    roles.reduce(0) { if case .collect(let index) = $1 { max($0, index + 1) } else { $0 } }
  }
}

/// The most distinct texts of a one-hot column.
public let maximumCategories = 256
