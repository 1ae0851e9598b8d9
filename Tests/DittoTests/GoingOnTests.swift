import Foundation
import Testing
import Torch

/// Runs that go on beyond their last step, begin with another's weights, or are looked at again after they left the
/// finite.
@Suite struct GoingOnTests {
  private static let sizes = [
    "model.depth=2", "model.deterministic=16", "model.hidden=16", "model.groups=4", "model.classes=4",
    "sequences.batch=2", "sequences.length=4",
  ]

  private func train(_ words: [String], _ keys: [String] = [], in scratch: Scratch) throws -> Program.Outcome {
    try Program.start(["train"] + words + keys.flatMap { ["--set", $0] }, in: scratch.url).wait()
  }

  private func world(_ output: String, _ keys: [String], in scratch: Scratch) throws -> Program.Outcome {
    try train(["world-model", "--data", "data", "--threads", "1", "--output", output], Self.sizes + keys, in: scratch)
  }

  @Test func extendedItReachesTheBitsOfALongerRun() throws {
    let scratch = try CommandTests.made.get()
    let steady = "optimizer.linearDecay=0"
    #expect(try world("longer", ["training.steps=9", steady], in: scratch).status == 0)
    #expect(try world("shorter", ["training.steps=4", steady], in: scratch).status == 0)
    let extended = try train(
      ["world-model", "--resume", "--extend", "5", "--threads", "1", "--output", "shorter"], in: scratch)
    #expect(extended.status == 0 && !extended.errors.contains("warning"), "\(extended.errors)")
    let last = "checkpoints/step-00000009/state.safetensors"
    #expect(try scratch.bytes("longer/" + last) == scratch.bytes("shorter/" + last))
    #expect(
      try !Program.succeed(
        "dream", "shorter", "--data", "data", "--steps", "3", "--output", "shorter.gif", in: scratch.url
      ).errors.contains("not finished"))
    // Now its own number of steps is meant.
    let finished = try train(["world-model", "--resume", "--threads", "1", "--output", "shorter"], in: scratch)
    #expect(finished.status == 0, "\(finished.errors)")
  }

  @Test func saysThatAnAgentStaysAClone() throws {
    let scratch = try CommandTests.made.get()
    let words = ["agent", "--world-model", "world", "--data", "data", "--threads", "1", "--output"]
    let keys = ["imitation.batch=8", "imitation.warmStart.cloningSteps=1", "training.steps=2"]
    for (name, criticSteps, isSaid) in [("stays", 2, true), ("leaves", 1, false)] {
      let trained = try train(
        words + [name], keys + ["imitation.warmStart.criticSteps=\(criticSteps)"], in: scratch)
      #expect(trained.status == 0 && trained.errors.contains("stays the clone") == isSaid, "\(trained.errors)")
    }
  }

  @Test func saysWhatBecomesOfSchedules() throws {
    let scratch = try CommandTests.made.get()
    #expect(try world("cooled", ["training.steps=2"], in: scratch).status == 0)
    let extended = try train(
      ["world-model", "--resume", "--extend", "2", "--threads", "1", "--output", "cooled"], in: scratch)
    #expect(
      extended.status == 0 && extended.errors.contains("optimizer.linearDecay is 0.6")
        && extended.errors.contains("end of 4"), "\(extended.errors)")
  }

  @Test(arguments: ["world", "agent"]) func beginsWithTheWeightsOfAnother(run: String) throws {
    let (scratch, output) = (try CommandTests.made.get(), "from-\(run)")
    let words = run == "world" ? ["world-model"] : ["agent", "--world-model", "world"]
    let begun = try train(
      words + ["--data", "data", "--from", run, "--output", output], ["training.steps=1"], in: scratch)
    #expect(begun.status == 0, "\(begun.errors)")
    #expect(String(decoding: try scratch.bytes("\(output)/run.json"), as: UTF8.self).contains("\(run), step 2, "))
    let state = { (path: String) in try Safetensors(at: scratch.url.appending(path: path + "/state.safetensors")) }
    let (other, first, last) = (
      try state("\(run)/checkpoints/step-00000002"), try state("\(output)/checkpoints/step-00000000"),
      try state("\(output)/checkpoints/step-00000001")
    )
    let weights = other.names.filter { $0.hasPrefix("model.") || $0.hasPrefix("networks.") }
    #expect(weights.count > 5)
    for name in weights { #expect(try first.tensor(name).bytes() == other.tensor(name).bytes(), "\(name)") }
    #expect(try weights.contains { try last.tensor($0).bytes() != other.tensor($0).bytes() })
    #expect(try first.tensor(other.names.first { $0.hasSuffix(".steps") }!).item == 0)
    // Without the checkpoint that has them there is no way to go on.
    try FileManager.default.removeItem(at: scratch.url.appending(path: "\(output)/checkpoints"))
    let resumed = try train([words[0], "--resume", "--output", output], in: scratch)
    #expect(resumed.status != 0 && resumed.errors.contains("began with weights of"), "\(resumed.errors)")
  }

  @Test func aRunThatCannotBeExtendedStaysAsItWas() throws {
    let scratch = try CommandTests.made.get()
    let file = { (name: String) in scratch.url.appending(path: name) }
    try FileManager.default.copyItem(at: file("data"), to: file("leaving"))
    let words = ["world-model", "--data", "leaving", "--threads", "1", "--output", "kept"]
    #expect(try train(words, Self.sizes + ["training.steps=1"], in: scratch).status == 0)
    let record = try scratch.bytes("kept/run.json")
    try FileManager.default.removeItem(at: file("leaving"))
    #expect(try train(["world-model", "--resume", "--extend", "2", "--output", "kept"], in: scratch).status == 65)
    #expect(try scratch.bytes("kept/run.json") == record)
    // A disk that is not there now.
    try FileManager.default.removeItem(at: file("kept/checkpoints"))
    try FileManager.default.createSymbolicLink(at: file("kept/checkpoints"), withDestinationURL: file("nowhere"))
    try FileManager.default.copyItem(at: file("data"), to: file("leaving"))
    let metrics = try scratch.bytes("kept/metrics.jsonl")
    let resumed = try train(["world-model", "--resume", "--output", "kept"], in: scratch)
    #expect(resumed.status != 0 && resumed.errors.contains("a link to what is not there"), "\(resumed.errors)")
    #expect(try scratch.bytes("kept/metrics.jsonl") == metrics)
  }

  @Test func keepsWhatLeftTheFiniteToBeSeenAgain() throws {
    let scratch = try CommandTests.made.get()
    let failed = try world(
      "diverged", ["training.steps=3", "training.logInterval=1", "optimizer.learningRate=1e39"], in: scratch)
    #expect(failed.status == 1 && failed.errors.contains("ditto train --replay"), "\(failed.errors)")
    let kept = try #require(
      try FileManager.default.contentsOfDirectory(atPath: scratch.url.appending(path: "diverged/failures").path).first)
    #expect(
      scratch.exists("diverged/failures/\(kept)/batch.safetensors")
        && !scratch.exists("diverged/checkpoints/step-00000001"))
    let replayed = try train(["--replay", "diverged/failures/\(kept)"], in: scratch)
    #expect(
      replayed.status == 0 && replayed.output.contains("Step 1 leaves the finite; its update made model."),
      "\(replayed.output) \(replayed.errors)")
  }
}
