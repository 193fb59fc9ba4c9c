/// The detectors there are, in alphabetical order of their names.
public enum Registry {
  public static let classes: [any DetectorClass] = [EllipticEnvelope(), IsolationForest()]

  public static func find(_ name: String) throws(DetectionError) -> any DetectorClass {
    if let found = classes.first(where: { $0.info.name == name }) { return found }
    let names = classes.map(\.info.name).joined(separator: ", ")
    throw DetectionError(
      .unknownDetector, "there is no detector \"\(name)\"; the detectors are \(names)")
  }
}
