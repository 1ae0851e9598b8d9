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

// Vectors are handed over differently on different processors, which is nothing to functions that are always part of their caller (`-Wno-psabi`).
let ctorchFlags = [
  "-isystem", "\(libtorch)/include", "-isystem", "\(libtorch)/include/torch/csrc/api/include", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-psabi",
]

// A card's libraries are needed by `libtorch.so` alone, which nothing calls by name. What goes to other machines (Scripts/dist) is told there where libtorch is,
// and is linked where no such libraries need be.
let isDistributed = Context.environment["DITTO_DIST"] != nil
let linkerFlags = ["--no-as-needed"] + (isDistributed ? ["--allow-shlib-undefined"] : ["-rpath", "\(libtorch)/lib"])

// A target names everything below it, not only what it imports: what embeds a type is compiled anew when that type's layout changes.
let belowWorldModel: [Target.Dependency] = ["CChecksum", "Settings", "Spaces", "Torch", "Demonstrations"]
let belowImitation = belowWorldModel + ["WorldModel"]
let belowExperiments = belowImitation + ["CZlib", "Imitation", "Environments"]
let belowDitto = belowExperiments + ["Experiments"]

let package = Package(
  name: "ditto",
  products: [
    .library(name: "Ditto", targets: ["Experiments"]),
    .executable(name: "ditto", targets: ["ditto"]),
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
    .target(
      name: "Settings", dependencies: [.product(name: "Yams", package: "Yams")]),
    .target(name: "Torch", dependencies: ["CChecksum", "CTorch", "Settings"]),
    .target(name: "Spaces"),
    .target(name: "Demonstrations", dependencies: ["CChecksum", "CHDF5", "CZlib", "Settings", "Spaces"]),
    .target(
      name: "Environments", dependencies: ["Settings", "Spaces"],
      resources: [.embedInCode("gymnasium_worker.py")]),
    .target(name: "WorldModel", dependencies: belowWorldModel),
    .target(name: "Imitation", dependencies: belowImitation),
    .target(
      name: "Experiments", dependencies: belowExperiments,
      resources: ["paper", "authors", "small", "tiny", "road", "cartpole", "lunarlander", "pong", "breakout", "atari", "pendulum", "carracing"].map {
        .embedInCode("Presets/\($0).yaml")
      },
      plugins: ["CommitPlugin"]),
    .executableTarget(
      name: "ditto",
      dependencies: belowDitto + [.product(name: "ArgumentParser", package: "swift-argument-parser")]),
    .testTarget(name: "SettingsTests", dependencies: ["Settings"]),
    .testTarget(name: "SpacesTests", dependencies: ["Settings", "Spaces"]),
    .testTarget(name: "DemonstrationsTests", dependencies: ["Settings", "Spaces", "Demonstrations"], resources: [.copy("Fixtures")]),
    .testTarget(name: "EnvironmentsTests", dependencies: ["Settings", "Spaces", "Environments"]),
    .testTarget(name: "ExperimentsTests", dependencies: belowDitto, resources: [.copy("Fixtures")]),
    .testTarget(name: "TorchTests", dependencies: ["Settings", "Torch"]),
    .testTarget(name: "WorldModelTests", dependencies: belowImitation),
    .testTarget(name: "DittoTests", dependencies: belowDitto + ["ditto"]),
    .testTarget(name: "ImitationTests", dependencies: belowExperiments),
    // Scripts/fuzz builds its readers into a program that libFuzzer drives, and has the main function of.
    Context.environment["DITTO_FUZZ"] == nil
      ? .testTarget(name: "FuzzTests", dependencies: belowDitto, exclude: ["Fuzzer.swift", "Corpus"])
      : .executableTarget(
        name: "ditto-fuzz", dependencies: belowDitto, path: "Tests/FuzzTests", exclude: ["FuzzTests.swift", "Corpus"],
        swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    .testTarget(name: "GoldenTests", dependencies: belowExperiments, resources: [.copy("Fixtures")]),
  ],
  cxxLanguageStandard: .cxx20
)
