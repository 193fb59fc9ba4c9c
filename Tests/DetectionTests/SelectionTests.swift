import Glibc
import Testing

@testable import Detection

struct SelectionTests {
  private func ranked(
    _ rows: Int, _ columns: Int, _ change: (inout SelectionRequest) -> Void = { _ in }
  ) throws -> [Selection] {
    var request = SelectionRequest(rows: rows, columns: columns)
    request.speed = 1
    change(&request)
    return try request.ranked()
  }

  @Test func guideIsTheRuleOfThePerformanceGuide() throws {
    let expected: [(Int, Bool, String)] = [
      (1, true, "LocalOutlierFactor"), (9_999, true, "LocalOutlierFactor"),
      (10_000, true, "EllipticEnvelope"), (9_999, false, "EllipticEnvelope"),
      (100_000, false, "EllipticEnvelope"), (100_001, true, "OneClassSVM"),
      (1_000_000, false, "OneClassSVM"), (1_000_001, false, "IsolationForest"),
      (1_000_001, true, "IsolationForest"),
    ]
    for (rows, realTime, name) in expected {
      let found = try ranked(rows, 5) {
        $0.policy = .guide
        $0.realTime = realTime
      }
      #expect(found.map(\.name) == [name], "\(rows) \(realTime)")
    }
  }

  @Test func everyDetectorIsInTheListOnce() throws {
    let found = try ranked(1000, 5)
    #expect(Set(found.map(\.name)) == Set(Registry.classes.map(\.info.name)))
    #expect(found.count == Registry.classes.count)
    #expect(found.map(\.order) == found.map(\.order).sorted())
  }

  @Test func rowsOfTheTableAreOfDetectorsThatThereAre() throws {
    #expect(DetectorProfile.all.count >= 11)
    #expect(Set(DetectorProfile.all.map(\.name)).count == DetectorProfile.all.count)
    for profile in DetectorProfile.all {
      _ = try Registry.find(profile.name)
      #expect((0.5...1).contains(profile.rocAUC) && (0...1).contains(profile.averagePrecision))
      for model in [profile.fit, profile.score, profile.oneRow, profile.memory] {
        #expect(!model.isEmpty && model.allSatisfy { $0.1 > 0 })
        let small = DetectorProfile.cost(model, 1000, 5)
        #expect(small > 0 && DetectorProfile.cost(model, 1_000_000, 50) >= small)
      }
    }
  }

  @Test func builtInDetectorsHaveARowOrReadSeries() throws {
    let measured = Set(DetectorProfile.all.map(\.name))
    // RunningMean: other tests' own, which may stand there by now.
    for info in Registry.classes.map(\.info) where info.origin == nil && info.name != "RunningMean" {
      #expect(measured.contains(info.name) != info.capabilities.contains(.series), "\(info.name)")
    }
    for one in try ranked(1000, 5) where ["MatrixProfile", "SlidingWindow"].contains(one.name) {
      #expect(!one.fits && one.reason.contains("the steps of a series"))
    }
  }

  @Test func whatNobodyMeasuredIsNotSaidToFit() throws {
    let found = try ranked(1000, 1) { $0.capabilities = .series }
    let series = try #require(found.first { $0.name == "MatrixProfile" })
    #expect(!series.fits && series.order == 1 && !series.isMeasured)
    #expect(series.reason.contains("nor whether it keeps within the limits"))
    let last = try #require(found.first { $0.name == "KNN" })
    #expect(last.order == 2 && last.reason.contains("it does not read series"))
  }

  @Test func theGuidesComesFirstUnlessAnotherIsMeasurablyBetter() throws {
    #expect(try ranked(1000, 5)[0].name == "EllipticEnvelope")
    // LocalOutlierFactor in real time, OneClassSVM for many rows: far below the best by what was measured.
    let quick = try ranked(1000, 5) { $0.realTime = true }
    #expect(quick[0].name != "LocalOutlierFactor")
    #expect(try ranked(200_000, 5)[0].name != "OneClassSVM")
    #expect(try ranked(2_000_000, 5)[0].name == "IsolationForest")
  }

  @Test func reasonsEndWhereASentenceEnds() throws {
    let found = try ranked(1 << 48, 1 << 48) {
      $0.capabilities = [.partialFit, .explain, .missingValues, .sampleWeight, .warmStart, .series]
      $0.maxFitSeconds = 1e-9
      $0.maxRowSeconds = 1e-12
      $0.maxMemory = 1
    }
    for one in found {
      #expect(one.reason.utf8.count <= 383 && one.reason.hasSuffix("."), "\(one.reason)")
      #expect(!one.reason.contains("about more"))
    }
    #expect(found.contains { $0.reason.contains("it needs more than 10^15") })
  }

