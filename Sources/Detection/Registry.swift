import Glibc

/// The detectors there are, in alphabetical order of their names. Plugins add to them; none is ever taken
/// away.
public enum Registry {
  private static let store = Store([
    CBLOF(), COPOD(), ECOD(), EllipticEnvelope(), HBOS(), HalfSpaceTrees(), IsolationForest(), KNN(), LODA(),
    LocalOutlierFactor(), MAD(), MatrixProfile(), OneClassSVM(), PCA(), RobustRandomCutForest(),
    SGDOneClassSVM(),
  ])

  public static var classes: [any DetectorClass] { store.classes }

  public static func find(_ name: String) throws(DetectionError) -> any DetectorClass {
    let classes = classes
    if let found = classes.first(where: { $0.info.name == name }) { return found }
    let names = classes.map(\.info.name).joined(separator: ", ")
    throw DetectionError(
      .unknownDetector, "there is no detector \"\(name)\"; the detectors are \(names)")
  }

  /// Add all of them, or none when one's name is taken: that name is returned.
  public static func add(_ newClasses: [any DetectorClass]) -> String? { store.add(newClasses) }
}

private final class Store: @unchecked Sendable {
  private var lock = pthread_mutex_t()
  private var sorted: [any DetectorClass]

  init(_ builtIn: [any DetectorClass]) {
    pthread_mutex_init(&lock, nil)
    sorted = Store.sort(builtIn)
  }

  var classes: [any DetectorClass] {
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    return sorted
  }

  func add(_ newClasses: [any DetectorClass]) -> String? {
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    var names = Set(sorted.map(\.info.name))
    for name in newClasses.map(\.info.name) where !names.insert(name).inserted { return name }
    sorted = Store.sort(sorted + newClasses)
    return nil
  }

  private static func sort(_ classes: [any DetectorClass]) -> [any DetectorClass] {
    classes.sorted { $0.info.name < $1.info.name }
  }
}
