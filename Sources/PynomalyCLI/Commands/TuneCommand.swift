import ArgumentParser
import CPynomaly
import Glibc
import Tables

struct Tune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Search for the best options of a detector.",
    discussion: """
      All rows are read into memory. With --label-column the rows held out are judged by their labels; without, \
      by how much alike models of different rows and seeds rank the rows (stability). On the 14 labelled sets on \
      which that criterion was chosen it wins about as often as it loses against the defaults; what it wins is \
      more. Options that only move the threshold (contamination) change no score, and are not chosen.
      """)

  @OptionGroup(title: "Table options") var table: TableOptions
  @OptionGroup(title: "Table options") var encoding: EncodingOptions
  @OptionGroup(title: "Detector options") var detector: DetectorOptions
  @OptionGroup(title: "Plugin options") var plugins: PluginOptions
  @OptionGroup(title: "Run options") var run_: RunOptions

  @Option(
    help: ArgumentHelp(
      "A column of 0 and 1 (or true and false) that says which rows are outliers.", valueName: "name"))
  var labelColumn: String?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Values to try, e.g. --grid n_estimators=50,100. May be given for several options; else the detector's default grid.",
      valueName: "option=a,b,c"))
  var grid: [String] = []

  @Option(help: "auto, roc-auc, average-precision or stability.")
  var criterion: TuningCriterion = .auto

  @Option(help: ArgumentHelp("Parts that the rows are dealt to.", valueName: "number"))
  var folds: Int32 = 3

  @Option(help: ArgumentHelp("Deals, each with all folds.", valueName: "number"))
  var repeats: Int32 = 1

  @Option(
    help: ArgumentHelp(
      "Instead of folds: hold this share of the rows out, --repeats times.", valueName: "share"))
  var holdout: Double?

  @Option(help: ArgumentHelp("Only so many configurations, drawn at random.", valueName: "number"))
  var budget: Int64?

  @Option(help: ArgumentHelp("Show so many of the best configurations; 0 for all.", valueName: "number"))
  var top: Int = 10

  @Option(
    help: ArgumentHelp("Fit the best on all rows and save the model.", valueName: "file"),
    completion: .file())
  var saveModel: String?

  @Flag(help: "As JSON.") var json = false

  func validate() throws {
    guard folds >= 2 else { throw ValidationError("--folds must be 2 or more, not \(folds)") }
    guard repeats >= 1 else { throw ValidationError("--repeats must be 1 or more, not \(repeats)") }
    if let holdout, !(holdout > 0 && holdout < 1) {
      throw ValidationError("--holdout must be above 0 and below 1, not \(holdout)")
    }
    if let budget, budget < 1 {
      throw ValidationError("--budget must be 1 or more, not \(budget)")
    }
    guard top >= 0 else { throw ValidationError("--top must be 0 or more, not \(top)") }
  }

  func run() throws {
    let session = run_.session
    try plugins.load(quiet: run_.quiet)
    let subject = try detector.make()
    let tuning = try Tuning(subject)
    try fill(tuning, subject.name)
    let features = try ColumnChooser(try table.open(session), table, labelName: labelColumn)
      .forFitting(subject, oneHot: encoding.oneHot, session: session)
    let whole = try WholeTable(features, session)
    var plan = pyn_tuning_plan()
    plan.criterion = criterion.number
    plan.folds = folds
    plan.repeats = repeats
    plan.holdout = holdout ?? 0
    plan.budget = budget ?? 0
    plan.seed = detector.seed.flatMap { Int64($0) } ?? 0
    try features.explaining { try tuning.run(whole, plan: plan, session) }
    let report = TuningReport(
      detector: subject.name, file: features.words.path, rows: whole.rows,
      criterion: tuning.criterion, options: tuning.options, judged: tuning.judged,
      results: try tuning.results,
      best: tuning.best)
    if let saveModel {
      let best = try tuning.bestDetector()
      try features.explaining { try best.fit(whole, names: features.featureNames, session) }
      try best.save(to: saveModel)
    }
    try standardOutput(json ? report.json.text() + "\n" : report.text(top: top))
  }

  private func fill(_ tuning: Tuning, _ name: String) throws {
    do {
      if grid.isEmpty { return try tuning.addDefaults() }
      for axis in grid {
        guard let equals = axis.firstIndex(of: "="), equals > axis.startIndex else {
          throw Failure("--grid \(axis): expected option=value,value", code: .usage)
        }
        let values = axis[axis.index(after: equals)...].split(
          separator: ",", omittingEmptySubsequences: false)
        for value in values { try tuning.add(String(axis[..<equals]), text: String(value)) }
      }
    } catch let error as LibraryError {
      throw Failure("\(name): \(error.message)", code: .usage)
    }
  }
}

enum TuningCriterion: String, ExpressibleByArgument, CaseIterable {
  case auto
  case rocAUC = "roc-auc"
  case averagePrecision = "average-precision"
  case stability

  var number: Int32 {
    switch self {
    case .auto: Int32(PYN_CRITERION_AUTO)
    case .rocAUC: Int32(PYN_CRITERION_ROC_AUC)
    case .averagePrecision: Int32(PYN_CRITERION_AVERAGE_PRECISION)
    case .stability: Int32(PYN_CRITERION_STABILITY)
    }
  }
}

extension Detector {
  func fit(_ table: WholeTable, names: [String], _ session: Session) throws {
    try table.withMatrix { X in
      var call = pyn_call()
      call.struct_size = MemoryLayout<pyn_call>.stride
      call.threads = Int32(clamping: session.threads)
      try table.labels.withUnsafeBufferPointer { labels in
        call.labels = labels.isEmpty ? nil : labels.baseAddress
        call.label_count = Int64(labels.count)
        try callLibrary { pyn_detector_fit(pointer, X, &call, $0) }
      }
    }
    let texts = names.map { strdup($0) }
    defer { texts.forEach { free($0) } }
    let pointers = texts.map { $0.map { UnsafePointer($0) } }
    try callLibrary {
      pyn_detector_set_feature_names(pointer, pointers, Int64(pointers.count), $0)
    }
  }
}
