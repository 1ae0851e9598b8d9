import Foundation
import Testing

/// Signals, and what two processes do to each other.
@Suite(.serialized) struct SignalTests {
  private static let training = ["training.checkpointInterval=7", "sequences.batch=2", "sequences.length=4"].flatMap {
    ["--set", $0]
  }
  private static let sizes = [
    "model.depth=2", "model.deterministic=16", "model.hidden=16", "model.groups=4", "model.classes=4",
  ].flatMap { ["--set", $0] }

  private func command(_ run: String, steps: Int) -> [String] {
    ["train", "world-model", "--data", "data", "--threads", "1", "--output", run, "--set", "training.steps=\(steps)"]
      + Self.training + Self.sizes
  }

  @Test(arguments: [SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU]) func stopsAfterACheckpoint(signal: Int32) throws {
    let (scratch, run) = (try CommandTests.made.get(), "signal-\(signal)")
    let (process, wait) = try Program.start(command(run, steps: 1_000_000), in: scratch.url)
    while process.isRunning, !scratch.exists("\(run)/checkpoints/step-00000007") { usleep(2_000) }
    // A terminal that is closed is told more than once.
    for _ in 0..<2 { kill(process.processIdentifier, signal) }
    let outcome = try wait()
    #expect(
      outcome.status == 128 + signal && outcome.errors.contains("after a checkpoint; --resume goes on from there"),
      "\(outcome.errors)")
  }

  @Test(arguments: ["INT", "HUP"]) func leavesSignalsIgnoredThatWere(signal: String) throws {
    let (scratch, run) = (try CommandTests.made.get(), "ignored-\(signal)")
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.currentDirectoryURL = scratch.url
    shell.arguments =
      ["-c", "trap '' \(signal); exec \"$@\" 2>/dev/null", "sh", Program.url.path] + command(run, steps: 40)
    try shell.run()
    while shell.isRunning, !scratch.exists("\(run)/checkpoints/step-00000007") { usleep(2_000) }
    kill(shell.processIdentifier, signal == "INT" ? SIGINT : SIGHUP)
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0 && scratch.exists("\(run)/checkpoints/step-00000040"))
  }

  @Test func stopsWhileEpisodesAreEncoded() throws {
    let scratch = try Scratch()
    try FileManager.default.copyItem(
      at: CommandTests.made.get().url.appending(path: "world"), to: scratch.url.appending(path: "world"))
    try Program.succeed("record", "--environment", "road", "--episodes", "40", "--output", "data", in: scratch.url)
    let (process, wait) = try Program.start(
      ["train", "agent", "--world-model", "world", "--data", "data", "--set", "training.steps=1", "--output", "agent"],
      in: scratch.url)
    let isEncoding = {
      try FileManager.default.contentsOfDirectory(atPath: scratch.url.appending(path: "world/latents").path).contains {
        $0.contains(".partial-")
      }
    }
    while process.isRunning, (try? isEncoding()) != true { usleep(2_000) }
    kill(process.processIdentifier, SIGTERM)
    let outcome = try wait()
    #expect(
      outcome.status == 143 && outcome.errors.contains("stopped while episodes of data-v0 were encoded")
        && !scratch.exists("agent"), "\(outcome.errors)")
    #expect(try !isEncoding())
  }

  @Test func aSecondRecordingLeavesTheFirstAlone() throws {
    let scratch = try Scratch()
    let command = ["record", "--environment", "road", "--episodes", "60", "--output", "data"]
    let (process, wait) = try Program.start(command, in: scratch.url)
    while process.isRunning, !scratch.exists(".data.partial/data/main_data.hdf5") { usleep(2_000) }
    let second = try Program.start(command, in: scratch.url).wait()
    #expect(second.status == 1 && second.errors.contains("another process is recording it"), "\(second.errors)")
    #expect(try wait().status == 0)
    #expect(try Program.succeed("data", "info", "data", in: scratch.url).output.contains("60, 0 terminated"))
  }

  /// What failed before its first checkpoint can be begun with better settings; and nothing is saved of an update that
  /// made weights infinite.
  @Test func beginsAgainWhatMadeNoCheckpoint() throws {
    let scratch = try CommandTests.made.get()
    let command =
      ["train", "world-model", "--data", "data", "--output", "again", "--set", "training.steps=1"] + Self.sizes
    let failed = try Program.start(
      command + ["--set", "optimizer.learningRate=1e39", "--set", "sequences.validationShare=0"], in: scratch.url
    ).wait()
    #expect(failed.status == 1 && failed.errors.contains("not finite after the update"), "\(failed.errors)")
    #expect(scratch.exists("again/run.json") && !scratch.exists("again/checkpoints/step-00000001"))
    let begun = try Program.start(command, in: scratch.url).wait()
    #expect(begun.status == 0 && scratch.exists("again/checkpoints/step-00000001"), "\(begun.errors)")
    #expect(try !String(decoding: scratch.bytes("again/configuration.yaml"), as: UTF8.self).contains("e+39"))
    #expect(try Program.start(command, in: scratch.url).wait().status == 64)
  }

  @Test func saysThatAFileInUseWasCutShort() throws {
    let scratch = try Scratch()
    for name in ["world", "data"] {
      try FileManager.default.copyItem(
        at: CommandTests.made.get().url.appending(path: name), to: scratch.url.appending(path: name))
    }
    let settings = [
      "training.steps=1000000", "training.checkpointInterval=1", "imitation.batch=8", "imitation.horizon=3",
      "imitation.warmStart.cloningSteps=0",
    ].flatMap { ["--set", $0] }
    let (process, wait) = try Program.start(
      ["train", "agent", "--world-model", "world", "--data", "data", "--threads", "1", "--output", "agent"] + settings,
      in: scratch.url)
    while process.isRunning, !scratch.exists("agent/checkpoints/step-00000002") { usleep(2_000) }
    let latents = scratch.url.appending(path: "world/latents")
    for name in try FileManager.default.contentsOfDirectory(atPath: latents.path) {
      truncate(latents.appending(path: name).path, 0)
    }
    let outcome = try wait()
    #expect(outcome.status == 1 && outcome.errors.hasSuffix("begin again\n"), "\(outcome.errors)")
  }

  /// What was learned since the last checkpoint may be of other frames; before it, it is not.
  @Test func keepsNothingOfDataThatWasChangedMeanwhile() throws {
    let scratch = try CommandTests.made.get()
    let (data, run) = (scratch.url.appending(path: "rewritten"), "learns-rewritten")
    try FileManager.default.copyItem(at: scratch.url.appending(path: "data"), to: data)
    var words = command(run, steps: 1_000_000)
    words[words.firstIndex(of: "data")!] = "rewritten"
    let (process, wait) = try Program.start(words, in: scratch.url)
    while process.isRunning, !scratch.exists("\(run)/checkpoints/step-00000007") { usleep(2_000) }
    let file = try FileHandle(forWritingTo: data.appending(path: "data/main_data.hdf5"))
    let size = try file.seekToEnd()
    try file.write(contentsOf: [0])
    let outcome = try wait()
    #expect(
      outcome.status == 65 && outcome.errors.contains("main_data.hdf5: was changed while it was in use"),
      "\(outcome.errors)")
    try file.truncate(atOffset: size)
    let dreamed = try Program.start(
      ["dream", run, "--data", "rewritten", "--steps", "3", "--output", "rewritten.gif"], in: scratch.url
    ).wait()
    #expect(dreamed.status == 0, "\(dreamed.errors)")
  }

  @Test func writesNothingToARunThatIsGone() throws {
    let scratch = try CommandTests.made.get()
    let (process, wait) = try Program.start(command("gone", steps: 1_000_000), in: scratch.url)
    while process.isRunning, !scratch.exists("gone/checkpoints/step-00000007") { usleep(2_000) }
    try FileManager.default.moveItem(at: scratch.url.appending(path: "gone"), to: scratch.url.appending(path: "moved"))
    let outcome = try wait()
    #expect(
      outcome.status == 1 && outcome.errors.contains("removed or replaced") && !scratch.exists("gone"),
      "\(outcome.errors)")
  }
}
