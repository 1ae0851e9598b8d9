import Demonstrations
import Environments
import Foundation
import Testing
import Torch

@testable import Evaluation
@testable import Training

/// The agents that come with the project, under `models/`.
@Suite struct ModelsTests {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(path: "models")

  private static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { FileManager.default.fileExists(atPath: folder.appending(path: "\($0)/run.json").path) }

  /// Where each acts, and what a few episodes return at least.
  private static let places = [
    "road": ("road", 200.0), "cartpole": ("gym:CartPole-v1", 300), "pong": ("gym:ALE/Pong-v5", 0),
  ]

  @Test func thereAreThoseThatAreNamed() { #expect(Set(Self.names) == Set(Self.places.keys)) }

  @Test(arguments: names) func playsAndIsSmall(name: String) throws {
    let folder = Self.folder.appending(path: name)
    let loaded = try LoadedAgent(at: folder)
    let bytes = try FileManager.default.subpathsOfDirectory(atPath: folder.path).map {
      (try FileManager.default.attributesOfItem(atPath: folder.appending(path: $0).path)[.size] as? Int) ?? 0
    }
    #expect(bytes.reduce(0, +) < 8_000_000)
    #expect(try !String(contentsOf: folder.appending(path: "run.json"), encoding: .utf8).contains("/"))
    let (environment, least) = try #require(Self.places[name])
    do {
      var pipeline = loaded.pipeline
      pipeline.maxEpisodeSteps = 500  // Of Pong, a third of a game.
      let result = try Evaluation(environment: environment, pipeline: pipeline, episodes: 4, seed: 77).run(
        .agent(loaded.agent), named: name)
      #expect(result.mean > least && result.starts?.different == 4)
    } catch EnvironmentError.noPython, EnvironmentError.missingPackage {}  // Gymnasium is optional.
  }

  /// Chosen on recorded frames by the versions that these agents came with, on a CPU. What changes one of them changes
  /// what an agent is.
  private static let actions = [
    "road": [
      "0022112111111111020112002011102121212120202010111001002020211112110201012001001111121121121211202020",
      "2012001101121211121111021001001020112121022121120211210020111111122112121102110010000111010122012122",
      "1221102020010111111212122021111101000010201101202020222121202012111111111122121111111000200001021110",
      "21121211121122021100120211110111101101000111111120202202121201002211202112112222",
    ].joined(),
    "pong": [
      "3000033330335505114005511100040244222515532553554443002055205255000535000005000315555555555210011111",
      "510005111533325355555555211155333555555555235335234",
    ].joined(),
    "cartpole": "100110101101001001010001010101101101011010010010100101010110110110101010101101101",
  ]

  /// The recordings of road and CartPole are of version 0.1, which had no fields, views or checksums.
  @Test(arguments: names) func choosesAsItEverDid(name: String) throws {
    let dataset = try Dataset(
      at: #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil)))
    let agent = try LoadedAgent(at: Self.folder.appending(path: name)).agent
    #expect(dataset.observation == agent.observation && dataset.actions == agent.actions)
    let size = dataset.observation.frameSize
    let chosen = try dataset.episodes.flatMap { episode in
      agent.reset()
      let frames = try dataset.frames(episode: episode.index)
      return try (0..<episode.frameCount).map { try agent.act(on: Array(frames[$0 * size..<($0 + 1) * size])) }
    }
    #expect(chosen.map { "\($0.classes[0])" }.joined() == Self.actions[name])
  }
}
