import Testing

@testable import Detection

/// What drift is made of, against counting by hand.
struct DriftTests {
  #if arch(x86_64)
    static let builds = [ColumnKernels.baseline, .x86v3]
  #else
    static let builds = [ColumnKernels.baseline]
  #endif

  /// Of all paths to (n, m), those that touch the band's edge, counted one by one.
  private func counted(_ distance: Int, _ n: Int, _ m: Int) -> Double {
    var (all, left) = (0, 0)
    func walk(_ i: Int, _ j: Int, _ touched: Bool) {
      let touched = touched || abs(i * m - j * n) >= distance
      if i == n, j == m {
        all += 1
        left += touched ? 1 : 0
        return
      }
      if i < n { walk(i + 1, j, touched) }
      if j < m { walk(i, j + 1, touched) }
    }
    walk(0, 0, false)
    return Double(left) / Double(all)
  }

  @Test func pathsAreCountedRight() throws {
    let room = try Buffer<Double>(count: 16)
    for n in 1...7 {
      for m in 1...7 {
        for distance in 1...(n * m) {
          let expected = counted(distance, n, m)
          for build in Self.builds {
            for index in 0..<16 { room[index] = .nan }  // nothing may be read before it was written
            let found = build.leavingShare(distance, n, m, room.base)
            #expect(abs(found - expected) <= 1e-14, "\(n) \(m) \(distance)")
          }
        }
      }
    }
  }

  @Test func bothBuildsGiveTheSameBits() throws {
    let room = try Buffer<Double>(count: 403)
    for (n, m) in [(400, 400), (1000, 37), (5, 300), (999, 400)] {
      for distance in stride(from: 1, to: n * m / 3, by: n * m / 17 + 1) {
        let found = Self.builds.map { $0.leavingShare(distance, n, m, room.base).bitPattern }
        #expect(Set(found).count == 1)
      }
    }
  }

  @Test func pValuesAreCorrected() {
    var options = DriftOptions()
    // Holm 1979 and Benjamini, Hochberg 1995, by hand.
    #expect(options.adjusted([0.01, 0.04, 0.03, 0.005]) == [0.03, 0.06, 0.06, 0.02])
    options.correction = .benjaminiHochberg
    #expect(options.adjusted([0.01, 0.04, 0.03, 0.005]) == [0.02, 0.04, 0.04, 0.02])
    #expect(options.adjusted([]).isEmpty)
  }

  @Test func levelsOfAllLooksSumToAlpha() {
    var options = DriftOptions()
    let sum = (1...100_000).reduce(0) { $0 + options.level(ofLook: $1) }
    #expect(sum <= options.alpha && sum > 0.9999 * options.alpha)
    options.spending = .eachLook
    #expect(options.level(ofLook: 7) == options.alpha)
  }

  @Test func theSameSharesHaveNoIndex() throws {
    let values = try Buffer<Double>(count: 100)
    for index in 0..<100 { values[index] = Double(index / 7) }
    let bins = StabilityBins(values)
    #expect(bins.index(of: values.base, 100) == 0)
    let other = try Buffer<Double>(count: 50)
    #expect(bins.index(of: other.base, 50) > 1)
  }

  @Test func theTailIsTheLikeliest() throws {
    var random = Random(seed: 1, stream: 0)
    for shape in [-0.4, 0, 0.5] {
      let excesses = try Buffer<Double>(count: 500)
      let truth = GeneralisedPareto(shape: shape, scale: 3)
      for index in 0..<500 { excesses[index] = truth.excess(exceededWith: 1 - random.unit()) }
      let found = GeneralisedPareto.fitted(to: excesses)
      let best = found.logLikelihood(excesses)
      #expect(best >= truth.logLikelihood(excesses))
      #expect(abs(found.shape - shape) < 0.2)
      for (s, g) in [(1.001, 0), (0.999, 0), (1, 0.001), (1, -0.001)] {
        let near = GeneralisedPareto(shape: found.shape + g, scale: found.scale * s)
        #expect(best >= near.logLikelihood(excesses))
      }
    }
  }
}
