/// A random permutation of 0 ..< size that is computed where it is asked for, without a table: a Feistel
/// network over a rectangle that holds little more than `size` places, walked until it lands inside
/// (Black, Rogaway 2002, the generalised method). For small sizes a rectangle has too few of them: shuffle.
struct Permutation {
  static let smallest = 1024

  private let size: UInt64
  private let rows: UInt64
  private let columns: UInt64
  private let keys: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  /// size: `smallest` to 2^48.
  init(size: Int, seed: UInt64, stream: UInt64) {
    self.size = UInt64(size)
    rows = UInt64(Double(size).squareRoot().rounded(.up))
    columns = (self.size + rows - 1) / rows
    var random = Random(seed: seed, stream: stream)
    keys = (
      random.next(), random.next(), random.next(), random.next(), random.next(), random.next()
    )
  }

  /// Where the places from `first` on go.
  @_optimize(speed)
  func map(from first: Int, count: Int, into targets: UnsafeMutablePointer<Int>) {
    var row = UInt64(first) / columns
    var column = UInt64(first) % columns
    for index in 0..<count {
      var place = scatter(row, column)
      while place >= size { place = scatter(place / columns, place % columns) }
      targets[index] = Int(truncatingIfNeeded: place)
      column &+= 1
      if column == columns {
        column = 0
        row &+= 1
      }
    }
  }

  /// With four rounds neighbours would still land a little too often at some distances.
  @inline(__always)
  @_optimize(speed)
  private func scatter(_ row: UInt64, _ column: UInt64) -> UInt64 {
    var (row, column) = (row, column)
    row = shift(row, by: column, keys.0, rows)
    column = shift(column, by: row, keys.1, columns)
    row = shift(row, by: column, keys.2, rows)
    column = shift(column, by: row, keys.3, columns)
    row = shift(row, by: column, keys.4, rows)
    column = shift(column, by: row, keys.5, columns)
    return row &* columns &+ column
  }

  /// Move on by an amount that the other coordinate and the key decide, around the end.
  @inline(__always)
  @_optimize(speed)
  private func shift(_ value: UInt64, by other: UInt64, _ key: UInt64, _ bound: UInt64) -> UInt64 {
    var mixed = (other &+ key) &* 0x9e37_79b9_7f4a_7c15
    mixed ^= mixed &>> 32
    mixed = mixed &* 0xd6e8_feb8_6659_fd93
    let moved = value &+ ((mixed &>> 32) &* bound) &>> 32
    return moved >= bound ? moved &- bound : moved
  }
}
