// swift-tools-version: 6.0
import PackageDescription

// The plugin carries a Swift runtime of its own, and exports its entry point alone.
let plugin: [LinkerSetting] = [
  .unsafeFlags([
    "-static-stdlib",
    "-Xlinker", "--version-script=\(Context.packageDirectory)/exports.map",
    "-Xlinker", "--gc-sections",
    "-Xlinker", "-z", "-Xlinker", "nodelete",
  ])
]

let package = Package(
  name: "mahalanobis-kernel",
  products: [
    .library(name: "mahalanobis-kernel", type: .dynamic, targets: ["MahalanobisKernel"])
  ],
  targets: [
    // How Swift meets the contract: a module map over pynomaly_plugin.h.
    .systemLibrary(name: "CPynomalyPlugin"),
    .target(
      name: "MahalanobisKernel", dependencies: ["CPynomalyPlugin"],
      swiftSettings: [
        .unsafeFlags(["-wmo", "-enforce-exclusivity=unchecked"], .when(configuration: .release))
      ],
      linkerSettings: plugin),
  ]
)
