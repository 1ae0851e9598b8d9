// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// The folder with libtorch's `include/` and `lib/`: `LIBTORCH`, or the one that `make setup` put into `.venv`.
let libtorch: String = {
  let holdsLibtorch = { FileManager.default.fileExists(atPath: $0 + "/include/torch/csrc/api/include/torch/torch.h") }
  if let named = Context.environment["LIBTORCH"], !named.isEmpty {
    guard holdsLibtorch(named) else {
      fatalError("LIBTORCH is '\(named)', which holds no libtorch (no include/torch); point it at an unpacked libtorch")
    }
    return named
  }
  let pythons = Context.packageDirectory + "/.venv/lib"
  let candidates = ((try? FileManager.default.contentsOfDirectory(atPath: pythons)) ?? []).sorted()
    .map { "\(pythons)/\($0)/site-packages/torch" }
  guard let found = candidates.first(where: holdsLibtorch) else {
    fatalError("no libtorch: run 'make setup' in \(Context.packageDirectory), or set LIBTORCH to an unpacked libtorch")
  }
  return found
}()

// Vectors are handed over differently on different processors, which is nothing to functions that are always part of
// their caller (`-Wno-psabi`).
let ctorchFlags = [
  "-isystem", "\(libtorch)/include", "-isystem", "\(libtorch)/include/torch/csrc/api/include", "-Wall", "-Wextra",
  "-Wno-unused-parameter", "-Wno-psabi",
]

// A card's libraries are needed by `libtorch.so` alone, which nothing calls by name. What goes to other machines
// (Scripts/dist) is told there where libtorch is, and is linked where no such libraries need be.
let isDistributed = Context.environment["DITTO_DIST"] != nil
let linkerFlags = ["--no-as-needed"] + (isDistributed ? ["--allow-shlib-undefined"] : ["-rpath", "\(libtorch)/lib"])

/// What each target imports: the architecture, from below.
let imports: [String: [String]] = [
  "Torch": ["CChecksum", "CTorch", "Settings"],
  "Demonstrations": ["CChecksum", "CHDF5", "CZlib", "Settings", "Spaces"],
  "Environments": ["Settings", "Spaces"],
  "WorldModel": ["Demonstrations", "Settings", "Spaces", "Torch"],
  "Imitation": ["Demonstrations", "Settings", "Spaces", "Torch", "WorldModel"],
  "Runs": ["CChecksum", "Demonstrations", "Settings"],
  "Training": ["Demonstrations", "Environments", "Imitation", "Runs", "Settings", "Spaces", "Torch", "WorldModel"],
  "Evaluation": ["Demonstrations", "Environments", "Imitation", "Runs", "Settings", "Spaces", "Training"],
  "Studies": [
    "CZlib", "Demonstrations", "Environments", "Evaluation", "Imitation", "Runs", "Settings", "Spaces", "Torch",
    "Training", "WorldModel",
  ],
  "Benchmarking": [
    "Demonstrations", "Environments", "Evaluation", "Imitation", "Runs", "Settings", "Spaces", "Torch", "Training",
    "WorldModel",
  ],
  "Ditto": [
    "Demonstrations", "Environments", "Evaluation", "Imitation", "Runs", "Settings", "Spaces", "Studies", "Torch",
    "Training", "WorldModel",
  ],
  "Command": [
    "Benchmarking", "Demonstrations", "Environments", "Evaluation", "Imitation", "Runs", "Settings", "Spaces",
    "Studies", "Torch", "Training", "WorldModel",
  ],

  "SettingsTests": ["Settings"],
  "SpacesTests": ["Settings", "Spaces"],
  "TorchTests": ["Settings", "Torch"],
  "DemonstrationsTests": ["Demonstrations", "Settings", "Spaces"],
  "EnvironmentsTests": ["Environments", "Settings", "Spaces"],
  "WorldModelTests": ["Settings", "Spaces", "Torch", "WorldModel"],
  "ImitationTests": ["Demonstrations", "Imitation", "Settings", "Spaces", "Torch", "WorldModel"],
  "RunsTests": ["Runs", "Settings", "Torch"],
  "TrainingTests": [
    "Demonstrations", "Environments", "Evaluation", "Imitation", "Runs", "Settings", "Spaces", "Torch", "Training",
    "WorldModel",
  ],
  "EvaluationTests": [
    "Demonstrations", "Environments", "Evaluation", "Imitation", "Runs", "Settings", "Spaces", "Torch", "Training",
    "WorldModel",
  ],
  "StudiesTests": [
    "CZlib", "Demonstrations", "Environments", "Evaluation", "Imitation", "Runs", "Settings", "Spaces", "Studies",
    "Torch", "Training", "WorldModel",
  ],
  "BenchmarkingTests": ["Benchmarking", "Torch", "Training", "WorldModel"],
  "DittoTests": ["Command", "Runs", "Torch"],
  "GoldenTests": ["Imitation", "Settings", "Spaces", "Torch", "WorldModel"],
  "FuzzTests": [
    "CChecksum", "Demonstrations", "Evaluation", "Imitation", "Runs", "Settings", "Spaces", "Torch", "Training",
  ],
]

