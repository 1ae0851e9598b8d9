import Configuration
import Torch
import WorldModel

/// Learns to stay close to the expert inside the frozen world model, by on-policy reinforcement learning.
///
/// Source: DITTO, Algorithm 1, lines 8–16.
public final class Ditto {
  public let configuration: ImitationConfiguration
  public let networks: ActorCritic
  public let actorOptimizer: Adam
  public let criticOptimizer: Adam
  private let worldModel: WorldModel

  public init(_ worldModel: WorldModel, _ configuration: ImitationConfiguration, seed: Seed) {
    self.worldModel = worldModel
    self.configuration = configuration
    networks = ActorCritic(
      features: worldModel.sizes.features, actions: worldModel.actionCount, configuration.policy,
      using: RandomSource(seed.stream("policy"), on: worldModel.device))
    actorOptimizer = Adam(networks.actor.namedParameters, configuration.actor)
    criticOptimizer = Adam(networks.critic.namedParameters, configuration.critic)
  }

  /// One policy update. Lines 10–15.
  /// - Parameter step: gradient steps made before this one.
  public func update(on expert: LatentWindows, step: Int, using random: RandomSource) -> Metrics {
    let c = configuration
    // Where the learner goes from the expert's start under its own actions.
    let dream = Dream(
      from: expert.states[0], steps: c.horizon,
      policy: { self.networks.policy($0).drawn(.sample(random)) },
      dynamics: { self.worldModel.rssm.imagine(from: $0, action: $1.oneHot(self.worldModel.actionCount), draw: .sample(random)).state })
    let features = dream.states.features  // [H + 1, B, F]

    // Reward: how close the two stay, after every imagined step.
    let reward = latentReward(
      expert: c.reward(expert.states.sliced(1..<c.horizon + 1)), learner: c.reward(dream.states.sliced(1..<c.horizon + 1)))  // [H, B]
    let bootstrap = networks.targetValue(features)  // [H + 1, B]
    let returns = lambdaReturns(reward: reward, value: bootstrap, discount: c.discount, lambda: c.lambda)  // [H, B]

    let value = networks.value(features.dropLast())  // [H, B]
    let policy = networks.policy(features.dropLast())  // [H, B, A]
    let baseline = c.baseline == .critic ? value.detached() : bootstrap.dropLast()
    let advantage = c.normalizeAdvantages ? normalised(returns - baseline) : returns - baseline

    let actorLoss = actorLoss(policy: policy, action: dream.actions, advantage: advantage, entropyWeight: c.entropyWeight)
    let criticLoss = c.criticWeight * criticLoss(value: value, returns: returns)
    let actorNorm = actorOptimizer.step(minimizing: actorLoss)
    let criticNorm = criticOptimizer.step(minimizing: criticLoss)
    if (step + 1) % c.targetInterval == 0 { networks.targetCritic.copyParameters(from: networks.critic) }

    return [
      "reward/mean": reward.mean(), "reward/last": reward[c.horizon - 1].mean(),
      "actor/loss": actorLoss, "actor/entropy": policy.entropy.mean(), "actor/gradient_norm": actorNorm,
      "actor/agreement": dream.actions.isEqual(to: expert.actions).to(.float32).mean(),
      "critic/loss": criticLoss, "critic/value": value.mean(), "critic/gradient_norm": criticNorm,
    ]
  }
}
