// Joins of series, 16 diagonals at a time: for each window of one series, how alike the most alike window of
// the other is.

import CKernels

/// Take the correlations of the cells into `row_best` and `column_best`, those of them that are there.
public func correlateDiagonals(_ join: UnsafePointer<ck_join>) {
  switch (join.pointee.row_best != nil, join.pointee.column_best != nil) {
  case (true, true): ck_correlate(join, 1, 1)
  case (true, false): ck_correlate(join, 1, 0)
  default: ck_correlate(join, 0, 1)
  }
}

/// The same with less the squared distances.
public func measureDiagonals(_ join: UnsafePointer<ck_join>) {
  switch (join.pointee.row_best != nil, join.pointee.column_best != nil) {
  case (true, true): ck_measure(join, 1, 1)
  case (true, false): ck_measure(join, 1, 0)
  default: ck_measure(join, 0, 1)
  }
}

/// best[row] = the greatest of itself and of the row's four.
public func takeRowBest(
  _ rows: UnsafePointer<Double>, count: Int, best: UnsafeMutablePointer<Double>
) {
  for row in 0..<count {
    let four = UnsafeRawPointer(rows + 4 &* row).loadUnaligned(as: SIMD4<Double>.self)
    var most = four[0] > four[1] ? four[0] : four[1]
    most = four[2] > most ? four[2] : most
    most = four[3] > most ? four[3] : most
    best[row] = most > best[row] ? most : best[row]
  }
}