/// What a target depends on: what it imports, and all below that. SwiftPM compiles a target anew only when a module
/// that it depends on directly has changed; a type that embeds another target's can have another layout while its own
/// module stays the same to the byte, and whoever uses it would crash.
func below(_ target: String) -> [Target.Dependency] {
  var (found, left) = (Set<String>(), imports[target] ?? [])
  while let name = left.popLast() {
    if found.insert(name).inserted { left += imports[name] ?? [] }
  }
  return found.sorted().map { .byName(name: $0) }
}

let package = Package(
  name: "ditto",
  products: [
    .library(name: "Ditto", targets: ["Ditto"]),
    .executable(name: "ditto", targets: ["Command"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CChecksum"),
    .target(
      name: "CTorch",
      cxxSettings: [.unsafeFlags(ctorchFlags)],
      linkerSettings: [
        .unsafeFlags(["-L\(libtorch)/lib"] + linkerFlags.flatMap { ["-Xlinker", $0] }),
        .linkedLibrary("torch"), .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
      ]),
    .plugin(name: "CommitPlugin", capability: .buildTool()),
    .target(name: "Settings", dependencies: [.product(name: "Yams", package: "Yams")]),
    .target(name: "Spaces"),
    .target(name: "Torch", dependencies: below("Torch")),
    .target(name: "Demonstrations", dependencies: below("Demonstrations")),
    .target(
      name: "Environments", dependencies: below("Environments"),
      resources: [.embedInCode("gymnasium_spaces.py"), .embedInCode("gymnasium_worker.py")]),
    .target(name: "WorldModel", dependencies: below("WorldModel")),
    .target(name: "Imitation", dependencies: below("Imitation")),
    .target(name: "Runs", dependencies: below("Runs")),
    .target(
      name: "Training", dependencies: below("Training"),
      resources: [
        "paper", "authors", "small", "tiny", "scratch", "road", "cartpole", "lunarlander", "pong", "breakout", "atari",
        "pendulum", "carracing", "minigrid",
      ].map {
        .embedInCode("Presets/\($0).yaml")
      },
      plugins: ["CommitPlugin"]),
    .target(name: "Evaluation", dependencies: below("Evaluation")),
    .target(name: "Studies", dependencies: below("Studies")),
    .target(name: "Benchmarking", dependencies: below("Benchmarking")),
    .target(name: "Ditto", dependencies: below("Ditto")),
    .executableTarget(
      name: "Command",
      dependencies: below("Command") + [.product(name: "ArgumentParser", package: "swift-argument-parser")]
    ),
    .testTarget(name: "SettingsTests", dependencies: below("SettingsTests")),
    .testTarget(name: "SpacesTests", dependencies: below("SpacesTests")),
    .testTarget(name: "TorchTests", dependencies: below("TorchTests")),
    .testTarget(
      name: "DemonstrationsTests", dependencies: below("DemonstrationsTests"), resources: [.copy("Fixtures")]),
    .testTarget(name: "EnvironmentsTests", dependencies: below("EnvironmentsTests")),
    .testTarget(name: "WorldModelTests", dependencies: below("WorldModelTests")),
    .testTarget(name: "ImitationTests", dependencies: below("ImitationTests")),
    .testTarget(name: "RunsTests", dependencies: below("RunsTests")),
    .testTarget(name: "TrainingTests", dependencies: below("TrainingTests"), resources: [.copy("Fixtures")]),
    .testTarget(name: "EvaluationTests", dependencies: below("EvaluationTests"), resources: [.copy("Fixtures")]),
    .testTarget(name: "StudiesTests", dependencies: below("StudiesTests")),
    .testTarget(name: "BenchmarkingTests", dependencies: below("BenchmarkingTests")),
    .testTarget(name: "DittoTests", dependencies: below("DittoTests")),
    .testTarget(name: "GoldenTests", dependencies: below("GoldenTests"), resources: [.copy("Fixtures")]),
    // Scripts/fuzz builds its readers into a program that libFuzzer drives, and has the main function of.
    Context.environment["DITTO_FUZZ"] == nil
      ? .testTarget(name: "FuzzTests", dependencies: below("FuzzTests"), exclude: ["Fuzzer.swift", "Corpus"])
      : .executableTarget(
        name: "ditto-fuzz", dependencies: below("FuzzTests"), path: "Tests/FuzzTests",
        exclude: ["FuzzTests.swift", "Corpus"],
        swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
  ],
  cxxLanguageStandard: .cxx20
)
