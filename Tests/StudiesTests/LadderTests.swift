import Demonstrations
import Environments
import Foundation
import Imitation
import Settings
import Testing
import Torch
import WorldModel

@testable import Evaluation
@testable import Runs
@testable import Studies
@testable import Training

/// An agent of a few steps in a world model of the road that learned.
@Suite(.serialized) final class LadderTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-ladder-\(UUID().uuidString)")
  deinit { try? FileManager.default.removeItem(at: scratch) }

  private func path(_ name: String) -> URL { scratch.appending(path: name) }

  private func trained(_ change: (inout AgentConfiguration) -> Void = { _ in }) throws {
    try Recording(environment: "road", pipeline: PixelPipeline(.road, size: 32), episodes: 3, epsilons: [0], seed: 1)
      .run(.scripted, named: "scripted", to: path("data"))
    _ = try LoadedWorldModel.road(at: path("world"))
    var configuration = AgentConfiguration()
    (configuration.imitation.batch, configuration.training.steps, configuration.training.logInterval) = (16, 2, 1)
    (configuration.training.checkpointInterval, configuration.training.validationInterval) = (1, 1)
    configuration.training.keptCheckpoints = 1
    configuration.validationEpisodes = 1
    configuration.imitation.warmStart.cloningSteps = 0
    change(&configuration)
    try AgentRun.start(
      at: path("agent"), .worldModel(path("world")), data: path("data"), useEpisodes: 2, configuration, seed: 0,
      Compute())
  }

  /// The road is the same from the same seed and actions: the agent goes on from where the expert was.
  @Test func goesOnAfterTheExpertsFirstSteps() throws {
    try trained()
    let agent = try LoadedAgent(at: path("agent"))
    let study = { (lead: Int) in
      try TakenApart(self.path("agent"), agent, Compute())
        .returns(of: agent.agent.copy(states: .best), after: lead, environment: "road", 3, seed: 0)
    }
    let (late, early) = (try study(290), try study(1))
    #expect(late.count == 3 && late.allSatisfy { $0 >= 290 })
    #expect(early.count == 3 && early.reduce(0, +) < late.reduce(0, +))
  }

  /// Every rung, in the order of what it adds; the agent's own clone is the one of step 0.
  @Test func playsEveryRung() throws {
    try trained {
      ($0.imitation.policy.width, $0.imitation.policy.hiddenLayers, $0.cloning.batch) = (16, 1, 32)
      ($0.latents.encodings, $0.imitation.warmStart.cloningSteps) = (1, 20)
    }
    let ladder = try LadderStudy(
      [("ours", path("agent"))], environment: "road", episodes: 2, leads: [290], seed: 0, cloningSteps: 200,
      searches: 1, Compute())
    #expect(
      ladder.rungs.map(\.name) == [
        "expert's recordings", "random", "clone, z drawn once", "clone", "taught by equation 8, 6 steps ahead",
        "the clone that ours began as", "ours, z sampled", "ours, z most probable",
        "ours after the expert's first 290 steps",
      ])
    let means = Dictionary(uniqueKeysWithValues: ladder.rungs.map { ($0.name, $0.mean) })
    #expect(means["expert's recordings"] == 300 && means["random"]! < 50)
    #expect(means["clone"]! > means["the clone that ours began as"]!)
    #expect(means["ours after the expert's first 290 steps"]! > means["ours, z most probable"]!)
  }

  /// Where an agent was trained does not matter, whether that device is here or not.
  @Test func isTakenApartOnTheDeviceThatIsAskedFor() throws {
    try trained()
    let run = path("agent/run.json")
    let text = try String(contentsOf: run, encoding: .utf8)
    let moved = text.replacing(/"checksum" *: *"[0-9a-f]+",/, with: "").replacing(
      /"device" *: *"cpu"/, with: #""device": "cuda""#)
    try #require(moved != text)
    try Data(moved.utf8).write(to: run)
    let parts = try TakenApart(path("agent"), LoadedAgent(at: path("agent")), Compute())
    #expect(try parts.world.model.device == .cpu && parts.latents(1).deterministic.device == .cpu)
  }

  @Test func aWarmStartsCloneIsACheckpoint() throws {
    try trained { $0.imitation.warmStart.cloningSteps = 5 }
    // Kept whatever its score is and however many come after it.
    #expect(try TrainingLoop.checkpoints(of: path("agent"), keep: 1).steps() == [2, 0])
    let lines = try MetricsLog.lines(of: path("agent"))
    #expect(lines.first?["step"] == 0 && lines.first?["validation/score"] != nil)
    // In its first steps only the critic learns: the actor is the clone.
    let actor = { (step: Int) in
      let file = try Safetensors(
        at: TrainingLoop.checkpoints(of: self.path("agent"), keep: 1).place(of: step).appending(
          path: TrainingLoop.stateFile))
      return try file.tensor("networks.actor.layers.0.weight").bytes()
    }
    #expect(try actor(0) == actor(2))
    let file = try Safetensors(
      at: TrainingLoop.checkpoints(of: path("agent"), keep: 1).place(of: 0).appending(path: TrainingLoop.stateFile))
    #expect(try file.tensor("networks.clone.layers.0.weight").bytes() == actor(0))
  }

  /// An agent that begins with another's networks is kept near to those, and not to whatever a clone's weights were
  /// before.
  @Test func isKeptNearToWhatItBeginsWith() throws {
    try trained()
    var configuration = AgentConfiguration()
    (configuration.imitation.batch, configuration.training.steps, configuration.imitation.warmStart.cloningSteps) = (
      16, 1, 5
    )
    configuration.training.keptCheckpoints = 2
    try AgentRun.start(
      at: path("next"), .worldModel(path("world")), data: path("data"), useEpisodes: 2, configuration, seed: 7,
      from: path("agent"), Compute())
    let state = { (run: String, step: Int) in
      try Safetensors(
        at: TrainingLoop.checkpoints(of: self.path(run), keep: 1).place(of: step).appending(
          path: TrainingLoop.stateFile))
    }
    let (before, next) = (try state("agent", 2), try state("next", 0))
    for name in before.names where name.hasPrefix("networks.actor.") {
      #expect(try next.tensor(name).bytes() == before.tensor(name).bytes())
      #expect(try next.tensor(name.replacing("actor", with: "clone")).bytes() == before.tensor(name).bytes())
    }
  }

  @Test func saysOfAnAgentThatEndsBelowItsClone() throws {
    let log = { (scores: [Double]) in
      let lines = scores.enumerated().map { "{\"step\":\($0.offset),\"time\":1,\"validation/score\":\($0.element)}\n" }
        .joined()
      try FileManager.default.createDirectory(at: self.path("run"), withIntermediateDirectories: true)
      try Data(lines.utf8).write(to: self.path("run/metrics.jsonl"))
      return try OfflineScore.lossSinceTheBeginning(of: self.path("run"))
    }
    #expect(
      try #require(try log([0.9, 0.95, 0.8])).contains("a lower offline score (0.8) than the clone it began as (0.9)"))
    #expect(try log([0.9, 0.7, 0.95]) == nil)
  }

  /// Where actions change nothing a reward says nothing, and where the model errs nothing it says all.
  @Test func gradesAWorldModel() throws {
    try trained()
    let world = try LoadedWorldModel(at: path("world"))
    let latents = try LatentCache(world).latents(of: Dataset(at: path("data")), episodes: 0..<3, on: .cpu)
    let grade = try ModelGrade(of: Imagination(world.model), on: latents, compared: .h, horizon: 10, seed: Seed(1))
    #expect(grade.expert.count == 10 && grade.clone == nil && grade.expert.allSatisfy { $0 > 0.5 && $0 < 1 })
    #expect(grade.signal[9] > 0.3 && grade.random[9] < grade.expert[9] && grade.draw[9] < 1)
    for (name, parameter) in world.model.namedParameters where name == "rssm.actionInput.weight" {
      parameter.assign(parameter * 0)
    }
    let deaf = try ModelGrade(of: Imagination(world.model), on: latents, compared: .h, horizon: 10, seed: Seed(1))
    #expect(deaf.signal.allSatisfy { abs($0) < 0.05 } && deaf.usefulHorizon == 0)
    #expect(deaf.verdict.contains("a reward says next to nothing at any step"))
  }

  @Test func aGradeSaysUpToWhichStepARewardSaysSomething() throws {
    let grade = { (random: [Double]) in
      try JSONDecoder().decode(
        ModelGrade.self,
        from: JSONEncoder().encode(["expert": [0.9, 0.8, 0.7], "random": random, "draw": [1, 1, 1]]))
    }
    let (all, some) = (try grade([0.5, 0.5, 0.3]), try grade([0.7, 0.6, 0.6]))
    #expect(
      all.advice == nil
        && all.verdict.hasSuffix("1.3 times what the model errs by itself: a reward says something up to there"))
    #expect(try some.usefulHorizon == 2 && grade([0.9, 0.68, 0.7]).usefulHorizon == 2)  // 0.6 times at the second step
    #expect(some.verdict.hasSuffix("train the world model longer, or set imitation.horizon=2"))
  }

  /// What is given away acts as the run, says nothing of where it was made, and has no more than acting needs.
  @Test func anExportedAgentActsAsItsRun() throws {
    try trained { $0.imitation.policy.width = 32 }
    try Export.run(path("agent"), to: path("given"))
    let (own, given) = (try LoadedAgent(at: path("agent")), try LoadedAgent(at: path("given")))
    #expect(given.facts.step == own.facts.step && given.facts.seconds == own.facts.seconds)
    let frames = try Dataset(at: path("data")).frames(episode: 1, range: 0..<40)
    let actions = { (agent: Agent) in
      try (0..<40).map { try agent.act(on: Array(frames[$0 * 1024..<($0 + 1) * 1024])) }
    }
    // Weights are rounded, and an agent of two steps is hardly decided.
    #expect(zip(try actions(own.agent), try actions(given.agent)).count { $0 == $1 } > 25)
    let record = try String(contentsOf: path("given/run.json"), encoding: .utf8)
    #expect(!record.contains(scratch.lastPathComponent) && record.contains("data"))
    let names = try Safetensors(
      at: TrainingLoop.checkpoints(of: path("given"), keep: 1).place(of: 2).appending(path: TrainingLoop.stateFile)
    ).names
    #expect(!names.isEmpty && names.allSatisfy { $0.hasPrefix("networks.actor.") })
    let place = { (folder: String) in
      try TrainingLoop.checkpoints(of: self.path(folder), keep: 1).place(of: 2).appending(path: TrainingLoop.stateFile)
    }
    let (whole, rounded) = (try Safetensors(at: place("agent")), try Safetensors(at: place("given")))
    for name in names { #expect(try rounded.tensor(name).bytes() == whole.tensor(name).to(.bfloat16).bytes()) }
    #expect(throws: RunError.folderInUse(path("given").path)) {
      try Export.run(self.path("agent"), to: self.path("given"))
    }
  }

  /// A model that is shown what it never saw is surprised.
  @Test func countsStepsThatSurprise() throws {
    try trained()
    let agent = try LoadedAgent(at: path("agent")).agent
    agent.usualSurprise = Surprise(image: 200, divergence: 20)
    var frames = try Dataset(at: path("data")).frames(episode: 0, range: 0..<40)
    let size = 32 * 32
    for step in 0..<40 { _ = try agent.act(on: Array(frames[step * size..<(step + 1) * size])) }
    let usual = try #require(SurpriseShare(agent.surprises))
    #expect(usual.steps == 40 && usual.image! < 0.5)
    for place in frames.indices { frames[place] = UInt8(truncatingIfNeeded: place &* 37) }
    for step in 0..<40 { _ = try agent.act(on: Array(frames[step * size..<(step + 1) * size])) }
    let both = try #require(SurpriseShare(agent.surprises))
    #expect(both.steps == 80 && both.image! > usual.image! / 2 + 0.45)
  }
}
