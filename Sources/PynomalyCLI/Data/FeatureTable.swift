import Tables

/// A table together with what its columns are for.
struct FeatureTable {
  let table: Table
  let words: TableWords
  let plan: ColumnPlan
  let featureNames: [String]
  let labelName: String?
  /// Columns that are no features but may tell a person which row it is.
  let identifying: [Int]

  /// One pass over the rows.
  func chunks(
    _ session: Session, kept: [Chunk] = [], threads: Int,
    work: @escaping ChunkStream.Work = { _ in }
  ) -> ChunkStream {
    table.chunks(
      plan, kept: kept, threads: threads, interrupted: { session.isInterrupted }, work: work)
  }

  /// The texts by which a person knows the row that begins at this place of the file.
  func identity(at offset: Int64) -> [(String, String)] {
    guard !identifying.isEmpty, let texts = try? table.texts(at: offset) else { return [] }
    return identifying.prefix(3).filter(texts.indices.contains).map {
      (table.names[$0], printable(texts[$0].utf8))
    }
  }

  /// Turns errors of the table into words.
  func explaining<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as TableError {
      throw words.failure(error)
    } catch let error as LibraryError {
      if error.isCancelled { throw words.failure(.interrupted) }
      throw Failure("\(words.path): \(error.message)")
    }
  }
}

/// Finds out what each column is for.
struct ColumnChooser {
  let table: Table
  var words: TableWords
  let options: TableOptions
  let labelName: String?

  init(_ table: Table, _ options: TableOptions, labelName: String?) {
    self.table = table
    self.options = options
    self.labelName = labelName
    words = TableWords(path: options.displayName, options: options, names: table.names)
    words.guessedNoHeader = options.header == nil && !table.hasHeader
  }

  /// The features of a fit: the columns asked for, or all but the dropped and the label.
  func forFitting(_ detector: Detector, oneHot: [String], session: Session) throws -> FeatureTable {
    var words = words
    words.offersOneHot = true
    let cells = missingValues(of: detector, canSet: true, &words)
    let encoded = Set(try places(oneHot, "--one-hot"))
    let chosen = try chosenColumns()
    guard !chosen.isEmpty else {
      throw Failure("\(words.path): no column is left to be a feature; the columns are \(known)")
    }
    if let lost = encoded.first(where: { !chosen.contains($0) }) {
      throw Failure(
        "--one-hot \(table.names[lost]): the column is not among the features", code: .usage)
    }
    let texts = try categories(encoded.sorted(), words, session)

    var roles = try baseRoles()
    var names: [String] = []
    for column in chosen {
      if let texts = texts[column] {
        roles[column] = .oneHot(first: names.count, categories: texts)
        names += texts.map { "\(table.names[column])=\($0)" }
      } else {
        roles[column] = .number(names.count)
        names.append(table.names[column])
      }
    }
    return featureTable(roles, cells, names, words)
  }

  /// The features that a model was fitted on, found by name in whatever order.
  func forScoring(_ detector: Detector) throws -> FeatureTable {
    var words = words
    let cells = missingValues(of: detector, canSet: false, &words)
    let chosen = try chosenColumns()
    guard let wanted = try detector.featureNames, table.hasHeader else {
      // Without names there is only the order.
      let count = try detector.featureCount
      guard chosen.count == count else {
        throw Failure(
          "\(words.path): has \(chosen.count) feature columns, the model \(count), and there are no"
            + " names to go by; choose with --columns or --drop")
      }
      var roles = try baseRoles()
      for (slot, column) in chosen.enumerated() { roles[column] = .number(slot) }
      return featureTable(roles, cells, chosen.map { table.names[$0] }, words)
    }

    var roles = try baseRoles()
    var missing: [String] = []
    var used: Set<Int> = []
    let columns = Dictionary(
      chosen.map { (table.names[$0], $0) }, uniquingKeysWith: { first, _ in first })
    for (slot, name) in wanted.enumerated() {
      if let column = columns[name] {
        roles[column] = .number(slot)
        used.insert(column)
      } else if let (column, text) = encodedColumn(name, columns) {
        if case .oneHot(let first, let texts) = roles[column], first + texts.count == slot {
          roles[column] = .oneHot(first: first, categories: texts + [text])
        } else {
          roles[column] = .oneHot(first: slot, categories: [text])
        }
        used.insert(column)
      } else {
        missing.append(name)
      }
    }
    guard missing.isEmpty else {
      throw Failure(
        "\(words.path): the model needs \(columnList(missing)), which the file has not; the columns"
          + " of the file are \(known)")
    }
    let extra = chosen.filter { !used.contains($0) }
    guard extra.isEmpty else {
      let names = extra.map { table.names[$0] }
      throw Failure(
        "\(words.path): the model knows nothing of \(columnList(names)); leave"
          + " \(names.count == 1 ? "it" : "them") out with --drop \(names.prefix(8).joined(separator: ","))"
      )
    }
    return featureTable(roles, cells, wanted, words)
  }

  /// The columns asked for, all of them numbers: what others are compared with.
  func forReference() throws -> FeatureTable {
    let chosen = try chosenColumns()
    guard !chosen.isEmpty else {
      throw Failure("\(words.path): no column is left to be compared; the columns are \(known)")
    }
    var roles = try baseRoles()
    for (slot, column) in chosen.enumerated() { roles[column] = .number(slot) }
    return featureTable(roles, .numbersOnly, chosen.map { table.names[$0] }, words)
  }

