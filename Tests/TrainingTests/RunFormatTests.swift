import Foundation
import Imitation
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
}
