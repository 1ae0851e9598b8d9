import Foundation
import Testing

/// The built `ditto`, run as people run it.
struct Program {
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  static let url = Bundle.main.executableURL!.deletingLastPathComponent().appending(path: "ditto")

  /// Starts it; the process, and a function that waits for its end.
  static func start(_ arguments: [String], in folder: URL, input: Data = Data()) throws -> (
    process: Process, wait: () throws -> Outcome
  ) {
    let process = Process()
    process.executableURL = url
    process.arguments = arguments
    process.currentDirectoryURL = folder
    let (stdin, stdout) = (Pipe(), Pipe())
    let errors = folder.appending(path: "stderr-\(UUID().uuidString)")
    _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
    process.standardInput = stdin
    process.standardOutput = stdout
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    stdin.fileHandleForWriting.write(input)
    try stdin.fileHandleForWriting.close()
    return (
      process,
      {
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
          status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
          errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
      }
    )
  }

  @discardableResult
  static func run(_ arguments: String..., in folder: URL, input: Data = Data()) throws -> Outcome {
    try start(arguments, in: folder, input: input).wait()
  }

  /// Runs it and requires that it succeeds.
  @discardableResult
  static func succeed(_ arguments: String..., in folder: URL, sourceLocation: SourceLocation = #_sourceLocation) throws
    -> Outcome
  {
    let outcome = try start(arguments, in: folder).wait()
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)", sourceLocation: sourceLocation)
    return outcome
  }
}

/// A folder that goes with the test.
final class Scratch: Sendable {
  let url = FileManager.default.temporaryDirectory.appending(path: "ditto-\(UUID().uuidString)")
  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: url.appending(path: path).path) }
  func bytes(_ path: String) throws -> Data { try Data(contentsOf: url.appending(path: path)) }
}