  @Test func termsAreWhatTheirNamesSay() {
    let (n, d) = (1023.0, 3.0)
    let expected: [(CostTerm, Double)] = [
      (.one, 1), (.d, 3), (.d2, 9), (.d3, 27), (.n, n), (.nd, 3 * n), (.nLog, 10 * n),
      (.ndLog, 30 * n), (.nd2, 9 * n), (.ndBeyond, 0), (.nRoot, n * n.squareRoot()),
      (.ndRoot, 3 * n * n.squareRoot()), (.n2, n * n), (.n2d, 3 * n * n),
    ]
    for (term, value) in expected { #expect(abs(term.value(n, d) - value) <= 1e-12 * value) }
    #expect(CostTerm.ndBeyond.value(131_072, 4) == 1_048_576)
  }

  @Test func limitsPutDetectorsLastWithTheReason() throws {
    let free = try ranked(200_000, 10)
    let slow = try #require(free.last { $0.fits })
    let tight = try ranked(200_000, 10) { $0.maxFitSeconds = slow.fitSeconds / 2 }
    let it = try #require(tight.first { $0.name == slow.name })
    #expect(!it.fits && it.reason.contains("fitting takes about") && it.reason.contains("the limit is"))
    #expect(tight.drop { $0.fits }.contains { $0.name == slow.name })
    let small = try ranked(200_000, 10) { $0.maxMemory = 1000 }
    #expect(small.allSatisfy { !$0.fits && ($0.memory.isNaN || $0.reason.contains("it needs about")) })
    let quick = try ranked(50_000, 10) {
      $0.realTime = true
      $0.maxRowSeconds = 5e-6
    }
    #expect(quick.contains { !$0.fits && $0.reason.contains("scoring one row takes") })
    #expect(quick[0].fits && quick[0].rowSeconds <= 5e-6)
  }

  @Test func needsAreHeld() throws {
    let found = try ranked(1000, 5) { $0.capabilities = [.missingValues, .explain] }
    #expect(found[0].name == "IsolationForest" && found[0].fits)
    for one in found where !one.fits { #expect(one.reason.contains("missing values")) }
    for one in found {
      let has = try Registry.find(one.name).info.capabilities.contains([.missingValues, .explain])
      #expect(one.meets == has || one.reason.contains("series"))
    }
  }

  @Test func speedScalesTimesAlone() throws {
    let one = try ranked(5000, 8)
    let two = try ranked(5000, 8) { $0.speed = 2 }
    // Of what was not measured no time is told.
    for selection in one where !selection.fitSeconds.isNaN {
      let other = try #require(two.first { $0.name == selection.name })
      #expect(other.fitSeconds == selection.fitSeconds / 2)
      #expect(other.rowSeconds == selection.rowSeconds / 2)
      #expect(other.memory == selection.memory)
    }
    #expect(MachineSpeed.measured > 0.01 && MachineSpeed.measured < 100)
  }

  @Test func hugeShapesAreAnswered() throws {
    let found = try ranked(1 << 48, 1 << 48) { $0.realTime = true }
    #expect(found.allSatisfy { !$0.fits || !$0.isMeasured })
  }

  @Test func badRequestsAreNamed() {
    for (rows, columns) in [(0, 5), (5, 0), (-1, 5), (1 << 49, 5)] {
      #expect(throws: DetectionError.self) { try ranked(rows, columns) }
    }
    for value in [-1.0, 0, .nan] {
      #expect(throws: DetectionError.self) { try ranked(5, 5) { $0.maxFitSeconds = value } }
      #expect(throws: DetectionError.self) { try ranked(5, 5) { $0.speed = value } }
    }
  }

  @Test func numbersAsPeopleSayThem() {
    #expect(Words.duration(2.34e-6) == "2.3 µs")
    #expect(Words.duration(0.0451) == "45 ms")
    #expect(Words.duration(7.26) == "7.3 s")
    #expect(Words.duration(300) == "5.0 min")
    #expect(Words.duration(1e30) == "more than 10^15 days")
    #expect(Words.size(4.1e6) == "4.1 MB")
    #expect(Words.size(8e9) == "8.0 GB")
    #expect(Words.thousandths(0.0449) == "0.045")
    #expect(Words.thousandths(1) == "1.000")
  }
}
