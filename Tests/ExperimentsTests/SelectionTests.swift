import Demonstrations
import Environments
import Foundation
import Spaces
import Testing

@testable import Experiments
@testable import Imitation

/// Which checkpoint of a run acts, and what results say about it.
@Suite final class SelectionTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-selection-\(UUID().uuidString)")
  deinit { try? FileManager.default.removeItem(at: scratch) }

  private func path(_ name: String) -> URL { scratch.appending(path: name) }

  /// A run of a few steps on the road's expert, validated after each of them.
  private func trained(_ name: String, select selection: Selection = .last, kept: Int = 100, useEpisodes: Int? = 2) throws {
    if !FileManager.default.fileExists(atPath: path("data").path) {
      try Recording(environment: "road", pipeline: PixelPipeline(.road, size: 32), episodes: 3, epsilons: [0], seed: 1)
        .run(.scripted, named: "scripted", to: path("data"))
    }
    var world = WorldModelConfiguration()
    (world.model.depth, world.pipeline) = (2, PixelPipeline(.road, size: 32))
    var configuration = AgentConfiguration()
    (configuration.method, configuration.selection, configuration.imitation.policy.width) = (.bc, selection, 16)
    (configuration.cloning.batch, configuration.training.steps, configuration.training.keptCheckpoints) = (32, 6, kept)
    (configuration.training.checkpointInterval, configuration.training.validationInterval, configuration.training.logInterval) = (1, 1, 1)
    configuration.cloning.optimizer.learningRate = 0.01
    try AgentRun.start(at: path(name), .pixels(world), data: path("data"), useEpisodes: useEpisodes, configuration, seed: 0, Compute())
  }

  @Test func actsWithTheCheckpointThatItsConfigurationSelects() throws {
    try trained("last")
    try trained("offline", select: .offline, kept: 1)
    let scores = try MetricsLog.lines(of: path("offline")).map { (step: Int($0["step"]!), score: $0["validation/agreement"]!) }
    let best = try #require(scores.max { ($0.score, $0.step) < ($1.score, $1.step) }).step
    #expect(Set(scores.map(\.score)).count > 1)
    let (last, offline) = (try LoadedAgent(at: path("last")).facts, try LoadedAgent(at: path("offline")).facts)
    #expect((last.step, last.selectedBy) == (6, .last) && (offline.step, offline.selectedBy) == (best, .offline))
    // Of all others only the newest is kept.
    #expect(Set(try TrainingLoop.checkpoints(of: path("offline"), keep: 1).steps()) == [best, 6])
    #expect((try LoadedAgent(at: path("last"), step: 3).facts.step, try LoadedAgent(at: path("last"), step: 3).facts.selectedBy) == (3, .named))
    #expect(throws: ExperimentError.noSuchCheckpoint(path("last").path, 7, known: [1, 2, 3, 4, 5, 6])) { try LoadedAgent(at: self.path("last"), step: 7) }
    #expect(throws: ExperimentError.nothingHeldOut("data-v0")) { try self.trained("none", select: .offline, useEpisodes: nil) }
  }

  @Test func marksWhatWasChosenByReturns() throws {
    try trained("run")
    let study = { (adopt: Bool) in
      try SelectionStudy([("run", self.path("run"))], environment: "road", episodes: 2, seed: 3, adopt: adopt, Compute())
    }
    let looked = try study(false)
    #expect(looked.checkpoints.map(\.step) == [1, 2, 3, 4, 5, 6] && looked.withinRuns == looked.together && Array(looked.together.keys) == ["validation/agreement"])
    #expect(try LoadedAgent(at: path("run")).facts.selectedBy == .last)
    let best = try #require(study(true).checkpoints.max { ($0.mean, $0.step) < ($1.mean, $1.step) })
    let facts = try LoadedAgent(at: path("run")).facts
    #expect((facts.step, facts.selectedBy) == (best.step, .online))
    #expect(looked.chosen["best"] == best.mean && looked.chosen["last"] == looked.checkpoints.last!.mean)
  }

  @Test func ranksAsSpearmanDoes() {
    #expect(rankCorrelation([1, 2, 3, 4], [10, 20, 30, 1000]) == 1 && rankCorrelation([1, 2, 3], [3, 2, 1]) == -1)
    #expect(rankCorrelation([1, 1, 1], [1, 2, 3]) == 0)
    // Ranks 0, 1.5, 1.5, 3 and 0, 2, 1, 3: covariance 4.5, variances 4.5 and 5.
    #expect(abs(rankCorrelation([1, 2, 2, 3], [1, 3, 2, 4]) - 4.5 / (4.5 * 5.0).squareRoot()) < 1e-12)
  }
}
