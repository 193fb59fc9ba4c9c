import Testing

@testable import Detection

/// Options whose text names detectors or numbers.
struct NestedOptionTests {
  private static let list = OptionSpec(
    "detectors", "Some.", default: .string("[KNN]"), form: .detectors)
  private static let one = OptionSpec("detector", "One.", default: .string("KNN"), form: .detector)
  private static let numbers = OptionSpec(
    "weights", "Some.", default: .string("equal"), choices: ["equal"], form: .numbers)

  @Test(arguments: [
    ("KNN", "[KNN]"),
    ("[KNN]", "[KNN]"),
    (" [ KNN , PCA ( ) ] ", "[KNN, PCA]"),
    ("KNN(metric=manhattan, n_neighbors = 3)", "[KNN(n_neighbors=3, metric=\"manhattan\")]"),
    ("KNN(metric=\"manhattan\")", "[KNN(metric=\"manhattan\")]"),
    ("KNN(n_neighbors=5)", "[KNN(n_neighbors=5)]"),
    ("HBOS(alpha=1), MAD", "[HBOS(alpha=1.0), MAD]"),
    ("PCA(whiten=true)", "[PCA(whiten=true)]"),
    ("SlidingWindow(detector=\"KNN(p=3)\")", "[SlidingWindow(detector=KNN(p=3.0))]"),
    (
      "Ensemble(combination=median, detectors=[KNN, Ensemble(detectors=PCA)])",
      "[Ensemble(detectors=[KNN, Ensemble(detectors=[PCA])], combination=\"median\")]"
    ),
  ]) func oneTextForEachMeaning(written: String, kept: String) throws {
    #expect(try Self.list.accept(.string(written)) == .string(kept))
    #expect(try Self.list.accept(.string(kept)) == .string(kept))
  }

  @Test(arguments: [
    ("", "at character 1: a detector's name is missing"),
    ("KNN,", "at character 5: a detector's name is missing"),
    ("[KNN, Ümlaut]", "at character 7: a detector is written"),
    ("[KNN, Oracle]", "at character 7: there is no detector \"Oracle\"; the detectors are C"),
    ("KNN(n_neighbors=3", "at character 4: \"(\" is never closed"),
    ("KNN)", "at character 4: \")\" closes nothing"),
    ("[KNN)", "at character 5: \")\" does not close \"[\""),
    ("KNN(p=2) x", "at character 11: there is text behind the options of KNN"),
    ("KNN(n_neighbors)", "at character 5: option=value is expected"),
    ("KNN(n_neighbors=)", "at character 16: option n_neighbors has no value"),
    ("KNN(k=3)", "at character 5: KNN: there is no option \"k\""),
    ("KNN(n_neighbors=0)", "at character 17: KNN: option n_neighbors: 0 (int) is not allowed"),
    ("KNN(p=2, p=3)", "at character 10: option p is given twice"),
    ("KNN(metric=\"l1)", "at character 12: the quotation mark is never closed"),
    ("KNN(metric=\"l1\"2)", "at character 16: there is text behind the quotation mark"),
    (
      "Ensemble(detectors=[Ensemble(detectors=[Ensemble(detectors=[KNN])])])",
      "detectors are nested more than 3 deep"
    ),
    ("SlidingWindow(detector=KNN, window=0)", "at character 36: SlidingWindow: option window: 0"),
    ("SlidingWindow(detector=[KNN, PCA])", "at character 24: SlidingWindow: at character 1"),
  ]) func faultsSayWhere(text: String, expected: String) {
    let error = #expect(throws: DetectionError.self) { try Self.list.accept(.string(text)) }
    #expect(error?.status == .invalidOption)
    #expect(error?.message.hasPrefix("option detectors: ") == true)
    #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
    #expect(error?.message.hasSuffix("; allowed: \(Self.list.allowed)") == true)
  }

  @Test func oneDetectorIsNotAList() throws {
    #expect(try Self.one.accept(.string("KNN(p=1)")) == .string("KNN(p=1.0)"))
    for text in ["KNN, PCA", "[KNN]", "KNN, "] {
      #expect(throws: DetectionError.self) { try Self.one.accept(.string(text)) }
    }
    #expect(throws: DetectionError.self) { try Self.one.accept(.int(3)) }
  }

  @Test func textsAreBounded() throws {
    let most = [String](repeating: "MAD", count: NestedDetector.mostInList)
    #expect(try Self.list.accept(.string(most.joined(separator: ","))) != .string(""))
    for text in [
      (most + ["MAD"]).joined(separator: ","), String(repeating: "(", count: 70_000),
      "KNN(" + String(repeating: " ", count: 70_000) + ")",
    ] {
      #expect(throws: DetectionError.self) { try Self.list.accept(.string(text)) }
    }
    // Brackets to any depth are read without recursion.
    #expect(throws: DetectionError.self) {
      try Self.list.accept(.string(String(repeating: "[", count: 60_000)))
    }
  }

  @Test func everyCutAndChangeOfATextIsAnErrorOrAnotherText() {
    let text = "[KNN(metric=\"manhattan\", n_neighbors=3), SlidingWindow(detector=MAD)]"
    let bytes = Array(text.utf8)
    for index in bytes.indices {
      _ = try? Self.list.accept(.string(String(decoding: bytes[..<index], as: UTF8.self)))
      _ = try? Self.list.accept(.string(String(decoding: bytes[index...], as: UTF8.self)))
      for byte in "([,=\"\\)] ".utf8 {
        var changed = bytes
        changed[index] = byte
        if case .string(let kept)? = try? Self.list.accept(
          .string(String(decoding: changed, as: UTF8.self)))
        {
          #expect((try? Self.list.accept(.string(kept))) == .string(kept))
        }
      }
    }
  }

  @Test func numbers() throws {
    #expect(try Self.numbers.accept(.string("equal")) == .string("equal"))
    #expect(try Self.numbers.accept(.string("1, 0.5,2e3")) == .string("[1.0, 0.5, 2000.0]"))
    for text in ["", "[]", "1,,2", "-1", "nan", "inf", "1 2", "unequal"] {
      #expect(throws: DetectionError.self, "\(text)") { try Self.numbers.accept(.string(text)) }
    }
    var options = Options([Self.numbers])
    try options.set("weights", text: "3")
    #expect(try options.numbers("weights") == [3])
  }

  @Test func seedsGoWhereNoneIsGiven() throws {
    let texts = ["IsolationForest", "KNN", "SlidingWindow(detector=LODA)", "IsolationForest(random_state=0)"]
    let seeded = try texts.map { try NestedDetector.read($0, list: false)[0].seeded(7, stream: 2).text }
    #expect(seeded[0].hasPrefix("IsolationForest(random_state="))
    #expect(seeded[1] == "KNN")
    #expect(seeded[2].hasPrefix("SlidingWindow(detector=LODA(random_state="))
    #expect(seeded[3] == texts[3])
    let again = try NestedDetector.read(texts[0], list: false)[0]
    #expect(try again.seeded(7, stream: 2).text == seeded[0])
    #expect(try again.seeded(7, stream: 3).text != seeded[0])
    #expect(try again.seeded(8, stream: 2).text != seeded[0])
  }
}
