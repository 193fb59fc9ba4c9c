import CKernels
import Testing

@testable import Detection

/// What k-means decides in single precision: the answers are those of doubles, in either build.
struct SingleRowsTests {
  #if arch(x86_64)
    static let builds = ck_has_x86_64_v3() != 0 ? [PanelKernels.baseline, .x86v3] : [.baseline]
  #else
    static let builds = [PanelKernels.baseline]
  #endif

  enum Kind: CaseIterable { case cloud, offset, outlier, equal, fine, grid, midway }

  private static func table(_ kind: Kind, _ rows: Int, _ columns: Int) -> Table {
    let cloud = Table.cloud(rows, columns, seed: 7)
    return Table(rows, columns) { row, column in
      let x = cloud.row(row)[column]
      switch kind {
      case .cloud: return x
      case .offset: return 1e7 + x
      // So far out that single precision cannot tell the others apart.
      case .outlier: return row == rows - 1 ? 1e12 : x
      case .equal: return 3
      case .fine: return 1 + 1e-12 * x
      // Nearly midway between the first two centres, nearer to either in turns.
      case .midway:
        guard row % 31 != 5, row < 580 else { return x }
        let (a, b) = (cloud.row(5)[column], cloud.row(36)[column])
        return (a + b) / 2 + (row % 2 == 0 ? 1e-10 : -1e-10) * (b - a)
      // Many rows lie midway between two centres.
      case .grid: return Double((row * 7 + column * 3) % 5)
      }
    }
  }

  /// All that passes over rows leave behind, of one chunk.
  private final class Pass {
    let panels: RowPanels
    let singles: SingleRows
    let packed: SingleCentres
    let labels, changed, fresh, doubtful: Buffer<Int32>
    let gaps, nears, reaches: Buffer<Float>
    let distances, gathered, drifts, moved: Buffer<Double>

    init(_ X: Table, centres: Int) throws {
      panels = try RowPanels(X.matrix, call: Call(threads: 1))
      singles = try SingleRows(panels, threads: 1)
      packed = try SingleCentres(singles, most: centres)
      let lanes = 8 * panels.count
      (labels, changed) = (try Buffer(count: lanes), try Buffer(count: lanes))
      (fresh, doubtful) = (try Buffer(count: lanes), try Buffer(count: lanes))
      (gaps, nears) = (try Buffer(count: lanes), try Buffer(count: lanes))
      (distances, gathered) = (try Buffer(count: lanes), try Buffer(count: 8 * X.columns))
      (drifts, moved) = (try Buffer(count: centres), try Buffer(count: centres))
      reaches = try Buffer([Float](repeating: -.infinity, count: centres))
      for row in 0..<panels.rows { labels[row] = -1 }
    }

    /// The clusters after a look, and how many rows of them were looked at in doubles.
    func look(_ kernels: PanelKernels, _ centres: Buffer<Double>, all: Bool) -> [Int32] {
      let count = centres.count / panels.columns
      var single = packed.set(centres.base, count: count)
      var rows = ck_cluster_rows(
        panels: panels.values.base, singles: singles.values.base, squares: singles.squares.base,
        labels: labels.base, gaps: gaps.base, nears: nears.base, distances: distances.base,
        changed: changed.base, fresh: fresh.base, doubtful: doubtful.base, gathered: gathered.base,
        drifts: drifts.base, most_drift: drifts.elements.max() ?? 0, moved: moved.base,
        reaches: reaches.base)
      let changes = kernels.assignSingles(
        &rows, panels.rows, panels.columns, centres.base, count, &single, all)
      for place in 0..<changes { labels[Int(changed[place])] = fresh[place] }
      return (0..<panels.rows).map { labels[$0] }
    }

    func nearest(_ centres: Buffer<Double>) throws -> [Int32] {
      let found = try Buffer<Int32>(count: 8 * panels.count)
      PanelKernels.baseline.nearestCentres(
        panels.values.base, panels.count, panels.columns, centres.base,
        centres.count / panels.columns, found.base, distances.base)
      return (0..<panels.rows).map { found[$0] }
    }
  }

