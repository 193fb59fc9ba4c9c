// swift-tools-version: 6.0
import PackageDescription

// libpynomaly.so carries its own Swift runtime, exports pyn_* alone and is never unloaded.
let sharedLibrary: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-static-stdlib",
      "-Xlinker", "-soname=libpynomaly.so.1",
      "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/SharedLibrary/exports.map",
      "-Xlinker", "-z", "-Xlinker", "nodelete",
      "-Xlinker", "--gc-sections", "-Xlinker", "--icf=safe", "-Xlinker", "--icf-iterations=6",
      "-Xlinker", "--wrap=_swift_stdlib_getScalarName",
    ])
]
let kernels: [SwiftSetting] = [
  .unsafeFlags(["-Ounchecked", "-wmo"], .when(configuration: .release))
]
let fast: [SwiftSetting] = [
  .unsafeFlags(["-wmo", "-enforce-exclusivity=unchecked"], .when(configuration: .release))
]
// Without the module that Swift imports unasked: one call of `text.contains("x")` is its engine of regular
// expressions, 950 KB of the library.
let noRegularExpressions: SwiftSetting = .unsafeFlags(
  ["-Xfrontend", "-disable-implicit-string-processing-module-import"])
// The library around the kernels: built for size, which costs loops little, since the hot ones are in Kernels;
// those that it would slow say @_optimize(speed).
let small: [SwiftSetting] = [
  noRegularExpressions,
  .unsafeFlags(
    ["-wmo", "-enforce-exclusivity=unchecked", "-Osize", "-Xfrontend", "-disable-reflection-metadata"],
    .when(configuration: .release)),
]

// The inner loops are built twice from the same files: KernelsV3 is a symbolic link to Kernels.
#if arch(x86_64)
  let kernelsV3: [Target] = [
    .target(
      name: "KernelsV3", dependencies: ["CKernels"],
      swiftSettings: kernels + [.unsafeFlags(["-Xcc", "-march=x86-64-v3"])])
  ]
#else
  let kernelsV3: [Target] = []
#endif

let package = Package(
  name: "pynomaly",
  products: [
    .library(name: "pynomaly", type: .dynamic, targets: ["Pynomaly", "SharedLibrary"]),
    .executable(name: "pynomaly-cli", targets: ["PynomalyCLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CPynomaly", path: "include"),
    .target(name: "CKernels"),
    .target(
      name: "CLinearAlgebra",
      cxxSettings: [.unsafeFlags(["-ffp-contract=off", "-O2"], .when(configuration: .release))]),
    .target(name: "Kernels", dependencies: ["CKernels"], swiftSettings: kernels),
    .target(
      name: "Detection",
      dependencies: ["CKernels", "CLinearAlgebra", "Kernels"]
        + kernelsV3.map { .init(stringLiteral: $0.name) },
      swiftSettings: small),
    .target(name: "CPlugins", dependencies: ["CPynomaly"]),
    .target(
      name: "Plugins", dependencies: ["CPynomaly", "CPlugins", "CKernels", "Detection"],
      swiftSettings: small),
    // libdw and libelf are loaded at run time; their headers are needed to build (libdw-dev).
    .target(name: "CElfutils"),
    .target(name: "CProfiling"),
    .target(
      name: "Profiling", dependencies: ["CElfutils", "CProfiling"], exclude: ["Profiling.docc"],
      swiftSettings: small),
    .target(
      name: "Pynomaly", dependencies: ["CProfiling", "CPynomaly", "Detection", "Plugins", "Profiling"],
      swiftSettings: small),
    .target(name: "CSharedLibrary"),
    .target(
      name: "SharedLibrary", dependencies: ["CSharedLibrary"], exclude: ["exports.map"],
      linkerSettings: sharedLibrary),
    .target(name: "CNumbers"),
    .target(name: "CProcesses"),
    .target(name: "Tables", dependencies: ["CNumbers"], swiftSettings: fast),
    .executableTarget(
      name: "PynomalyCLI",
      dependencies: [
        "CPynomaly", "CNumbers", "CProcesses", "Pynomaly", "Tables",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], exclude: ["Manual", "Plugin/Templates", "Plugin/embed-templates"], swiftSettings: fast),
    .testTarget(name: "TablesTests", dependencies: ["Tables"]),
    .testTarget(name: "ProfilingTests", dependencies: ["Profiling"]),
    .testTarget(
      name: "DetectionTests",
      dependencies: ["Detection", "Kernels", "CKernels"]
        + kernelsV3.map { .init(stringLiteral: $0.name) }),
  ] + kernelsV3,
  cxxLanguageStandard: .cxx17
)
