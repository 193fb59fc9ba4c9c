import Testing

@testable import Detection

struct CallTests {
  @Test func threadsAreWithinReason() {
    #expect(Call(threads: 1 << 40).threads == 1024)
    #expect(Call(threads: 3).threads == 3)
    #expect(Call().threads >= 1)
  }

  @Test func aPartTellsItsShareOfTheWhole() {
    var told: [Double] = []
    let call = Call(progress: { fraction, _ in
      told.append(fraction)
      return fraction < 0.7
    })
    #expect(call.part(0.5...1).progress?(0.25, "fit") == true)
    #expect(call.part(0.5...1).progress?(0.5, "fit") == false)
    #expect(told == [0.625, 0.75])
  }
}
