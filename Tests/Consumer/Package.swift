// swift-tools-version: 6.2
import PackageDescription

// Uses the library as any other package would; built and run by the tests.
let package = Package(
  name: "consumer",
  platforms: [.macOS(.v14)],
  dependencies: [.package(name: "ditto", path: "../..")],
  targets: [.executableTarget(name: "consumer", dependencies: [.product(name: "Ditto", package: "ditto")])]
)
