// Written by Benchmarks/detection/selection_table.py: measured, not made up. One row a detector.

extension DetectorProfile {
  /// Processor time that MachineSpeed's work took where the rows below were measured.
  static let referenceSeconds = 0.002949

  static let all: [DetectorProfile] = [
    .init(
      "CBLOF", rocAUC: 0.8514, averagePrecision: 0.4106,
      fit: [(.one, 8.82e-05), (.n, 3.94e-08), (.nd, 7.81e-09), (.nd2, 2.48e-10), (.ndBeyond, 5.4e-09)],
      score: [(.one, 1.45e-05), (.n, 4.98e-09), (.nd, 6.86e-10), (.nd2, 4.28e-12), (.ndBeyond, 1.46e-10)],
      oneRow: [(.one, 1.38e-06), (.d, 1.59e-08)],
      memory: [(.n, 33.8), (.nd, 8.13)]),
    .init(
      "COPOD", rocAUC: 0.8500, averagePrecision: 0.3730,
      fit: [(.one, 3.84e-05), (.d, 4.46e-06), (.d2, 2.53e-08), (.ndLog, 2.04e-09), (.ndBeyond, 1.52e-08)],
      score: [(.one, 1.31e-05), (.nd, 5.46e-09), (.ndBeyond, 1.12e-08), (.ndRoot, 3.79e-11)],
      oneRow: [(.one, 1.21e-06), (.d, 6.04e-08), (.nd2, 4.4e-14)],
      memory: [(.nd, 36.1)]),
    .init(
      "ECOD", rocAUC: 0.8400, averagePrecision: 0.3797,
      fit: [(.one, 3.92e-05), (.d, 3e-06), (.d2, 2.38e-08), (.nd, 1.64e-08), (.ndBeyond, 1.49e-08), (.ndRoot, 5.44e-11)],
      score: [(.one, 1.3e-05), (.nd, 4.27e-09), (.ndLog, 1.99e-10), (.ndBeyond, 1.09e-08), (.ndRoot, 1.5e-11), (.n2d, 6.21e-14)],
      oneRow: [(.one, 1.23e-06), (.d, 6.08e-08), (.nd2, 4.32e-14)],
      memory: [(.nd, 35.9)]),
    .init(
      "EllipticEnvelope", rocAUC: 0.8758, averagePrecision: 0.4581,
      fit: [(.one, 0.00821), (.d, 0.00174), (.d3, 4.71e-07), (.n, 3.61e-06), (.nd, 2.28e-07), (.nd2, 4.09e-09)],
      score: [(.one, 1.37e-05), (.n, 5.21e-09), (.nd, 1.31e-09), (.nd2, 2.34e-11)],
      oneRow: [(.one, 1.32e-06), (.d, 6e-09), (.d2, 7.01e-11)],
      memory: [(.one, 4.43e+05), (.d2, 962), (.nd, 3.49)]),
    .init(
      "Ensemble", rocAUC: 0.8824, averagePrecision: 0.4118,
      fit: [(.one, 0.000925), (.n, 8.11e-07), (.ndLog, 7.73e-09), (.ndRoot, 9.54e-10)],
      score: [(.n, 1.69e-07), (.nLog, 5.25e-08), (.ndLog, 2.1e-09), (.ndRoot, 1.46e-09)],
      oneRow: [(.one, 4.07e-06), (.d, 8.71e-08), (.nd2, 1.1e-12)],
      memory: [(.one, 6.4e+05), (.n, 48.6), (.nd, 13.1)]),
    .init(
      "HBOS", rocAUC: 0.8148, averagePrecision: 0.3598,
      fit: [(.one, 6.81e-05), (.d, 8.07e-07), (.ndLog, 4.02e-10)],
      score: [(.one, 1.36e-05), (.nd, 1.92e-09), (.ndBeyond, 1.23e-10)],
      oneRow: [(.one, 1.2e-06), (.d, 1.23e-08)],
      memory: [(.one, 1.45e+05), (.n, 6.93)]),
    .init(
      "HalfSpaceTrees", rocAUC: 0.7640, averagePrecision: 0.3434,
      fit: [(.one, 0.000231), (.d, 1.86e-06), (.n, 1.71e-07), (.nd, 1.79e-09)],
      score: [(.one, 1.68e-05), (.n, 1.56e-07), (.ndLog, 1.18e-10)],
      oneRow: [(.one, 2.33e-06)],
      memory: [(.one, 3.71e+05), (.n, 8.29)]),
    .init(
      "IsolationForest", rocAUC: 0.8649, averagePrecision: 0.4330,
      fit: [(.one, 0.00106), (.n, 7.96e-10), (.nd2, 8.87e-12)],
      score: [(.one, 1.73e-05), (.n, 3.12e-07), (.nd, 9.26e-10), (.ndBeyond, 1.7e-10)],
      oneRow: [(.one, 1.99e-06)],
      memory: [(.one, 6.92e+05), (.d2, 384), (.n, 7.6)]),
    .init(
      "KNN", rocAUC: 0.7763, averagePrecision: 0.3320,
      fit: [(.n, 5.58e-07), (.ndLog, 3.48e-09), (.ndBeyond, 3.31e-08), (.ndRoot, 8.91e-10)],
      score: [(.nLog, 3.45e-08), (.ndRoot, 1.64e-09)],
      oneRow: [(.one, 2.48e-06), (.d, 4.55e-08), (.nd2, 1.68e-12)],
      memory: [(.n, 32), (.nd, 16.1)]),
    .init(
      "LODA", rocAUC: 0.8582, averagePrecision: 0.3956,
      fit: [(.one, 9.44e-05), (.d, 7.03e-07), (.n, 3.99e-07), (.ndLog, 3.15e-10)],
      score: [(.one, 2.12e-05), (.n, 1.74e-07), (.ndLog, 1.04e-10)],
      oneRow: [(.one, 3.03e-06), (.d, 6.75e-09)],
      memory: [(.one, 1.59e+05), (.n, 9.95), (.nd, 0.142)]),
    .init(
      "LocalOutlierFactor", rocAUC: 0.6750, averagePrecision: 0.2440,
      fit: [(.n, 1.11e-06), (.ndLog, 2.7e-09), (.ndRoot, 2.28e-09)],
      score: [(.n, 8.29e-07), (.ndRoot, 2.72e-09)],
      oneRow: [(.one, 3.1e-06), (.d, 2.56e-08), (.nd2, 2.51e-12)],
      memory: [(.n, 263), (.nd, 14.6)]),
    .init(
      "MAD", rocAUC: 0.8544, averagePrecision: 0.4174,
      fit: [(.one, 4.01e-05), (.d, 2.46e-06), (.d2, 3.34e-08), (.nd, 1.19e-08), (.ndBeyond, 8.86e-10)],
      score: [(.one, 1.31e-05), (.nd, 6.95e-10), (.ndLog, 1.17e-11), (.ndBeyond, 6.94e-11)],
      oneRow: [(.one, 1.16e-06), (.d, 1.09e-08)],
      memory: [(.one, 4.37e+04), (.n, 12.2), (.nd, 8.1)]),
    .init(
      "OneClassSVM", rocAUC: 0.8081, averagePrecision: 0.4098,
      fit: [(.ndBeyond, 5.47e-08), (.nRoot, 3.29e-08), (.ndRoot, 2.16e-09), (.n2, 2.74e-10)],
      score: [(.one, 1.72e-05), (.ndRoot, 1.3e-10), (.n2, 3.2e-10), (.n2d, 1.83e-11)],
      oneRow: [(.one, 1.71e-06), (.n, 1.23e-09), (.nd, 8.18e-11)],
      memory: [(.one, 8.02e+06), (.d2, 2.71e+03), (.n, 423)]),
    .init(
      "PCA", rocAUC: 0.8368, averagePrecision: 0.3854,
      fit: [(.one, 8.51e-05), (.d, 1.68e-06), (.d3, 5.33e-10), (.nd, 5.2e-09), (.nLog, 1.93e-09), (.nd2, 7.91e-11)],
      score: [(.one, 1.37e-05), (.n, 2.01e-08), (.nd, 3.63e-09), (.nd2, 5.01e-11)],
      oneRow: [(.one, 1.4e-06), (.d, 1.67e-08), (.d2, 1.5e-10)],
      memory: [(.one, 1.19e+05), (.n, 14.1), (.nd, 0.443)]),
    .init(
      "RobustRandomCutForest", rocAUC: 0.8506, averagePrecision: 0.3441,
      fit: [(.one, 0.0248), (.n, 3.1e-06), (.nd, 1.86e-06), (.nd2, 1.35e-08)],
      score: [(.n, 1.38e-05), (.nd, 2.49e-07), (.nd2, 1.52e-08)],
      oneRow: [(.one, 1.89e-05), (.d, 1.13e-06), (.d3, 1.18e-10)],
      memory: [(.one, 4.25e+06), (.d2, 6.35e+03), (.nd, 4.12)]),
    .init(
      "SGDOneClassSVM", rocAUC: 0.8093, averagePrecision: 0.4154,
      fit: [(.one, 0.000434), (.n, 4.2e-07), (.nd, 1.15e-08)],
      score: [(.one, 1.47e-05), (.n, 8.03e-08), (.nd, 5.65e-09)],
      oneRow: [(.one, 2.06e-06), (.d, 1.98e-08)],
      memory: [(.one, 8.18e+06)]),
  ]
}
