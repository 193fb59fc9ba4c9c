/// Empirical cumulative distributions (Li, Zhao, Hu and others 2022): a row's score is the sum over the
/// features of -log of the smaller tail that its value cuts off.
///
/// The paper's third sum, each feature's tail by the sign of its skewness, never exceeds the larger of the
/// two tails, so taking the larger one feature by feature, as the authors' PyOD does, needs no skewness.
struct ECOD: DetectorClass {
  let info = DetectorInfo(
    name: "ECOD",
    description:
      "Rows far out in the tail of a feature's empirical distribution are anomalous; no parameters.",
    reference:
      "Li, Zhao, Hu, Botta, Ionescu, Chen: ECOD: Unsupervised Outlier Detection Using Empirical Cumulative"
      + " Distribution Functions, IEEE TKDE 2022",
    capabilities: [.explain],
    options: [.usualContamination])

  let usualContamination: Double? = 0.1

  func fit(
    _ training: Training, options: Options, previous: (any Model)?, call: Call
  ) throws(DetectionError) -> any Model {
    try TailModel.fit(training.X, call: call) { _ in { left, right in max(left, right) } }
  }

  func read(
    _ reader: inout ModelReader, options: Options, featureCount: Int
  ) throws(DetectionError) -> any Model {
    try TailModel.read(&reader, featureCount: featureCount)
  }
}
