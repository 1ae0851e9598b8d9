import Foundation
import Testing

/// The script that starts a program which was built for other machines, with the libtorch that is there.
@Suite struct LauncherTests {
  private let scratch: Scratch
  private static let source = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Scripts/launcher"
  ).standardizedFileURL

  /// A program that says where libraries are looked for, built for libtorch 2.11.0.
  init() throws {
    scratch = try Scratch()
    try write("#!/bin/sh\necho \"$LD_LIBRARY_PATH\" \"$@\"\n", to: "ditto/lib/ditto")
    try write("2.11.0\n", to: "ditto/lib/torch-version")
    try FileManager.default.createDirectory(
      at: scratch.url.appending(path: "ditto/bin"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: Self.source, to: scratch.url.appending(path: "ditto/bin/ditto"))
  }

  private func write(_ text: String, to path: String) throws {
    let file = scratch.url.appending(path: path)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
  }

  private func run(_ environment: [String: String]) throws -> (status: Int32, output: String, errors: String) {
    let process = Process()
    (process.executableURL, process.arguments) = (scratch.url.appending(path: "ditto/bin/ditto"), ["bench", "act"])
    process.environment = ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
    let (output, errors) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, errors)
    try process.run()
    let texts = [output, errors].map { String(decoding: $0.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
    process.waitUntilExit()
    return (process.terminationStatus, texts[0], texts[1])
  }

  /// Of a wheel, and of libtorch by itself; with a build's name behind the version.
  @Test(arguments: [
    ("version.py", "from typing import Optional\n__version__ = '2.11.0+cu130'\n"), ("build-version", "2.11.0+cpu\n"),
  ])
  func startsTheProgramWithTheLibtorchThatIsNamed(file: String, text: String) throws {
    try write(text, to: "torch/\(file)")
    try write("", to: "torch/lib/libtorch.so")
    let torch = scratch.url.appending(path: "torch").path
    let outcome = try run(["LIBTORCH": torch, "LD_LIBRARY_PATH": "/others"])
    #expect(outcome.status == 0 && outcome.output == "\(torch)/lib:/others bench act\n", "\(outcome)")
  }

  @Test func findsTheTorchOfAPython() throws {
    try write("__version__ = '2.11.0'\n", to: "packages/torch/version.py")
    try write("", to: "packages/torch/__init__.py")
    try write("", to: "packages/torch/lib/libtorch.so")
    let outcome = try run(["PYTHONPATH": scratch.url.appending(path: "packages").path])
    #expect(outcome.status == 0 && outcome.output.hasSuffix("/packages/torch/lib bench act\n"), "\(outcome)")
  }

  @Test func saysInOneLineWhatIsMissing() throws {
    try write("__version__ = '2.13.0+cpu'\n", to: "other/version.py")
    try write("", to: "other/lib/libtorch.so")
    try write("#!/bin/sh\necho\n", to: "python")
    for (environment, part) in [
      (
        ["LIBTORCH": scratch.url.appending(path: "other").path],
        "is libtorch 2.13.0, this ditto is built for 2.11.0; install torch==2.11.0"
      ),
      (["LIBTORCH": "/nowhere"], "'/nowhere' holds no libtorch"),
      (["DITTO_PYTHON": "/no/python"], "there is no '/no/python'"),
      (["DITTO_PYTHON": scratch.url.appending(path: "python").path], "has no torch; install torch==2.11.0"),
    ] {
      let outcome = try run(environment)
      #expect(outcome.status == 1 && outcome.errors.hasPrefix("error: ") && outcome.errors.contains(part), "\(outcome)")
      #expect(outcome.errors.count { $0 == "\n" } == 1 && outcome.output.isEmpty)
    }
  }
}
