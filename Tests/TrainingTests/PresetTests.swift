import Settings
import Testing

@testable import Imitation
@testable import Training

/// What the presets stand for: the table in docs/methods/ditto.md.
struct PresetTests {
  private func loaded(_ words: String...) throws -> (WorldModelConfiguration, AgentConfiguration) {
    let layers = try Presets.layers(words)
    return (try .load(.worldModel, from: layers), try .load(.agent, from: layers))
  }

  @Test(arguments: Presets.names) func loads(name: String) throws { _ = try loaded(name) }

  @Test func smallIsTheDefault() throws {
    let (world, agent) = try loaded("small")
    #expect(world == WorldModelConfiguration() && agent == AgentConfiguration())
  }

  /// Table 1.
  @Test func paperSaysTableOne() throws {
    let (world, agent) = try loaded("paper")
    let imitation = agent.imitation
    #expect([world.sequences.batch, world.sequences.length] == [50, 50])
    #expect([world.loss.klWeight, world.loss.klBalance, world.loss.imageWeight] == [0.1, 0.8, 1])
    #expect([imitation.batch, imitation.horizon, imitation.targetInterval] == [512, 15, 100])
    #expect([imitation.discount, imitation.lambda, imitation.entropyWeight] == [0.95, 0.95, 0.05])
    for optimizer in [
      world.optimizer, imitation.actor, imitation.critic, agent.cloning.optimizer,
      imitation.reward.discriminator.optimizer,
    ] {
      #expect(
        [optimizer.learningRate, optimizer.epsilon, optimizer.weightDecay, optimizer.clipNorm] == [3e-4, 1e-8, 0, 0])
    }
    #expect(imitation.reward.discriminator.input == .stateAction && agent.cloning.entropyWeight == 0.1)
    #expect(imitation.baseline == .critic && imitation.reward.compared == .both)
    #expect(!imitation.normalizeAdvantages && imitation.criticWeight == 1)
    #expect(world.pixels.scaling == .global && world.sequences.sampling == .frames)
    #expect(agent.actions == .sampled)
  }

  /// Agreement is never rewarded alone, whatever a preset says of cloning; a file may.
  @Test func presetsLeaveWhatRewardsImply() throws {
    let file = Preset(name: "mine.yaml", yaml: "agent: {imitation: {cloningWeight: 0.1}}")
    for name in ["paper", "scratch", "cartpole"] {
      let layers = try Presets.layers([name])
      let dril = ["imitation.reward.weights.dril=1", "imitation.reward.weights.dot=0"]
      #expect(try AgentConfiguration.load(layers, overrides: dril).imitation.cloningWeight == 1)
      #expect(try AgentConfiguration.load(layers + [file], overrides: dril).imitation.cloningWeight == 0.1)
    }
    #expect(try AgentConfiguration.load(Presets.layers(["cartpole"]), overrides: ["method=dbc"]).training.steps == 600)
    #expect(try AgentConfiguration.load(Presets.layers(["pong"]), overrides: ["method=dbc"]).training.steps == 2000)
  }

  /// Algorithm 1 begins with random weights and follows equation 15.
  @Test(arguments: ["paper", "authors", "scratch"]) func beginsWithRandomWeights(name: String) throws {
    let imitation = try loaded(name).1.imitation
    #expect(imitation.warmStart.cloningSteps == 0 && imitation.policyGradient == .reinforce)
    #expect(imitation.dreamsPerWindow == 1 && !imitation.sharedNoise && imitation.cloningWeight == 0)
  }

  /// What a method or a reward stands for, under whatever else is said, wherever it is named.
  @Test(
    arguments: [
      ("method: bc", [], 0, 0.3, 2000, ["dot"]), ("method: bc", ["cloning.entropyWeight=0.2"], 0.2, 0.3, 2000, ["dot"]),
      ("method: bc, cloning: {entropyWeight: 0.05}", [], 0.05, 0.3, 2000, ["dot"]),
      ("method: dbc", [], 0.1, 0.3, 2000, ["dot"]), ("method: dbc, training: {steps: 9}", [], 0.1, 0.3, 9, ["dot"]),
      ("method: dgail", [], 0.1, 0.3, 300, ["gail"]),
      ("method: dgail, imitation: {reward: {weights: {dot: 0, airl: 1}}}", [], 0.1, 0.3, 300, ["airl"]),
      ("imitation: {reward: {weights: {dril: 1}}}", [], 0.1, 1, 300, ["dot", "dril"]),
      ("imitation: {cloningWeight: 0.2, reward: {weights: {dot: 0, dril: 1}}}", [], 0.1, 0.2, 300, ["dril"]),
      ("imitation: {reward: {weights: {dril: 0}}}", [], 0.1, 0.3, 300, ["dot"]),
    ] as [(String, [String], Double, Double, Int, [String])])
  func methodsImplyTheirDefaults(
    yaml: String, overrides: [String], entropyWeight: Double, cloningWeight: Double, steps: Int, rewards: [String]
  ) throws {
    let agent = try AgentConfiguration.load([Preset(name: "mine.yaml", yaml: "agent: {\(yaml)}")], overrides: overrides)
    #expect(agent.cloning.entropyWeight == entropyWeight && agent.imitation.cloningWeight == cloningWeight)
    #expect(agent.training.steps == steps)
    #expect(agent.imitation.reward.weights.used.map(\.kind.name) == rewards)
  }

  @Test func authorsDifferWhereTheirCodeDoes() throws {
    let ((paper, _), (world, agent)) = (try loaded("paper"), try loaded("authors"))
    let imitation = agent.imitation
    #expect(world.model == paper.model && world.pixels == paper.pixels)
    #expect(world.loss.imageWeight == 2 && world.sequences.sampling == .continuing)
    #expect([world.optimizer.weightDecay, world.optimizer.epsilon, world.optimizer.clipNorm] == [0.01, 1e-5, 200])
    #expect([imitation.batch, imitation.horizon, imitation.targetInterval] == [512, 14, 200])
    #expect(imitation.baseline == .target && imitation.reward.compared == .h)
    #expect(imitation.normalizeAdvantages && imitation.criticWeight == 0.01)
    #expect(imitation.reward.discriminator.input == .successive && agent.cloning.optimizer.epsilon == 1e-8)
  }
}
