struct Report {
  static let rows = 25
  let outcome: Outcome
  init(_ o: Outcome) { outcome = o }
  var html: String { "" }
}
