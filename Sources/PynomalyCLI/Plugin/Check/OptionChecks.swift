import CPynomaly

extension CheckContext {
  /// Every option gives back what it is set to, keeps to its bounds, and its values can be fitted with.
  func checkOptions() throws -> String {
    let fresh = try Subject(name, report)
    var values = 0
    for option in description.options {
      report.step("option \(option.name)")
      let first = try fresh.option(option.name)
      guard first == option.defaultValue else {
        throw CheckFailure(
          "\(option.name): a new detector has \(first.text), the list says the default is"
            + " \(option.defaultValue.text)")
      }
      for value in option.allowedValues {
        try fresh.set(option.name, value)
        let read = try fresh.option(option.name)
        guard read == value else {
          throw CheckFailure("\(option.name): set to \(value.text), reads back as \(read.text)")
        }
        values += 1
      }
      for value in option.refusedValues {
        do {
          try fresh.set(option.name, value)
        } catch let error as LibraryError {
          guard error.has(PYN_ERROR_INVALID_OPTION) else {
            throw CheckFailure(
              "\(option.name) = \(value.text) is refused with \(error.words) in place of INVALID_OPTION")
          }
          try checkMessage(error, "\(option.name) = \(value.text)")
          continue
        }
        throw CheckFailure(
          "\(option.name) takes \(value.text), though it allows \(option.allowed) only")
      }
      try fresh.set(option.name, option.defaultValue)
    }
    do {
      try fresh.set("no_such_option", .int(1))
      throw CheckFailure("an option that there is not can be set")
    } catch let error as LibraryError {
      guard error.has(PYN_ERROR_UNKNOWN_OPTION) else { throw error }
    }
    let fits = try checkFitsWithOptions()
    return "\(description.options.count) options, \(values) values set and read back, \(fits) fitted with"
  }

  /// Fits with values at the edge, one option at a time; only those that cannot make the fit large.
  private func checkFitsWithOptions() throws -> Int {
    let data = TestData(rows: min(rows, 120), columns: columns)
    var fits = 0
    for option in description.options {
      for value in option.valuesToFitWith {
        let subject = try make()
        try subject.set(option.name, value)
        let what = "fit with \(option.name) = \(value.text)"
        report.step(what)
        let refused = try refusal(what) {
          try subject.fit(data.matrix(), training(data))
          try checkFinite(try subject.score(data.matrix()), what)
        }
        if refused == nil { fits += 1 }
      }
    }
    return fits
  }
}

extension OptionDescription {
  /// Bounds and choices.
  var allowedValues: [OptionValue] {
    var values: [OptionValue] = []
    if let ints { values += [.int(ints.lowerBound), .int(ints.upperBound)] }
    if let doubles {
      let low = isMinimumExclusive ? doubles.lowerBound.nextUp : doubles.lowerBound
      values += [.double(low), .double(doubles.upperBound)]
    }
    if types.contains("bool") { values += [.bool(false), .bool(true)] }
    return values + choices.map { .string($0) }
  }

  /// Just beyond the bounds, and of types that are not allowed.
  var refusedValues: [OptionValue] {
    var values: [OptionValue] = []
    if let ints {
      if ints.lowerBound > .min, !takesAsDouble(ints.lowerBound - 1) {
        values.append(.int(ints.lowerBound - 1))
      }
      if ints.upperBound < .max, !takesAsDouble(ints.upperBound + 1) {
        values.append(.int(ints.upperBound + 1))
      }
    }
    if let doubles {
      let low = isMinimumExclusive ? doubles.lowerBound : doubles.lowerBound.nextDown
      values += [low, doubles.upperBound.nextUp, .nan, .infinity].map { .double($0) }
    } else {
      values.append(.double(0.5))
    }
    if !types.contains("bool") { values.append(.bool(true)) }
    values.append(.string("no such choice"))
    return values
  }

  /// An int counts as a double where only a double would do.
  private func takesAsDouble(_ value: Int64) -> Bool {
    doubles.map { $0.contains(Double(value)) } ?? false
  }

  fileprivate var valuesToFitWith: [OptionValue] {
    var values: [OptionValue] = choices.map { .string($0) }
    if types.contains("bool") { values += [.bool(false), .bool(true)] }
    if let ints {
      values.append(.int(ints.lowerBound))
      if ints.upperBound <= 64 { values.append(.int(ints.upperBound)) }
    }
    if let doubles { values += [.double(doubles.upperBound)] }
    return values
  }
}
