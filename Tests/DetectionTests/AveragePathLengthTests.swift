import Testing

@testable import Detection

@Test func averagePathLengthOfThePaper() {
  #expect(averagePathLength(1) == 0)
  #expect(averagePathLength(2) == 1)
  #expect(abs(averagePathLength(256) - 10.244770920) < 1e-8)
}
