import Environments
import Foundation
import Imitation
import Runs
import Settings
import Torch
import WorldModel

/// A finished agent's run: what acts, and what it was made with.
public struct LoadedAgent {
  public let agent: Agent
  public let record: Record
  /// How frames are made of the environment's picture for it.
  public let pipeline: PixelPipeline
  public let facts: AgentMetadata
  /// Of its world model, where an agent's run knows it.
  public let usualSurprise: Surprise?
  /// The complete configuration of its world model and of itself, as YAML.
  public let configuration: String

  package static let worldModelFile = worldModelName
  static let actorPrefix = "networks.actor."

  /// - Parameters:
  ///   - step: of a certain checkpoint; nil for the one that the agent's configuration selects.
  ///   - actions: how actions are chosen; nil as the agent's configuration says.
  /// - Throws: `RunError` where the folder is no agent's run or is damaged or has no checkpoint; `ExperimentError`
  ///   where it has not that one; `TorchError` for damaged weights.
  public init(
    at url: URL, step: Int? = nil, actions: ActionChoice? = nil, seed: UInt64 = 0, _ compute: Compute = Compute()
  ) throws {
    let device = try compute.device.required()
    record = try Record(from: url, kind: .agent)
    let document = try record.configuration(in: url)
    let world = try WorldModelConfiguration.load(.worldModel, from: [document])
    let own = try AgentConfiguration.stored(record.layers(in: url))
    let (checkpoint, selectedBy) = try Checkpoint.acting(in: url, by: own.selection, step: step)
    if step == nil, let newest = try TrainingLoop.checkpoints(of: url, keep: 1).steps().first {
      Observer.warnWhereUnfinished(url, at: newest, of: own.training.steps)
    }
    let weights = try Safetensors(at: checkpoint.url.appending(path: TrainingLoop.stateFile))
    pipeline = world.pipeline
    configuration = document.yaml
    facts = try AgentMetadata(
      own, world, record, of: url, step: checkpoint.step, by: selectedBy, choosing: actions ?? own.actions)
    let (sizes, blank, details) = (own.imitation.policy, RandomSource(Seed(0), on: device), record.details)
    if own.method == .bc {
      let policy = PixelPolicy(
        details.observation, frames: own.cloning.frames, depth: world.model.depth, actions: details.actions, sizes,
        using: blank)
      try policy.load(from: weights, prefix: BC.policyPrefix)
      try policy.state.checkFinite(in: checkpoint.url)
      policy.freeze(computingIn: compute.precision)
      usualSurprise = nil
      agent = Agent(
        policy, try Normalizer(from: weights, details.observation, on: device), choosing: facts.actions,
        compute.precision, seed: Seed(seed))
    } else {
      let model = try LoadedWorldModel.restored(
        world.model, details, details.weights(at: url.appending(path: Self.worldModelFile)), device)
      let actor = MLP(
        world.model.features, model.actions.policyOutputs, width: sizes.width, hiddenLayers: sizes.hiddenLayers,
        using: blank)
      try actor.load(from: weights, prefix: Self.actorPrefix)
      try (model.weights + actor.state).checkFinite(in: url)
      model.freeze(computingIn: compute.precision)
      actor.freeze(computingIn: compute.precision)
      agent = Agent(
        model, actor, choosing: facts.actions, states: own.states, compute.precision, seed: Seed(seed))
      usualSurprise = record.details.usualSurprise
    }
    agent.view = try details.view(world.observation, of: url)
  }
}

extension Agent {
  /// Loads a finished agent from its run's folder: `let agent = try Agent.load("runs/agent")`.
  /// - Parameters:
  ///   - actions: how actions are chosen; nil as the agent's configuration says.
  ///   - seed: of its draws.
  /// - Throws: `RunError` where the folder is no agent's run or has no checkpoint; `TorchError` for damaged weights or
  ///   a missing device.
  public static func load(
    _ folder: String, actions: ActionChoice? = nil, seed: UInt64 = 0, _ compute: Compute = Compute()
  ) throws -> Agent {
    try LoadedAgent(at: URL(fileURLWithPath: folder), actions: actions, seed: seed, compute).agent
  }
}
