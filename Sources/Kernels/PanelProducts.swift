// Products of panels (PanelLoading.swift), for few columns.

import CKernels

/// Replace values by (value - centre) * scale of their column.
public func standardisePanels(
  _ panels: UnsafeMutablePointer<Double>, count: Int, columns: Int,
  centres: UnsafePointer<Double>, scales: UnsafePointer<Double>
) {
  ck_standardise_panels(panels, Int64(count), Int64(columns), centres, scales)
}

/// Add up 8 lanes of each column, then of the products of each column with itself and those behind it.
public func addPanelProducts(
  _ panels: UnsafePointer<Double>, count: Int, columns: Int, sums: UnsafeMutablePointer<Double>
) {
  ck_add_panel_products(panels, Int64(count), Int64(columns), sums)
}

/// distances[row] = the sum of weights[j] * |x - w_j| over the columns w_j of a matrix, each of length 1;
/// `width` lie between its features.
public func weightedPanelDistances(
  _ panels: UnsafePointer<Double>, count: Int, columns: Int, matrix: UnsafePointer<Double>,
  width: Int, outputs: Int, weights: UnsafePointer<Double>,
  distances: UnsafeMutablePointer<Double>
) {
  ck_weighted_distances(
    panels, Int64(count), Int64(columns), matrix, Int64(width), Int64(outputs), weights, distances)
}
