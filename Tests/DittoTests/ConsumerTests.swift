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
    run.arguments = [scratch.url.appending(path: "agent").path]
    run.standardOutput = output
    try run.run()
    let action = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    run.waitUntilExit()
    #expect(run.terminationStatus == 0)
    #expect(["0\n", "1\n", "2\n"].contains(action))
  }
}
