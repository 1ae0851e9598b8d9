import Foundation
import Testing

/// Another package builds on this one with nothing but a dependency, and acts.
@Suite struct ConsumerTests {
  @Test(.timeLimit(.minutes(15))) func buildsAndActs() throws {
    let scratch = try CommandTests.made.get()
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
      path: "Consumer")
    let build = Process()
    build.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    build.arguments = [
      "swift", "build", "--package-path", package.path, "--scratch-path", scratch.url.appending(path: "consumer").path,
    ]
    build.standardOutput = FileHandle.nullDevice
    try build.run()
    build.waitUntilExit()
    try #require(build.terminationStatus == 0)

    let (run, output) = (Process(), Pipe())
    run.executableURL = scratch.url.appending(path: "consumer/debug/consumer")
    run.currentDirectoryURL = scratch.url.appending(path: "consumed")
    try FileManager.default.createDirectory(
      at: scratch.url.appending(path: "consumed/runs"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      at: scratch.url.appending(path: "consumed/runs/agent"), withDestinationURL: scratch.url.appending(path: "agent"))
    run.standardOutput = output
    try run.run()
    let action = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    run.waitUntilExit()
    #expect(run.terminationStatus == 0)
    #expect(["0\n", "1\n", "2\n"].contains(action))
  }

  /// What the documentation shows is what the other package is made of.
  @Test(arguments: ["Acting": "main", "Learning": "Learning", "Observing": "Observing"])
  func articlesShowWhatBuilds(article: String, source: String) throws {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(
      contentsOf: tests.appending(path: "../Sources/Ditto/Ditto.docc/\(article).md"), encoding: .utf8)
    let built = try String(
      contentsOf: tests.appending(path: "Consumer/Sources/consumer/\(source).swift"), encoding: .utf8)
    let blocks = text.components(separatedBy: "```swift\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
    #expect(!blocks.isEmpty && blocks.allSatisfy(built.contains))
  }
}
