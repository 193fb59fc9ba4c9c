import CKernels
import Kernels

#if arch(x86_64)
  import KernelsV3
#endif

/// The inner loops of the neighbour search, of the build that suits this processor.
struct NeighbourKernels: Sendable {
  let searchTree:
    @Sendable (
      UnsafePointer<ck_neighbour_tree>, UnsafePointer<Double>, UInt32,
      UnsafeMutablePointer<ck_neighbours>, UnsafeMutablePointer<ck_pending>
    ) -> Void
  let searchBounded:
    @Sendable (
      UnsafePointer<ck_neighbour_tree>, UnsafePointer<Double>, UnsafePointer<UInt32>,
      UnsafeMutablePointer<ck_neighbours>, UnsafePointer<ck_candidates>,
      UnsafeMutablePointer<ck_pending>
    ) -> Void
  let searchTogether:
    @Sendable (
      UnsafePointer<ck_neighbour_tree>, Int, UnsafePointer<UnsafePointer<Double>?>,
      UnsafePointer<UnsafePointer<UInt32>?>, UnsafeMutablePointer<ck_neighbours>,
      UnsafePointer<ck_candidates>, UnsafeMutablePointer<Double>, UnsafeMutablePointer<ck_pending>
    ) -> Void
  let nearestQuery: @Sendable (UnsafePointer<Double>, Int, UnsafePointer<Double>, Int) -> Int
  let takeRoots: @Sendable (UnsafeMutablePointer<Double>, Int) -> Void
  let scanBlocks:
    @Sendable (
      UnsafePointer<ck_neighbour_tree>, Int, UnsafePointer<Double>, UInt32,
      UnsafeMutablePointer<ck_neighbours>
    ) -> Void
  let locate: @Sendable (UnsafePointer<ck_neighbour_tree>, UnsafePointer<Double>) -> UInt32
  let scanRows:
    @Sendable (
      UnsafePointer<ck_row_store>, Int, Int, UnsafePointer<Double>, UInt32,
      UnsafeMutablePointer<ck_neighbours>
    ) -> Void
  let filterPanels: @Sendable (UnsafePointer<ck_row_store>, UnsafePointer<ck_query_group>, Int, Int) -> Void
  let dotLimit: @Sendable (UnsafePointer<ck_row_store>, Double, Double) -> Float
  let sortNeighbours: @Sendable (UnsafeMutablePointer<ck_neighbours>, UnsafePointer<UInt32>) -> Void
  let selectKeys: @Sendable (UnsafeMutablePointer<ck_key>, Int, Int, () -> Bool) -> Void

  static let baseline = NeighbourKernels(
    searchTree: Kernels.searchTree, searchBounded: Kernels.searchBounded,
    searchTogether: Kernels.searchTogether, nearestQuery: Kernels.nearestQuery,
    takeRoots: Kernels.takeRoots, scanBlocks: Kernels.scanBlocks, locate: Kernels.locate,
    scanRows: Kernels.scanRows, filterPanels: Kernels.filterPanels, dotLimit: Kernels.dotLimit,
    sortNeighbours: Kernels.sortNeighbours, selectKeys: Kernels.selectKeys)

  #if arch(x86_64)
    static let x86v3 = NeighbourKernels(
      searchTree: KernelsV3.searchTree, searchBounded: KernelsV3.searchBounded,
      searchTogether: KernelsV3.searchTogether, nearestQuery: KernelsV3.nearestQuery,
      takeRoots: KernelsV3.takeRoots, scanBlocks: KernelsV3.scanBlocks,
      locate: KernelsV3.locate,
      scanRows: KernelsV3.scanRows, filterPanels: KernelsV3.filterPanels,
      dotLimit: KernelsV3.dotLimit, sortNeighbours: KernelsV3.sortNeighbours,
      selectKeys: KernelsV3.selectKeys)
  #endif

  /// The build that ``KernelTable/chosen`` is of.
  static let chosen: NeighbourKernels = {
    #if arch(x86_64)
      if KernelTable.chosen.name.description == KernelTable.x86v3.name.description { return x86v3 }
    #endif
    return baseline
  }()
}
