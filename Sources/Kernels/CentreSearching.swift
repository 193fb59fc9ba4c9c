// Which centre is nearest, and what k-means++ (Arthur, Vassilvitskii 2007) asks of candidates for one.

import CKernels

/// The nearest of the centres for each row of the panels, of equally near ones the first, and its squared
/// distance.
public func nearestCentres(
  _ panels: UnsafePointer<Double>, count: Int, columns: Int, centres: UnsafePointer<Double>,
  centreCount: Int, nearest: UnsafeMutablePointer<Int32>, distances: UnsafeMutablePointer<Double>
) {
  ck_nearest_centres(
    panels, Int64(count), Int64(columns), centres, Int64(centreCount), nearest, distances)
}

/// Find the nearest centre of every row; returns how many change, which are noted.
public func assignRows(
  _ rows: UnsafePointer<ck_cluster_rows>, count: Int, columns: Int, centres: UnsafePointer<Double>,
  centreCount: Int
) -> Int {
  Int(ck_assign_rows(rows, Int64(count), Int64(columns), centres, Int64(centreCount)))
}

/// The same in single precision where that decides, without distances. Unless `all`, after the centres have
/// moved, only the rows are looked at that the drifts leave open.
public func assignSingles(
  _ rows: UnsafePointer<ck_cluster_rows>, count: Int, columns: Int, centres: UnsafePointer<Double>,
  centreCount: Int, singles: UnsafePointer<ck_single_centres>, all: Bool
) -> Int {
  Int(
    ck_assign_singles(
      rows, Int64(count), Int64(columns), centres, Int64(centreCount), singles, all))
}

/// Replace squared distances by those from the centre where these are less; returns their sum.
public func bringCloser(
  _ panels: UnsafePointer<Double>, count: Int, columns: Int, centre: UnsafePointer<Double>,
  closest: UnsafeMutablePointer<Double>
) -> Double {
  ck_bring_closer(panels, Int64(count), Int64(columns), centre, closest)
}

/// What the sum of the squared distances would become with each of four candidates.
public func potentials(
  _ panels: UnsafePointer<Double>, count: Int, columns: Int, candidates: UnsafePointer<Double>,
  closest: UnsafePointer<Double>, sums: UnsafeMutablePointer<Double>
) {
  ck_potentials(panels, Int64(count), Int64(columns), candidates, closest, sums)
}

/// sums[8 * column + lane] += each lane's values.
public func addPanels(
  _ panels: UnsafePointer<Double>, count: Int, columns: Int, sums: UnsafeMutablePointer<Double>
) {
  ck_add_panels(panels, Int64(count), Int64(columns), sums)
}

/// Panels less the means, times a scale, in single precision, and the squares of their rows' lengths; returns
/// the sum of these.
public func makeSingles(
  _ panels: UnsafePointer<Double>, rows: Int, columns: Int, means: UnsafePointer<Double>,
  scale: Double, singles: UnsafeMutablePointer<Float>, squares: UnsafeMutablePointer<Float>
) -> Double {
  ck_make_singles(panels, Int64(rows), Int64(columns), means, scale, singles, squares)
}

/// ``potentials`` in single precision.
public func potentialsOfSingles(
  _ singles: UnsafePointer<Float>, squares: UnsafePointer<Float>, count: Int, columns: Int,
  candidates: UnsafePointer<Float>, lengths: UnsafePointer<Float>, closest: UnsafePointer<Float>,
  sums: UnsafeMutablePointer<Double>
) {
  ck_single_potentials(
    singles, squares, Int64(count), Int64(columns), candidates, lengths, closest, sums)
}

/// ``bringCloser`` in single precision.
public func bringSinglesCloser(
  _ singles: UnsafePointer<Float>, squares: UnsafePointer<Float>, count: Int, columns: Int,
  centre: UnsafePointer<Float>, length: Float, closest: UnsafeMutablePointer<Float>
) -> Double {
  ck_bring_singles_closer(singles, squares, Int64(count), Int64(columns), centre, length, closest)
}

/// Take rows out of the clusters that they are in, and into others.
public func moveRows(
  _ sums: UnsafePointer<ck_cluster_sums>, first: Int, changed: UnsafePointer<Int32>,
  fresh: UnsafePointer<Int32>, count: Int, columns: Int
) {
  ck_move_rows(sums, Int64(first), changed, fresh, Int64(count), Int64(columns))
}

/// Add rows to the sums of the clusters that they are in.
public func addRows(
  _ sums: UnsafePointer<ck_cluster_sums>, first: Int, count: Int, columns: Int
) {
  ck_add_rows(sums, Int64(first), Int64(count), Int64(columns))
}