  @Test(arguments: Kind.allCases, [(3, 4), (1, 1), (20, 9), (7, 13), (100, 8)])
  func nearestCentresAreThoseOfDoubles(kind: Kind, shape: (columns: Int, centres: Int)) throws {
    let X = Self.table(kind, 603, shape.columns)
    var random = Random(seed: 1, stream: 3)
    var results: [[[Float]]] = []
    for kernels in Self.builds {
      let pass = try Pass(X, centres: shape.centres)
      let centres = try Buffer<Double>(count: shape.centres * shape.columns)
      for index in 0..<centres.count {
        centres[index] = X.row(31 * (index / shape.columns) + 5)[index % shape.columns]
      }
      #expect(pass.look(kernels, centres, all: true) == (try pass.nearest(centres)))
      let first = pass.nears.elements
      // Centres move, the last one not, and only rows that this may concern are looked at.
      for step in 0..<6 {
        var moves = [Double](repeating: 0, count: shape.centres)
        for centre in 0..<(shape.centres - 1) {
          for column in 0..<shape.columns {
            let move = random.normal() * (step == 3 ? 0.5 : 0.02)
            let place = centre * shape.columns + column
            let before = centres[place]
            centres[place] += kind == .fine ? 1e-13 * move : move
            moves[centre] += (centres[place] - before) * (centres[place] - before)
          }
          moves[centre] = moves[centre].squareRoot()
        }
        for centre in 0..<shape.centres {
          pass.moved[centre] += moves[centre]
          let others = moves.indices.filter { $0 != centre }.map { moves[$0] }.max() ?? 0
          pass.drifts[centre] += (moves[centre] + others) * (1 + 1e-12)
          let gaps = (0..<shape.centres).filter { $0 != centre }.map { other in
            (0..<shape.columns).reduce(0.0) { sum, column in
              let gap =
                centres[centre * shape.columns + column] - centres[other * shape.columns + column]
              return sum + gap * gap
            }
          }
          let half = (gaps.min() ?? 0).squareRoot() / 2 - pass.moved[centre]
          pass.reaches[centre] = Float(half - abs(half) * 1e-6)
        }
        let found = pass.look(kernels, centres, all: false)
        let expected = try pass.nearest(centres)
        // Where two are equally near to the last bit, a row may stay where it is.
        for row in 0..<X.rows where found[row] != expected[row] {
          #expect(try apart(pass, centres, row, Int(found[row]), Int(expected[row])) == 0)
        }
      }
      results.append([first, pass.gaps.elements, pass.nears.elements])
      random = Random(seed: 1, stream: 3)
    }
    let isSame = results.allSatisfy { $0 == results[0] }
    #expect(isSame)
  }

  private func apart(
    _ pass: Pass, _ centres: Buffer<Double>, _ row: Int, _ a: Int, _ b: Int
  ) throws -> Double {
    func squared(_ centre: Int) -> Double {
      (0..<pass.panels.columns).reduce(0.0) { sum, column in
        let gap = pass.panels.value(row, column) - centres[centre * pass.panels.columns + column]
        return sum + gap * gap
      }
    }
    return squared(a) - squared(b)
  }

  /// Sums of rows are the same whether the rows are taken from the caller's or from panels, and after rows
  /// were moved those of the clusters.
  @Test(arguments: [1, 3, 16, 21]) func sumsOfClusters(columns: Int) throws {
    let X = Table(90, columns) { row, column in Double(row * row % 17) + Double(column) / 8 }
    let panels = try RowPanels(X.matrix, call: Call(threads: 1))
    let lines = try #require(panels.lines)
    var results: [[Double]] = []
    for kernels in Self.builds {
      for fromLines in [true, false] {
        let sums = try Buffer<Double>(count: 3 * 4 * columns)
        let sizes = try Buffer<Int64>(count: 3)
        let labels = try Buffer([Int32](repeating: -1, count: 96))
        var all = ck_cluster_sums(
          values: fromLines ? lines.base : UnsafePointer(panels.values.base),
          row_step: fromLines ? Int64(lines.step) : 0, sums: sums.base, sizes: sizes.base,
          labels: labels.base)
        let numbers = try Buffer((0..<80).map { Int32($0) })
        let first = try Buffer((0..<80).map { Int32($0 / 7 % 3) })
        let second = try Buffer((0..<80).map { Int32($0 % 3) })
        kernels.moveRows(&all, 8, numbers.base, first.base, 80, columns)
        kernels.moveRows(&all, 8, numbers.base, second.base, 80, columns)
        #expect(sizes.elements == [27, 27, 26])
        for cluster in 0..<3 {
          for column in 0..<columns {
            let own = (0..<4).map { sums[(4 * cluster + $0) * columns + column] }.reduce(0, +)
            let expected = (0..<80).filter { $0 % 3 == cluster }.map { X.row(8 + $0)[column] }
            #expect(own == expected.reduce(0, +))
          }
        }
        sums.base.update(repeating: 0, count: sums.count)
        kernels.addRows(&all, 8, 80, columns)
        results.append(sums.elements)
      }
    }
    for result in results { #expect(result == results[0]) }
  }

  @Test(arguments: [1, 4, 9]) func panelsOfRowsInARow(columns: Int) throws {
    let X = Table(43, columns) { row, column in Double(100 * row + column) }
    for kernels in Self.builds {
      let panels = try Buffer<Double>(count: 48 * columns)
      #expect(kernels.load64(X.values, 8 * columns, 8, 43, columns, panels.base))
      for row in 0..<48 {
        for column in 0..<columns {
          let found = panels[((row >> 3) * columns + column) * 8 + (row & 7)]
          #expect(found == (row < 43 ? Double(100 * row + column) : 0))
        }
      }
      for row in [0, 13, 42] {
        for value in [Double.nan, .infinity] {
          let kept = X.values[row * columns + columns - 1]
          X.values[row * columns + columns - 1] = value
          #expect(!kernels.load64(X.values, 8 * columns, 8, 43, columns, panels.base))
          X.values[row * columns + columns - 1] = kept
        }
      }
    }
  }
}
