import Foundation
import Imitation
import Runs
import Settings
import Spaces
import Testing
import Torch

@testable import Training

/// Runs as versions of old wrote them, which load for ever. They are never made anew: a format that changes gets a
/// folder beside them.
@Suite struct RunFormatTests {
  private func run(_ name: String) throws -> URL {
    try #require(Bundle.module.url(forResource: "Fixtures/runs/\(name)", withExtension: nil))
  }

  @Test func aWorldModelOfTheFirstFormatLoads() throws {
    let world = try LoadedWorldModel(at: run("world-model"))
    #expect(
      world.record.seed == 1 && world.record.details.observation == ObservationSpace(height: 32, width: 32)
        && world.record.details.actions == 3)
    #expect(
      world.configuration.model.depth == 2 && world.configuration.training.steps == 4 && world.fingerprint == "91923c56"
    )
    let file = try Safetensors(at: run("world-model").appending(path: "checkpoints/step-00000004/state.safetensors"))
    for (name, tensor) in world.weights { #expect(try file.tensor(name).bytes() == tensor.bytes(), "\(name)") }
  }

  @Test func anAgentOfTheFirstFormatLoadsAndActs() throws {
    let loaded = try LoadedAgent(at: run("agent"))
    #expect(
      loaded.facts.method == .ditto && loaded.facts.step == 3 && loaded.facts.expertEpisodes == 2
        && loaded.pipeline.kind == .road)
    #expect(loaded.record.details.worldModel?.fingerprint == "48674bc7")
    let acted = try (0..<8).map { shade in
      loaded.agent.reset()
      return try loaded.agent.act(on: (0..<1024).map { UInt8(truncatingIfNeeded: $0 * shade) })
    }
    #expect(acted == [1, 1, 0, 1, 1, 0, 2, 1])
  }

  /// Agents of 0.1 that see numbers, or a picture and numbers beside it, and what they did, here and there.
  @Test(arguments: [
    (
      "numbers-ditto", [] as [Int], 3,
      [-0.08682001, 0.62170315, 0.0048029423, 0.27851272, -0.34738088, 0.10953212] as [Float]
    ),
    ("numbers-bc", [], 3, [0.01147294, -0.7155657, -0.2383318, 0.117403984, -0.5545503, -0.14204776]),
    ("both-dbc", [1, 0, 1, 1, 1, 1], 4, []),
  ]) func agentsOfTheFirstFormatActAsTheyDid(name: String, classes: [Int], count: Int, numbers: [Float]) throws {
    let agent = try LoadedAgent(at: run(name), actions: .best).agent
    let pixels = agent.observation.images.isEmpty ? 0 : 4096
    let acted = try (0..<6).map { step in
      agent.reset()
      let picture = (0..<pixels).map { UInt8((step * 5 + $0 * 3) % 256) }
      return try agent.act(
        on: picture + .bytes(of: (0..<count).map { Float((step * 7 + $0 * 3) % 11 - 5) / 5 }))
    }
    #expect(numbers.isEmpty || zip(acted, numbers).allSatisfy { abs($0.numbers[0] - $1) < 1e-6 })
    #expect(!numbers.isEmpty || acted.map { $0.classes[0] } == classes)
  }

  /// The third format, whose files say what run they are of, and that they are as they were written.
  @Test func anAgentOfTheThirdFormatLoadsAndActs() throws {
    let loaded = try LoadedAgent(at: run("summed-agent"), actions: .best)
    #expect(try RunIdentity.of(run("summed-agent")) == "ff96f61d")
    #expect(loaded.facts.step == 3 && loaded.facts.selectedBy == .offline && loaded.facts.worldModel == "9bd61fe0")
    let acted = try (0..<8).map { shade in
      loaded.agent.reset()
      return try loaded.agent.act(on: (0..<1024).map { UInt8(truncatingIfNeeded: $0 * shade) })
    }
    #expect(acted == [0, 0, 0, 2, 2, 2, 2, 2])
  }

  /// An agent would have nothing to compare its surprise with, without a word.
  @Test(arguments: ["", "{\"step\":1,\"time\":1.5}\n"]) func aRunThatLostItsLogSaysSo(left: String) throws {
    let copy = FileManager.default.temporaryDirectory.appending(path: "ditto-lost-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: copy) }
    for name in ["summed-agent", "agent"] {
      try? FileManager.default.removeItem(at: copy)
      try FileManager.default.copyItem(at: run(name), to: copy)
      let log = copy.appending(path: MetricsLog.name)
      try FileManager.default.removeItem(at: log)
      if name == "agent" {
        #expect(try Surprise.bounds(of: copy) == nil)
      } else {
        if !left.isEmpty { try Data(left.utf8).write(to: log) }
        #expect(throws: RunError.self) { try Surprise.bounds(of: copy) }
      }
    }
  }

  /// What its documents could not say is as it was then, for a run that begins with its weights too.
  @Test func anotherRunBeginsAsOneOfTheFirstFormatDid() throws {
    let agent = try AgentConfiguration.load(AgentRun.layers(of: run("agent")), overrides: [])
    #expect(agent.imitation.dreamsPerWindow == 1 && !agent.imitation.sharedNoise)
    #expect(agent.imitation.warmStart.cloningSteps == 0 && agent.latents.encodings == 1)
  }

  @Test func anAgentOfTheFirstFormatIsGivenAway() throws {
    let given = FileManager.default.temporaryDirectory.appending(path: "ditto-given-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: given) }
    try Export.run(run("agent"), to: given)
    let (facts, own) = (try LoadedAgent(at: given).facts, try LoadedAgent(at: run("agent")).facts)
    #expect(facts.step == 3 && facts.seconds == own.seconds && facts.gradientSteps == own.gradientSteps)
    #expect(try MetricsLog.lines(of: given) == MetricsLog.lines(of: run("agent")))
  }

  /// What 0.1 could write where learning left the finite.
  @Test func weightsThatAreNotFiniteAreRefused() throws {
    let file = URL(fileURLWithPath: "weights")
    let weights = { (last: Float) -> NamedTensors in [("a", Tensor([1, 2], [2])), ("b", Tensor([0, last], [2]))] }
    try weights(3).checkFinite(in: file)
    for last in [Float.nan, .infinity] {
      #expect(throws: RunError.damagedRun(file.path, reason: "b is not finite")) {
        try weights(last).checkFinite(in: file)
      }
    }
  }
}
