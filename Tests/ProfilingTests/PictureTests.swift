import Testing

@testable import Profiling

/// A profile with many stacks: each a path through frames of a few names, whose last frame is its own.
private func wideProfile(stacks: Int, depth: Int, names: Int, samplesEach: Int = 1) -> Profile {
  var profile = Profile()
  profile.command = "made & <up>"
  var numbers: [Int32] = []
  for index in 0..<names {
    numbers.append(
      profile.frames.number(
        Frame(
          kind: index % 2 == 0 ? .python : .native, function: "function_\(index)", file: "/srv/file.py",
          line: index, module: nil)))
  }
  for stack in 0..<stacks {
    var path: [Int32] = []
    var rest = stack
    for level in 0..<depth {
      path.append(numbers[(rest % 7 + level * 7) % names])
      rest /= 7
    }
    for _ in 0..<samplesEach { profile.tree.add(path) }
  }
  profile.statistics.taken = Int64(stacks)
  return profile
}

struct PictureTests {
  @Test func pictureOfManyStacksIsSmall() {
    for (stacks, depth, names) in [(100_000, 40, 5000), (100_000, 10, 100_000), (3000, 300, 3000)] {
      let picture = wideProfile(stacks: stacks, depth: depth, names: names).flameGraph
      #expect(picture.count < 5_000_000, "\(stacks) stacks of \(depth): \(picture.count) bytes")
      #expect(picture.count > 100_000)
    }
  }

  @Test func treeCounts() {
    var tree = CallTree()
    tree.add([1, 2, 3])
    tree.add([1, 2])
    tree.add([1, 2, 3])
    tree.add([4])
    #expect(tree.totals[0] == 4)
    let leaves = tree.nodes.indices.filter { tree.nodes[$0].own > 0 }
    #expect(leaves.map { tree.path($0) } == [[1, 2], [1, 2, 3], [4]])  // parents first
    #expect(leaves.map { tree.nodes[$0].own } == [1, 2, 1])
  }

  @Test func foldedLinesAreOneAStack() {
    var profile = Profile()
    let odd = profile.frames.number(
      Frame(kind: .native, function: "a;b\nc", file: nil, line: nil, module: "/lib/x.so"))
    profile.tree.add([odd])
    #expect(String(decoding: profile.folded, as: UTF8.self) == "a:b?c (x.so) 1\n")
  }

  @Test func decimalsHaveNoLocale() {
    #expect(Decimal.text(12.5, places: 2) == "12.5")
    #expect(Decimal.text(-0.004, places: 2) == "0")
    #expect(Decimal.text(99.999, places: 2) == "100")
    #expect(Decimal.text(.nan, places: 2) == "0")
  }
}
