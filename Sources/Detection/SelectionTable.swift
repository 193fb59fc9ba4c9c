// Written by Benchmarks/detection/selection_table.py: measured, not made up. One row a detector.

extension DetectorProfile {
  /// Processor time that MachineSpeed's work took where the rows below were measured.
  static let referenceSeconds = 0.003

  static let all: [DetectorProfile] = []
}
