import Foundation
import Testing

/// The script that puts the built program on the PATH. What makes manual pages, `swift package`, builds for minutes, so
/// that another program stands for it.
@Suite struct InstallTests {
  private let scratch: Scratch
  private static let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Scripts/install"
  ).standardizedFileURL

  /// A checkout with a built program.
  init() throws {
    scratch = try Scratch()
    let files = FileManager.default
    for folder in ["checkout/Scripts", "checkout/.build/release", "bin", "home"] {
      try files.createDirectory(at: scratch.url.appending(path: folder), withIntermediateDirectories: true)
    }
    try files.copyItem(at: Self.script, to: scratch.url.appending(path: "checkout/Scripts/install"))
    try files.createSymbolicLink(
      at: scratch.url.appending(path: "checkout/.build/release/ditto"), withDestinationURL: Program.url)
    let swift = scratch.url.appending(path: "bin/swift")
    let pages = ".build/plugins/GenerateManual/outputs"
    try Data("#!/bin/sh\nmkdir -p \(pages) && echo .TH DITTO 1 > \(pages)/ditto.1\n".utf8).write(to: swift)
    try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: swift.path)
  }

  private func install(_ prefix: String) throws -> (status: Int32, errors: String) {
    let (process, errors) = (Process(), Pipe())
    process.executableURL = scratch.url.appending(path: "checkout/Scripts/install")
    (process.arguments, process.standardError) = ([prefix], errors)
    process.environment = [
      "PATH": "\(scratch.url.appending(path: "bin").path):/usr/bin:/bin",
      "HOME": scratch.url.appending(path: "home").path,
    ]
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  /// Also where a shell hands the tilde on.
  @Test(arguments: ["", "~/own"]) func putsAllInItsPlace(prefix: String) throws {
    let place = prefix.isEmpty ? "some where" : "home/own"
    let outcome = try install(prefix.isEmpty ? scratch.url.appending(path: place).path : prefix)
    #expect(outcome.status == 0 && outcome.errors.contains("is not on your PATH"), "\(outcome)")
    for (file, content) in [
      ("bash-completion/completions/ditto", "complete"), ("zsh/site-functions/_ditto", "#compdef ditto"),
      ("fish/vendor_completions.d/ditto.fish", "complete"), ("man/man1/ditto.1", ".TH DITTO"),
    ] {
      #expect(String(decoding: try scratch.bytes("\(place)/share/\(file)"), as: UTF8.self).contains(content), "\(file)")
    }
    let (installed, built) = ("\(place)/bin/ditto", "checkout/.build/release/ditto")
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: scratch.url.appending(path: installed).path)
        == scratch.url.appending(path: built).path)
    #expect(!scratch.exists("checkout/~"))
  }

  @Test func saysInOneLineWhatIsMissing() throws {
    let readOnly = try install("/proc/nowhere")
    #expect(readOnly.status == 1 && readOnly.errors.hasPrefix("install: cannot write to /proc/nowhere/bin"))
    try FileManager.default.removeItem(at: scratch.url.appending(path: "checkout/.build/release/ditto"))
    let unbuilt = try install(scratch.url.path)
    #expect(unbuilt.status == 1 && unbuilt.errors.contains("run 'make build' first"))
    #expect((readOnly.errors + unbuilt.errors).count { $0 == "\n" } == 2)
  }
}
