import Foundation
import Testing
import Torch

@testable import Runs

/// A folder that is gone when the test ends.
final class ScratchFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("ditto-test-\(UUID())")
  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }

  func callAsFunction(_ path: String) -> URL { url.appendingPathComponent(path) }
  var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() } }
}

func write(_ text: String, to url: URL) throws { try Data(text.utf8).write(to: url) }
func text(_ url: URL) throws -> String { try String(contentsOf: url, encoding: .utf8) }

@Suite struct AtomicFileTests {
  @Test func replacesAFileAndLeavesNothingElse() throws {
    let scratch = try ScratchFolder()
    try AtomicFile.write(Data("old".utf8), to: scratch("a"))
    try AtomicFile.write(Data("new".utf8), to: scratch("a"))
    #expect(try text(scratch("a")) == "new")
    #expect(try scratch.names == ["a"])
  }

  @Test func removesWhatKilledProcessesLeftAndNothingElse() throws {
    let scratch = try ScratchFolder()
    for name in [".a.partial-0badf00d", ".a.partial-00000007", ".ab.partial-00000007", ".old.partial-00000007", ".a"] {
      try write("half", to: scratch(name))
    }
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -7200)], ofItemAtPath: scratch(".old.partial-00000007").path)
    // Another process is still writing this one.
    let other = open(scratch(".a.partial-00000007").path, O_RDONLY)
    defer { close(other) }
    #expect(flock(other, LOCK_EX) == 0)
    try AtomicFile.write(Data("new".utf8), to: scratch("a"))
    #expect(try scratch.names == [".a", ".a.partial-00000007", ".ab.partial-00000007", "a"])
  }

  @Test func leavesPermissionsToTheUmask() async {
    await #expect(processExitsWith: .success) {
      let scratch = try ScratchFolder()
      for (mask, expected) in [(mode_t(0o002), 0o664), (0o077, 0o600)] {
        umask(mask)
        try AtomicFile.write(Data(), to: scratch("a"))
        let log = try MetricsLog(in: scratch.url)
        for file in [scratch("a"), scratch("metrics.jsonl"), log.tensorBoard.url] {
          let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
          #expect(mode == expected)
          try FileManager.default.removeItem(at: file)
        }
      }
    }
  }

  @Test func failureLeavesTheOldAndNoTemporary() throws {
    let scratch = try ScratchFolder()
    #expect(throws: RunError.cannotWrite(scratch("none/a").path, reason: "No such file or directory")) {
      try AtomicFile.write(Data(), to: scratch("none/a"))
    }
    try FileManager.default.createDirectory(at: scratch("folder/inner"), withIntermediateDirectories: true)
    #expect(throws: RunError.self) { try AtomicFile.write(Data("x".utf8), to: scratch("folder")) }
    #expect(try scratch.names == ["folder"])
  }

  @Test func writesThroughLinksAndToPipes() throws {
    let scratch = try ScratchFolder()
    try FileManager.default.createDirectory(at: scratch("there"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: scratch("link").path, withDestinationPath: "there/file")
    for written in ["new", "newer"] {
      try AtomicFile.checkPlace(of: scratch("link"), as: [.gif])
      try AtomicFile.write(Data(written.utf8), to: scratch("link"))
      #expect(try text(scratch("there/file")) == written)
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: scratch("link").path) == "there/file")
    }
    #expect(mkfifo(scratch("pipe").path, 0o600) == 0)
    let reading = open(scratch("pipe").path, O_RDONLY | O_NONBLOCK)
    defer { close(reading) }
    try AtomicFile.write(Data("through".utf8), to: scratch("pipe"))
    var bytes = [UInt8](repeating: 0, count: 7)
    #expect(read(reading, &bytes, 7) == 7 && bytes == Array("through".utf8))
    #expect(try scratch.names == ["link", "pipe", "there"])
  }

  @Test func aFullDiskIsAClearError() {
    let full = open("/dev/full", O_WRONLY)
    defer { close(full) }
    #expect(throws: RunError.cannotWrite("/x", reason: "No space left on device")) {
      try AtomicFile.writeAll(Data("x".utf8), to: full, of: URL(fileURLWithPath: "/x"))
    }
  }

  @Test func makesAPieceWhenThoseBeforeItAreWritten() throws {
    let scratch = try ScratchFolder()
    let partial = {
      try scratch.names.map { try FileManager.default.attributesOfItem(atPath: scratch($0).path)[.size] as? Int }
    }
    var sizes: [[Int?]] = []
    try AtomicFile.write(
      ["one", "two", "three"].lazy.map { piece in
        sizes.append((try? partial()) ?? [])
        return Data(piece.utf8)
      }, to: scratch("a"))
    #expect(sizes == [[0], [3], [6]])
    #expect(try text(scratch("a")) == "onetwothree" && scratch.names == ["a"])
  }

  @Test func appendsWhatIsMadeMeanwhile() throws {
    let scratch = try ScratchFolder()
    try AtomicFile.write(to: scratch("a")) { append in
      for piece in ["one", "two"] { try append(Data(piece.utf8)) }
      #expect(try scratch.names.allSatisfy { $0.hasPrefix(".a.partial") })
    }
    #expect(try text(scratch("a")) == "onetwo" && scratch.names == ["a"])
    // Interrupted, it leaves what was there.
    struct Stopped: Error {}
    for name in ["a", "b"] {
      #expect(throws: Stopped.self) {
        try AtomicFile.write(to: scratch(name)) { append in
          try append(Data("three".utf8))
          throw Stopped()
        }
      }
    }
    #expect(try text(scratch("a")) == "onetwo" && scratch.names == ["a"])
    #expect(throws: RunError.cannotWrite(scratch("none/a").path, reason: "No such file or directory")) {
      try AtomicFile.write(to: scratch("none/a")) { _ in Issue.record("nothing is made for a place that is not there") }
    }
  }

  /// Of 128 MiB in 16 tensors not much more than one is held while they are written, and their checksum taken.
  @Test func aCheckpointTakesTheMemoryOfATensor() async {
    await #expect(processExitsWith: .success) {
      let tensors = (0..<16).map { (name: "\($0)", tensor: Tensor.full([2 << 20], Double($0))) }
      let scratch = try ScratchFolder()
      let before = ProcessMemory.peak
      try Checkpoints(in: scratch.url, keep: 1).save(step: 1) { folder in
        try AtomicFile.write(Safetensors.pieces(of: tensors), to: folder.appendingPathComponent("state"))
      }
      let file = scratch("step-00000001/state")
      let bytes = try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int ?? 0
      guard bytes > 128 << 20, ProcessMemory.peak - before < 64.0 / 1024 else { exit(1) }
    }
  }
}

