import Demonstrations
import Environments
import Foundation
import Imitation
import Testing

@testable import Evaluation
@testable import Studies
@testable import Training

/// What the study says of rewards in a world model of the road that learned.
@Suite final class SignalStudyTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-signal-\(UUID().uuidString)")
  deinit { try? FileManager.default.removeItem(at: scratch) }

  /// Of an expert with so many episodes.
  private func study(episodes: Int, useEpisodes: Int? = nil) throws -> SignalStudy {
    let (world, folder) = (
      try LoadedWorldModel.road(at: scratch.appending(path: "world")), scratch.appending(path: "expert")
    )
    try Recording(
      environment: "road", pipeline: world.configuration.pipeline, episodes: episodes, epsilons: [0], seed: 1
    ).run(.scripted, named: "scripted", to: folder)
    var configuration = AgentConfiguration()
    (configuration.cloning.batch, configuration.imitation.policy.width, configuration.imitation.policy.hiddenLayers) = (
      64, 32, 1
    )
    configuration.imitation.horizon = 10
    return try SignalStudy(
      world, Dataset(at: folder), useEpisodes: useEpisodes, rewards: [.dot], configuration, seed: 0, Compute())
  }

  @Test func tellsTheExpertFromRandomPlay() throws {
    let study = try study(episodes: 4)
    #expect(study.heldOut == 2 && study.signals.map(\.actions) == ["expert", "dbc", "random"])
    let (expert, clone, random) = (study.signals[0], study.signals[1], study.signals[2])
    #expect(expert.separation == .init(repeating: 0.5, count: 10))
    #expect(random.separation.last! > 0.65 && random.mean.last! < expert.mean.last!, "\(study)")
    // A clone of the expert is closer to it than random play.
    #expect(clone.separation.last! < random.separation.last!)
    #expect(
      study.signals.allSatisfy { signal in
        signal.mean.indices.allSatisfy { signal.low[$0] <= signal.mean[$0] && signal.mean[$0] <= signal.high[$0] }
      })
  }

  @Test func saysThatNothingIsHeldOut() throws {
    let study = try study(episodes: 1)
    #expect(
      study.heldOut == 0 && "\(study)".contains("Dreams start in the episodes that rewards and cloning learned from"))
  }

  @Test func refusesToLearnFromMoreThanThereIs() {
    #expect(throws: ExperimentError.tooFewEpisodes(dataset: "expert-v0", wanted: 2, found: 1)) {
      try self.study(episodes: 1, useEpisodes: 2)
    }
  }
}
