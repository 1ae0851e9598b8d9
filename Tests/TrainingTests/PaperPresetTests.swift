import Foundation
import Testing

@testable import Training

/// The presets that stand for somebody else's method, which no change of our defaults may change.
struct PaperPresetTests {
  /// All settings, those too that a preset leaves to the defaults. A new setting belongs into the fixtures, with what
  /// leaves these methods as they are.
  @Test(arguments: ["paper", "authors"]) func standsForWhatItEverDid(name: String) throws {
    let layers = try Presets.layers([name])
    let world = try WorldModelConfiguration.load(.worldModel, from: layers)
    let agent = try AgentConfiguration.load(.agent, from: layers)
    let all = try world.yaml(.worldModel) + agent.yaml(.agent)
    let file = try #require(Bundle.module.url(forResource: "Fixtures/presets/\(name)", withExtension: "yaml"))
    #expect(try String(contentsOf: file, encoding: .utf8) == all)
  }
}
