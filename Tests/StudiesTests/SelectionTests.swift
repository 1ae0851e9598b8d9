import Demonstrations
import Environments
import Foundation
import Spaces
import Testing

@testable import Evaluation
@testable import Imitation
@testable import Runs
@testable import Studies
@testable import Training

/// Which checkpoint of a run acts, and what results say about it.
@Suite final class SelectionTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-selection-\(UUID().uuidString)")
  deinit { try? FileManager.default.removeItem(at: scratch) }

  private func path(_ name: String) -> URL { scratch.appending(path: name) }

  /// A run of a few steps on the road's expert, validated after each of them.
  private func trained(_ name: String, select selection: Selection = .last, kept: Int = 100, useEpisodes: Int? = 2)
    throws
  {
    if !FileManager.default.fileExists(atPath: path("data").path) {
      try Recording(environment: "road", pipeline: PixelPipeline(.road, size: 32), episodes: 3, epsilons: [0], seed: 1)
        .run(.scripted, named: "scripted", to: path("data"))
    }
    var world = WorldModelConfiguration()
    (world.model.depth, world.pipeline) = (2, PixelPipeline(.road, size: 32))
    var configuration = AgentConfiguration()
    (configuration.method, configuration.selection, configuration.imitation.policy.width) = (.bc, selection, 16)
    (configuration.cloning.batch, configuration.training.steps, configuration.training.keptCheckpoints) = (32, 6, kept)
    (
      configuration.training.checkpointInterval, configuration.training.validationInterval,
      configuration.training.logInterval
    ) = (1, 1, 1)
    configuration.cloning.optimizer.learningRate = 0.01
    try AgentRun.start(
      at: path(name), .pixels(world), data: path("data"), useEpisodes: useEpisodes, configuration, seed: 0, Compute())
  }

  @Test func actsWithTheCheckpointThatItsConfigurationSelects() throws {
    try trained("last")
    try trained("offline", select: .offline, kept: 1)
    let scores = try MetricsLog.lines(of: path("offline")).map {
      (step: Int($0["step"]!), score: -$0["validation/nll"]!)
    }
    let best = try #require(scores.max { ($0.score, $0.step) < ($1.score, $1.step) }).step
    #expect(Set(scores.map(\.score)).count > 1)
    let (last, offline) = (try LoadedAgent(at: path("last")).facts, try LoadedAgent(at: path("offline")).facts)
    #expect((last.step, last.selectedBy) == (6, .last) && (offline.step, offline.selectedBy) == (best, .offline))
    // Of all others only the newest is kept.
    #expect(Set(try TrainingLoop.checkpoints(of: path("offline"), keep: 1).steps()) == [best, 6])
    #expect(
      (
        try LoadedAgent(at: path("last"), step: 3).facts.step,
        try LoadedAgent(at: path("last"), step: 3).facts.selectedBy
      ) == (3, .named))
    #expect(throws: ExperimentError.noSuchCheckpoint(path("last").path, 7, known: [1, 2, 3, 4, 5, 6])) {
      try LoadedAgent(at: self.path("last"), step: 7)
    }
    #expect(throws: ExperimentError.nothingHeldOut("data-v0")) {
      try self.trained("none", select: .offline, useEpisodes: nil)
    }
  }

  @Test func marksWhatWasChosenByReturns() throws {
    try trained("run")
    let study = { (adopt: Bool) in
      try SelectionStudy(
        [("run", self.path("run"))], environment: "road", episodes: 2, seed: 3, adopt: adopt, Compute())
    }
    let looked = try study(false)
    #expect(
      looked.checkpoints.map(\.step) == [1, 2, 3, 4, 5, 6] && looked.withinRuns == looked.together
        && Set(looked.together.keys) == ["validation/score", "validation/agreement", "step"])
    #expect(try LoadedAgent(at: path("run")).facts.selectedBy == .last)
    let best = try #require(study(true).checkpoints.max { ($0.mean, $0.step) < ($1.mean, $1.step) })
    let facts = try LoadedAgent(at: path("run")).facts
    #expect((facts.step, facts.selectedBy) == (best.step, .online))
    // Nor is it another one where it is named.
    #expect(try LoadedAgent(at: path("run"), step: best.step).facts.selectedBy == .online)
    #expect(looked.chosen["best"] == best.mean && looked.chosen["step"] == looked.checkpoints.last!.mean)
  }

  @Test func aDamagedMarkIsNoUnmarkedRun() throws {
    try trained("run")
    let mark = path("run").appending(path: "online.json")
    for damaged in ["", "{\"step\": 3}"] {
      try Data(damaged.utf8).write(to: mark)
      #expect(throws: ExperimentError.damagedChoice(mark.path)) { try LoadedAgent(at: self.path("run")) }
    }
    _ = try SelectionStudy([("run", path("run"))], environment: "road", episodes: 2, seed: 3, adopt: true, Compute())
    let marked = try String(contentsOf: mark, encoding: .utf8)
    let step = try LoadedAgent(at: path("run")).facts.step
    try Data(marked.replacing("\"step\":\(step)", with: "\"step\":\(step % 6 + 1)").utf8).write(to: mark)
    #expect(throws: ExperimentError.damagedChoice(mark.path)) { try LoadedAgent(at: self.path("run")) }
    // As versions wrote it whose runs had no identity.
    try Data(#"{"environment": "road", "episodes": 2, "seed": 3, "step": 6, "means": {"6": 1}}"#.utf8).write(to: mark)
    #expect(throws: RunError.ofAnotherRun(mark.path)) { try LoadedAgent(at: self.path("run")) }
    // Choosing again mends it.
    _ = try SelectionStudy([("run", path("run"))], environment: "road", episodes: 2, seed: 3, adopt: true, Compute())
    #expect(try LoadedAgent(at: path("run")).facts.selectedBy == .online)
  }

  @Test func actsWithABestCheckpointThatIsThere() throws {
    try trained("run", select: .offline)
    let best = try #require(try OfflineScore.best(in: path("run")))
    // A run that was killed after it logged a step, before its checkpoint.
    try FileManager.default.removeItem(at: TrainingLoop.checkpoints(of: path("run"), keep: 1).place(of: best.step))
    let next = try #require(try OfflineScore.best(in: path("run")))
    #expect(next.step != best.step && next.score <= best.score)
    let facts = try LoadedAgent(at: path("run")).facts
    #expect((facts.step, facts.selectedBy) == (next.step, .offline))
  }

  /// Of a line cut short it is not known what it said of its step.
  @Test func choosesByNoLogThatLostItsEnd() throws {
    try trained("run", select: .offline)
    let log = path("run").appending(path: MetricsLog.name)
    try Data(contentsOf: log).dropLast().write(to: log)
    let lacking = RunError.damagedRun(
      path("run").path, reason: "its metrics.jsonl lacks what it said when step-00000006 was saved")
    #expect(throws: lacking) { try LoadedAgent(at: self.path("run")) }
    #expect(throws: lacking) {
      try SelectionStudy(
        [("run", self.path("run"))], environment: "road", episodes: 2, seed: 3, adopt: true, Compute())
    }
    #expect(throws: lacking) { try Export.run(self.path("run"), to: self.path("given")) }
    #expect(!FileManager.default.fileExists(atPath: path("given").path))
  }

  @Test func ranksCheckpointsOfSeveralRuns() throws {
    let points = { (run: String, _ means: [Double], _ rewards: [Double]) in
      zip(means, rewards).enumerated().map { index, values in
        SelectionStudy.Checkpoint(
          run: run, step: 10 * (index + 1), mean: values.0, se: 0,
          offline: ["validation/reward": values.1, "validation/agreement": 0.5])
      }
    }
    // Rewards rank the first run's as they are, and the second's the wrong way round, as its steps do; the third has
    // one checkpoint, and no order.
    let study = SelectionStudy(
      points("a", [1, 2, 4], [0.1, 0.2, 0.3]) + points("b", [8, 5, 2], [0.1, 0.2, 0.3]) + points("c", [6], [0.9]))
    #expect(
      study.byRun == ["a": ["validation/reward": 1, "step": 1], "b": ["validation/reward": -1, "step": -1], "c": [:]])
    #expect(study.withinRuns == ["validation/reward": 0, "step": 0])
    // Ranks of the returns 0, 1.5, 3, 6, 4, 1.5, 5 and of the rewards 0.5, 2.5, 4.5, 0.5, 2.5, 4.5, 6.
    let together = try #require(rankCorrelation([0.5, 2.5, 4.5, 0.5, 2.5, 4.5, 6], [0, 1.5, 3, 6, 4, 1.5, 5]))
    #expect(abs(try #require(study.together["validation/reward"]) - together) < 1e-12)
    #expect(study.together["validation/agreement"] == nil)
    // Of equals, the last.
    #expect(study.chosen == ["validation/reward": 4, "validation/agreement": 4, "step": 4, "best": 6])
    let json = String(decoding: try JSONEncoder().encode(study), as: UTF8.self)
    #expect("\(study)".contains("'step' takes the last") && json.contains("byRun"))
  }

  @Test func playsSeveralRunsAndEachOnce() throws {
    for name in ["one", "two"] { try trained(name) }
    let runs = { (names: [String]) in
      try SelectionStudy(
        names.map { ($0, self.path($0)) }, environment: "road", episodes: 2, seed: 3, adopt: false, Compute())
    }
    let study = try runs(["one", "two"])
    #expect(study.checkpoints.map(\.run) == ["one", "two"].flatMap { [String](repeating: $0, count: 6) })
    #expect(Set(study.byRun.keys) == ["one", "two"])
    #expect(throws: ExperimentError.namedTwice("one")) { try runs(["one", "two", "one"]) }
    // One that is damaged is found before another is played or marked.
    try Data().write(
      to: TrainingLoop.checkpoints(of: path("two"), keep: 1).place(of: 6).appending(path: TrainingLoop.stateFile))
    #expect(throws: RunError.self) {
      try SelectionStudy(
        ["one", "two"].map { ($0, self.path($0)) }, environment: "road", episodes: 2, seed: 3, adopt: true, Compute())
    }
    #expect(try OnlineChoice.made(in: path("one")) == nil)
  }

  @Test func ranksAsSpearmanDoes() {
    #expect(rankCorrelation([1, 2, 3, 4], [10, 20, 30, 1000]) == 1 && rankCorrelation([1, 2, 3], [3, 2, 1]) == -1)
    #expect(rankCorrelation([1, 1, 1], [1, 2, 3]) == nil && rankCorrelation([1], [2]) == nil)
    // Ranks 0, 1.5, 1.5, 3 and 0, 2, 1, 3: covariance 4.5, variances 4.5 and 5.
    #expect(abs(rankCorrelation([1, 2, 2, 3], [1, 3, 2, 4])! - 4.5 / (4.5 * 5.0).squareRoot()) < 1e-12)
  }
}