  /// The columns of a reference, found by name; the names of columns that it has not are told beside.
  func forComparing(with reference: FeatureTable) throws -> (FeatureTable, extra: [String]) {
    let wanted = reference.featureNames
    guard table.hasHeader, reference.table.hasHeader else {
      // Without names there is only the order.
      let own = try forReference()
      guard own.featureNames.count == wanted.count else {
        throw Failure(
          "\(words.path): has \(own.featureNames.count) columns to compare, \(reference.words.path)"
            + " \(wanted.count), and there are no names to go by; choose with --columns")
      }
      return (own, [])
    }
    let missing = wanted.filter { !table.names.contains($0) }
    guard missing.isEmpty else {
      throw Failure(
        "\(words.path): \(reference.words.path) has \(columnList(missing)), which this file has not; its"
          + " columns are \(known)")
    }
    var roles = try baseRoles()
    for (slot, name) in wanted.enumerated() {
      if let column = table.names.firstIndex(of: name) { roles[column] = .number(slot) }
    }
    let extra = table.names.filter { !wanted.contains($0) && !reference.table.names.contains($0) }
    return (featureTable(roles, .numbersOnly, wanted, words), extra)
  }

  /// Every column asked for, whatever is in it.
  func forDescribing() throws -> FeatureTable {
    let chosen = try chosenColumns()
    var roles = try baseRoles()
    for (slot, column) in chosen.enumerated() { roles[column] = .number(slot) }
    return featureTable(roles, .anything, chosen.map { table.names[$0] }, words)
  }

  private func featureTable(
    _ roles: [ColumnPlan.Role], _ cells: ColumnPlan.Cells, _ names: [String], _ words: TableWords
  ) -> FeatureTable {
    FeatureTable(
      table: table, words: words, plan: ColumnPlan(roles: roles, cells: cells),
      featureNames: names, labelName: labelName,
      identifying: roles.indices.filter { roles[$0] == .skip })
  }

  /// The column and the text of a feature that --one-hot made.
  private func encodedColumn(_ feature: String, _ columns: [String: Int]) -> (Int, String)? {
    for index in feature.indices where feature[index] == "=" {
      if let column = columns[String(feature[..<index])] {
        return (column, String(feature[feature.index(after: index)...]))
      }
    }
    return nil
  }

  /// All columns skipped but the label.
  private func baseRoles() throws -> [ColumnPlan.Role] {
    var roles = [ColumnPlan.Role](repeating: .skip, count: table.names.count)
    if let label = try labelPlace() { roles[label] = .label }
    return roles
  }

  private func labelPlace() throws -> Int? {
    try labelName.map { try places([$0], "--label-column", split: false)[0] }
  }

  private func chosenColumns() throws -> [Int] {
    let dropped = Set(try places(options.drop, "--drop"))
    let label = try labelPlace()
    let asked =
      options.columns.isEmpty
      ? Array(table.names.indices) : try places(options.columns, "--columns")
    var seen: Set<Int> = []
    return asked.filter { !dropped.contains($0) && $0 != label && seen.insert($0).inserted }
  }

  private func places(_ lists: [String], _ option: String, split: Bool = true) throws -> [Int] {
    let names = split ? TableOptions.names(lists, known: table.names) : lists
    return try names.map { name in
      guard let place = table.names.firstIndex(of: name) else {
        throw Failure(
          "\(words.path): there is no column \"\(printable(name.utf8))\" for \(option); the columns are \(known)"
        )
      }
      return place
    }
  }

  private var known: String { columnList(table.names) }

  private func columnList(_ names: [String]) -> String {
    let shown = names.prefix(40).map { "\"\(printable($0.utf8))\"" }.joined(separator: ", ")
    return shown + (names.count > 40 ? " and \(names.count - 40) more" : "")
  }

  /// Whether missing values may pass, and what to advise when not.
  private func missingValues(
    of detector: Detector, canSet: Bool, _ words: inout TableWords
  ) -> ColumnPlan.Cells {
    guard let option = detector.option("missing_values") else { return .numbersOnly }
    if option == .string("native") { return .missingAllowed }
    words.missingRemedy =
      canSet
      ? "have \(detector.name) take missing values as they are with --set missing_values=native"
      : "fit the model anew with --set missing_values=native"
    return .numbersOnly
  }

  /// The different texts of each column that --one-hot names, sorted.
  private func categories(
    _ columns: [Int], _ words: TableWords, _ session: Session
  ) throws -> [Int: [String]] {
    guard !columns.isEmpty else { return [:] }
    var roles = [ColumnPlan.Role](repeating: .skip, count: table.names.count)
    for (place, column) in columns.enumerated() { roles[column] = .collect(place) }
    let stream = table.chunks(
      ColumnPlan(roles: roles, cells: .numbersOnly), threads: session.threads,
      interrupted: { session.isInterrupted })
    defer { stream.stop() }
    var texts = columns.map { _ in Set<String>() }
    do {
      while let chunk = try stream.next() {
        for place in texts.indices {
          texts[place].formUnion(chunk.categories[place])
          if texts[place].count > maximumCategories {
            throw TableError.tooManyCategories(
              line: chunk.line(ofRow: 0), column: columns[place], limit: maximumCategories)
          }
        }
        stream.recycle(chunk)
      }
    } catch let error as TableError {
      throw words.failure(error)
    }
    return Dictionary(
      uniqueKeysWithValues: zip(
        columns,
        texts.map { $0.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) } }))
  }
}