@Suite struct RunFolderTests {
  struct Details: Codable, Equatable, Sendable { var data: [String: String] }

  private let record = RunRecord(
    kind: .agent, seed: .max, version: "1.0", started: Date(timeIntervalSince1970: 1e9),
    details: Details(data: ["road": "ab12"]))

  private func create(_ url: URL) throws -> RunFolder {
    try .create(at: url, configuration: "agent: {}\n", record: record)
  }

  @Test func keepsItsConfigurationAndRecord() throws {
    let scratch = try ScratchFolder()
    let folder = try create(scratch("runs/one"))
    #expect(try text(folder.url.appendingPathComponent("configuration.yaml")) == "agent: {}\n")
    let read = try RunRecord<Details>(from: folder.url, kind: .agent)
    #expect(
      read.seed == .max && read.version == "1.0" && read.started == record.started && read.details == record.details)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch("runs").path) == ["one"])
  }

  @Test func takesAnEmptyFolderButNoneInUse() throws {
    let scratch = try ScratchFolder()
    try FileManager.default.createDirectory(at: scratch("run"), withIntermediateDirectories: true)
    _ = try create(scratch("run"))
    try FileManager.default.createDirectory(
      at: scratch("run/checkpoints/step-00000001"), withIntermediateDirectories: true)
    #expect(throws: RunError.folderInUse(scratch("run").path)) { try create(scratch("run")) }
    #expect(throws: RunError.folderInUse(scratch("run").path)) { try RunFolder.checkAvailable(scratch("run")) }
    try write("", to: scratch("file"))
    #expect(throws: RunError.cannotWrite(scratch("file").path, reason: "it is a file")) { try create(scratch("file")) }
    #expect(throws: RunError.self) { try create(scratch("file/run")) }
    #expect(try scratch.names == ["file", "run"])
  }

  /// Nothing is lost with a run that made no checkpoint.
  @Test func beginsAgainWhatHasNoCheckpoint() throws {
    let scratch = try ScratchFolder()
    do {
      let folder = try create(scratch("run"))
      for name in [
        "metrics.jsonl", "events.out.tfevents.1", "checkpoints/.step-00000001.partial/state", "world-model.safetensors",
        ".metrics.jsonl.partial-1234abcd",
      ] {
        let file = folder.url.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try write("old", to: file)
      }
      #expect(throws: RunError.lockedByAnotherProcess(scratch("run").path)) { try create(scratch("run")) }
      #expect(throws: RunError.lockedByAnotherProcess(scratch("run").path)) {
        try RunFolder.checkAvailable(scratch("run"))
      }
      try folder.checkIsThere()
    }
    let again = try RunFolder.create(at: scratch("run"), configuration: "agent: {actions: sampled}\n", record: record)
    #expect(try text(scratch("run/configuration.yaml")) == "agent: {actions: sampled}\n")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scratch("run").path).sorted() == [
        "configuration.yaml", "run.json",
      ])
    try again.checkIsThere()
  }

  @Test func keepsWhatIsNotItsOwn() throws {
    let scratch = try ScratchFolder()
    _ = try create(scratch("run"))
    try write("mine", to: scratch("run/notes.txt"))
    #expect(throws: RunError.folderInUse(scratch("run").path)) { try create(scratch("run")) }
    #expect(try text(scratch("run/notes.txt")) == "mine")
  }

  @Test func noticesThatItWasRemovedOrReplaced() throws {
    let scratch = try ScratchFolder()
    let (folder, gone) = (
      try create(scratch("run")),
      RunError.cannotWrite(scratch("run").path, reason: "it was removed or replaced while the run was in it")
    )
    try FileManager.default.removeItem(at: scratch("run"))
    #expect(throws: gone) { try folder.checkIsThere() }
    _ = try create(scratch("run"))
    #expect(throws: gone) { try folder.checkIsThere() }
  }

  @Test func takesNamesAsLongAsFileSystemsDo() throws {
    let scratch = try ScratchFolder()
    let long = String(repeating: "n", count: 255)
    _ = try create(scratch(long))
    try AtomicFile.write(Data("whole".utf8), to: scratch(String(long.dropLast()) + "f"))
    #expect(try scratch.names.count == 2 && text(scratch(String(long.dropLast()) + "f")) == "whole")
    let refusal = RunError.cannotWrite(scratch(long + "n").path, reason: "File name too long")
    #expect(throws: refusal) { try RunFolder.checkAvailable(scratch(long + "n")) }
    #expect("\(refusal)".hasSuffix("give it a shorter name"))
  }

  @Test func checkingLeavesNothingBehind() throws {
    let scratch = try ScratchFolder()
    try RunFolder.checkAvailable(scratch("a/b/c"))
    #expect(try scratch.names.isEmpty)
  }

  @Test func isUsedByOneAtATime() throws {
    let scratch = try ScratchFolder()
    var folder: RunFolder? = try create(scratch("run"))
    _ = withExtendedLifetime(folder) {
      #expect(throws: RunError.lockedByAnotherProcess(scratch("run").path)) { try RunFolder.open(at: scratch("run")) }
    }
    folder = nil
    _ = try RunFolder.open(at: scratch("run"))
  }

  @Test func refusesWhatIsNoRunOrAnother() throws {
    let scratch = try ScratchFolder()
    let url = scratch.url
    func read() throws { _ = try RunRecord<Details>(from: url, kind: .agent) }
    #expect(throws: RunError.notARun(url.path, reason: "it has no run.json")) { try RunFolder.open(at: url) }
    #expect(throws: RunError.notARun(url.path, reason: "it has no run.json")) { try read() }
    try write("{", to: scratch("run.json"))
    #expect(throws: RunError.damagedRun(url.path, reason: "its run.json names no kind and format")) { try read() }
    try write(#"{"kind": "agent", "format": 5}"#, to: scratch("run.json"))
    #expect(throws: RunError.unsupportedFormat(url.path, found: 5, supported: 3)) { try read() }
    try write(#"{"kind": "agent", "format": 4, "version": "abc"}"#, to: scratch("run.json"))
    let newer = RunError.unsupportedFormat(url.path, found: 4, supported: 3, version: "abc")
    #expect(throws: newer) { try read() }
    #expect("\(newer)".hasSuffix("use the version that wrote it: abc"))
    try write(#"{"kind": "agent", "format": 3, "checksum": 5}"#, to: scratch("run.json"))
    #expect(throws: RunError.damagedRun(url.path, reason: "its run.json has changed since it was written")) {
      try read()
    }
    try write(#"{"kind": "world-model", "format": 1}"#, to: scratch("run.json"))
    #expect(throws: RunError.wrongKind(url.path, expected: "agent", found: "world-model")) { try read() }
    try write(#"{"kind": "agent", "format": 1}"#, to: scratch("run.json"))
    #expect(throws: RunError.damagedRun(url.path, reason: "its run.json is incomplete")) { try read() }
  }

  /// One that begins at another time is another, and so is what is made of it, as by an export.
  @Test func isNamedByWhatItBeginsWith() throws {
    let scratch = try ScratchFolder()
    for name in ["one", "same"] { _ = try create(scratch(name)) }
    var later = record
    later.started += 1
    _ = try RunFolder.create(at: scratch("later"), configuration: "agent: {}\n", record: later)
    var given = try RunRecord<Details>(from: scratch("one"), kind: .agent)
    given.details.data = [:]
    _ = try RunFolder.create(at: scratch("given"), configuration: "", record: given)
    let identity = try #require(try RunIdentity.of(scratch("one")))
    #expect(try RunIdentity.of(scratch("same")) == identity)
    #expect(try RunIdentity.of(scratch("later")) != identity && RunIdentity.of(scratch("given")) != identity)
  }

  /// A pipe would let wait for ever, and a device has no end.
  @Test(arguments: ["run.json", "configuration.yaml", "metrics.jsonl", "manifest.json", "model"])
  func onlyFilesAreRead(name: String) throws {
    let scratch = try ScratchFolder()
    let run = try create(scratch("run"))
    try MetricsLog(in: run.url).append(["a": 1], step: 1)
    let checkpoints = Checkpoints(in: run.url, keep: 1, of: try RunIdentity.of(run.url))
    let saved = try checkpoints.save(step: 1) { try write("weights", to: $0.appendingPathComponent("model")) }
    let read = {
      _ = try RunRecord<Details>(from: run.url, kind: .agent).configuration(in: run.url)
      _ = try MetricsLog.lines(of: run.url)
      _ = try checkpoints.checkpoint(of: 1)
    }
    try read()
    let folder = ["manifest.json", "model"].contains(name) ? saved.url : run.url
    let file = folder.appendingPathComponent(name)
    try FileManager.default.removeItem(at: file)
    #expect(mkfifo(file.path, 0o600) == 0)
    let refusal = #expect(throws: RunError.self, performing: read)
    #expect("\(try #require(refusal))".contains("it is a pipe, not a file"))
    try FileManager.default.removeItem(at: file)
    try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: "/dev/zero")
    let other = #expect(throws: RunError.self, performing: read)
    #expect("\(try #require(other))".contains("it is a device, not a file"))
  }

  @Test func noticesAChangedRecord() throws {
    let scratch = try ScratchFolder()
    let record = RunRecord(
      kind: .agent, seed: 7, version: "abc", started: Date(timeIntervalSince1970: 0),
      details: Details(data: ["a": "b"]))
    let text = try String(decoding: record.encoded(), as: UTF8.self)
    try write(text, to: scratch("run.json"))
    #expect(try RunRecord<Details>(from: scratch.url, kind: .agent).seed == 7)
    // How it is laid out does not count.
    try write(text.replacing("\n", with: " "), to: scratch("run.json"))
    #expect(try RunRecord<Details>(from: scratch.url, kind: .agent).details.data == ["a": "b"])
    for (old, new) in [("7", "8"), (#""b""#, #""c""#)] {
      try write(text.replacing(old, with: new, maxReplacements: 1), to: scratch("run.json"))
      #expect(throws: RunError.self) { try RunRecord<Details>(from: scratch.url, kind: .agent) }
    }
  }
}
