/// The checks, in their order. Each runs in a child process of its own.
enum CheckPhase: String, CaseIterable {
  case load, fit, options, shapes, rows, finite, determinism, threads, saving, damage, missing
  case mismatch, errors, explain
  case partialFit = "partial_fit"
  case labels, weights, cancellation, leaks, speed

  /// As the table calls it.
  var title: String {
    switch self {
    case .load: "load"
    case .options: "options"
    case .fit: "fit and score"
    case .shapes: "shapes and layouts"
    case .rows: "rows by themselves"
    case .finite: "finite scores"
    case .determinism: "determinism"
    case .threads: "scoring from threads"
    case .saving: "save and load"
    case .damage: "damaged models"
    case .missing: "missing values"
    case .mismatch: "other shapes"
    case .errors: "after errors"
    case .explain: "explain"
    case .partialFit: "partial_fit"
    case .labels: "labels"
    case .weights: "sample weights"
    case .cancellation: "cancellation"
    case .leaks: "leaks"
    case .speed: "speed"
    }
  }

  /// Where this fails, nothing that comes later can be looked at.
  var isGate: Bool { self == .load || self == .fit }

  /// Malloc fills what it gives with garbage, so that what is read before it is written shows. Not where
  /// time or memory is measured.
  var disturbsMemory: Bool { ![.cancellation, .leaks, .speed].contains(self) }

  /// Children that do the same work and must come to the same.
  var runs: Int { self == .determinism ? 2 : 1 }

  /// The check itself, in the child: a detail, or what is wrong as an error.
  func run(_ context: CheckContext) throws -> String {
    switch self {
    case .load: ""
    case .options: try context.checkOptions()
    case .fit: try context.checkFit()
    case .shapes: try context.checkShapes()
    case .rows: try context.checkRows()
    case .finite: try context.checkExtremes()
    case .determinism: try context.checkDeterminism()
    case .threads: try context.checkThreads()
    case .saving: try context.checkSaving()
    case .damage: try context.checkDamage()
    case .missing: try context.checkMissing()
    case .mismatch: try context.checkMismatch()
    case .errors: try context.checkErrors()
    case .explain: try context.checkExplain()
    case .partialFit: try context.checkPartialFit()
    case .labels: try context.checkLabels()
    case .weights: try context.checkWeights()
    case .cancellation: try context.checkCancellation()
    case .leaks: try context.checkLeaks()
    case .speed: try context.checkSpeed()
    }
  }
}
