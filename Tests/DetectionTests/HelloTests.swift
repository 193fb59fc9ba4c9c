import Testing
@testable import Detection
@Test func hello() { #expect(hello2() == 1) }
