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

/// The same after the centres have moved, as the drifts say.
public func reassignRows(
  _ rows: UnsafePointer<ck_cluster_rows>, count: Int, columns: Int, centres: UnsafePointer<Double>,
  centreCount: Int
) -> Int {
  Int(ck_reassign_rows(rows, Int64(count), Int64(columns), centres, Int64(centreCount)))
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

/// sums[8 * column + lane] += each lane's values, or their squares less the column's centre where there are
/// some.
public func addPanels(
  _ panels: UnsafePointer<Double>, count: Int, columns: Int, centres: UnsafePointer<Double>?,
  sums: UnsafeMutablePointer<Double>
) {
  ck_add_panels(panels, Int64(count), Int64(columns), centres, sums)
}
