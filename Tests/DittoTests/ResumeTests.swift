import Foundation
import Testing

/// A run that was stopped and resumed ends with the weights of one that never was, bit for bit.
@Suite(.serialized) struct ResumeTests {
  private static let steps = 60
  private static let sizes = [
    "model.depth=2", "model.deterministic=16", "model.hidden=16", "model.groups=4", "model.classes=4",
    "sequences.batch=4", "sequences.length=8",
  ]
  private static let training = [
    "training.steps=\(steps)", "training.logInterval=5", "training.checkpointInterval=7",
    "training.validationInterval=20",
  ]

  private func settings(_ keys: [String]) -> [String] { keys.flatMap { ["--set", $0] } }

  private func recorded() throws -> Scratch {
    let scratch = try Scratch()
    try Program.succeed(
      "record", "--environment", "road", "--epsilon", "0,0.5", "--episodes", "8", "--output", "data", in: scratch.url)
    return scratch
  }

  /// Trains once to the end, and once stopped by `signal` as soon as there is a checkpoint; compares.
  private func check(_ arguments: [String], signal: Int32, in scratch: Scratch) throws {
    let finished = try Program.start(arguments + ["--output", "whole"], in: scratch.url).wait()
    try #require(finished.status == 0, "\(finished.errors)")

    let (process, wait) = try Program.start(arguments + ["--output", "stopped"], in: scratch.url)
    while process.isRunning, !scratch.exists("stopped/checkpoints/step-00000007") { usleep(2_000) }
    kill(process.processIdentifier, signal)
    let stopped = try wait()
    let last = "checkpoints/step-000000\(Self.steps)/state.safetensors"
    try #require(!scratch.exists("stopped/" + last), "it was finished before the signal came; give it more steps")
    if signal == SIGTERM {
      #expect(stopped.status == 143)
      #expect(stopped.errors.contains("--resume goes on from there"))
    }
    let resumed = try Program.start(
      Array(arguments.prefix(2)) + ["--resume", "--threads", "1", "--output", "stopped"], in: scratch.url
    ).wait()
    try #require(resumed.status == 0, "\(resumed.errors)")
    #expect(try scratch.bytes("whole/" + last) == scratch.bytes("stopped/" + last))
    #expect(try loggedSteps("stopped", in: scratch) == loggedSteps("whole", in: scratch))
  }

  private func loggedSteps(_ run: String, in scratch: Scratch) throws -> [Int] {
    struct Line: Decodable { let step: Int }
    return try String(decoding: scratch.bytes(run + "/metrics.jsonl"), as: UTF8.self).split(separator: "\n").map {
      try JSONDecoder().decode(Line.self, from: Data($0.utf8)).step
    }
  }

  @Test(arguments: [(SIGTERM, "episodes"), (SIGKILL, "continuing")]) func worldModel(signal: Int32, sampling: String)
    throws
  {
    let scratch = try recorded()
    let arguments = ["train", "world-model", "--data", "data", "--threads", "1", "--seed", "3"]
    try check(
      arguments + settings(Self.sizes + Self.training + ["sequences.sampling=\(sampling)"]), signal: signal, in: scratch
    )
  }

  @Test(arguments: [(SIGTERM, "ditto"), (SIGKILL, "dgail")]) func agent(signal: Int32, method: String) throws {
    let scratch = try recorded()
    let world = try Program.start(
      ["train", "world-model", "--data", "data", "--threads", "1", "--output", "world"]
        + settings(Self.sizes + ["training.steps=5"]), in: scratch.url
    ).wait()
    try #require(world.status == 0, "\(world.errors)")
    let small = [
      "imitation.batch=32", "imitation.horizon=4", "imitation.policy.width=16", "imitation.targetInterval=9",
      "imitation.warmStart.cloningSteps=0",
    ]
    let arguments = [
      "train", "agent", "--world-model", "world", "--data", "data", "--use-episodes", "2", "--threads", "1", "--seed",
      "3", "--method", method,
    ]
    try check(arguments + settings(small + Self.training), signal: signal, in: scratch)
  }
}
