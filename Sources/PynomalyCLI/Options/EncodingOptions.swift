import ArgumentParser

/// How columns of text become features.
struct EncodingOptions: ParsableArguments {
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      """
      Columns of text that become one feature for each of their texts (at most 256): 1 where the cell \
      has it, else 0. A text that the fit did not see gives 0 in all of them.
      """, valueName: "a,b,c"))
  var oneHot: [String] = []
}
