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
  private let precision: Precision

  public init(_ worldModel: WorldModel, _ configuration: ImitationConfiguration, _ precision: Precision = .f32, seed: Seed) {
    self.worldModel = worldModel
    self.configuration = configuration
    self.precision = precision
    networks = ActorCritic(
      features: worldModel.sizes.features, actions: worldModel.actionCount, configuration.policy,
      using: RandomSource(seed.stream("policy"), on: worldModel.device))
    actorOptimizer = Adam(networks.actor.namedParameters, configuration.actor)
    criticOptimizer = Adam(networks.critic.namedParameters, configuration.critic)
  }

  /// One policy update. Lines 10–15.
  /// - Parameters:
  ///   - windows: of `configuration.windowSteps` steps.
  ///   - step: gradient steps made before this one.
  ///   - progress: the share of the training that is done, from 0 to 1.
  public func update(on windows: LatentWindows, step: Int, progress: Double = 0, using random: RandomSource) -> Metrics {
    let c = configuration
    let (start, expert) = begun(windows, using: random)
    // Where the learner goes from there under its own actions.
    let dream = dream(from: start, using: random)
    let reward = reward(expert, dream)  // [H, B]
    let losses = computing(in: precision, on: device) {
      PolicyLosses(networks, features: dream.states.features, actions: dream.actions, reward: reward, c, progress: progress)
    }
    let actorNorm = actorOptimizer.step(minimizing: losses.actor, progress: progress)
    let criticNorm = criticOptimizer.step(minimizing: losses.critic, progress: progress)
    if (step + 1) % c.targetInterval == 0 { networks.targetCritic.copyParameters(from: networks.critic) }

    return [
      "reward/mean": reward.mean(), "reward/last": reward[c.horizon - 1].mean(),
      "actor/loss": losses.actor, "actor/entropy": losses.policy.entropy.mean(), "actor/gradient_norm": actorNorm,
      "actor/agreement": dream.actions.isEqual(to: expert.actions).to(.float32).mean(),
      "critic/loss": losses.critic, "critic/value": losses.value.mean(), "critic/gradient_norm": criticNorm,
    ]
  }

  public var device: Device { worldModel.device }
  public var actionCount: Int { worldModel.actionCount }

  /// How little the policy expects the expert's actions in windows: the mean of `−log π(a | ŝ)` over their steps, in nats, `[B]`.
  public func surprise(at windows: LatentWindows) -> Tensor {
    noGrad {
      computing(in: precision, on: device) {
        -networks.policy(windows.states.features.dropLast()).logProbability(of: windows.actions).mean(over: 0)
      }
    }
  }

  /// Where dreams start, and what follows in the expert's windows. All start with the expert, at the windows' start, except for a first share
  /// of the windows, whose dreams leave it before they begin: from a random step of the lead on, one random action replaces the expert's.
  func begun(_ windows: LatentWindows, using random: RandomSource) -> (start: LatentState, expert: LatentWindows) {
    let c = configuration
    let (lead, batch, copies) = (c.windowSteps - c.horizon, windows.actions.shape[1], c.dreamsPerWindow)
    let count = Int((c.displacedShare * Double(batch / copies)).rounded())
    let close = windows.steps(0..<c.horizon)
    guard count > 0 else { return (close.states[0], close) }

    // All dreams of a window leave it alike.
    let drawn = { (choices: Int) -> [Int64] in
      (Tensor.uniform([count], using: random) * Double(choices)).to(.int64).values().flatMap { [Int64](repeating: $0, count: copies) }
    }
    let (leaving, wrong, dreams) = (drawn(lead), drawn(actionCount), count * copies)
    let right: [Int64] = windows.actions.sliced(0..<lead).values()
    let actions = Tensor(
      (0..<lead).flatMap { step in (0..<dreams).map { step < leaving[$0] ? right[step * batch + $0] : wrong[$0] } }, [lead, dreams], on: device)
    let displaced = dream(from: windows.states[0].sliced(0..<dreams), following: actions, using: random).states[lead]
    let far = windows.steps(lead..<lead + c.horizon)
    return (
      LatentState.joined(displaced, close.states[0].sliced(dreams..<batch), axis: 0),
      LatentWindows(
        states: .joined(far.states.columns(0..<dreams), close.states.columns(dreams..<batch), axis: 1),
        actions: concatenated([far.actions.sliced(0..<dreams, axis: 1), close.actions.sliced(dreams..<batch, axis: 1)], axis: 1))
    )
  }

  /// The actor's rollout in the prior dynamics. Line 11.
  public func dream(from start: LatentState, using random: RandomSource) -> Dream {
    dream(from: start, steps: configuration.horizon, random) { features, _ in self.networks.policy(features).drawn(.sample(random)) }
  }

  /// The same under given actions, `int64` `[steps, B]`: what a dream can know of them.
  public func dream(from start: LatentState, following actions: Tensor, using random: RandomSource) -> Dream {
    dream(from: start, steps: actions.shape[0], random) { _, step in actions[step] }
  }

  private func dream(from start: LatentState, steps: Int, _ random: RandomSource, policy: (Tensor, Int) -> Tensor) -> Dream {
    computing(in: precision, on: device) {
      Dream(
        from: start, steps: steps, policy: policy,
        dynamics: { self.worldModel.rssm.imagine(from: $0, action: $1.oneHot(self.actionCount), draw: .sample(random)).state })
    }
  }

  /// How close the two stay after every imagined step, `[H, B]`. Line 12.
  public func reward(_ expert: LatentWindows, _ dream: Dream) -> Tensor {
    let later = 1..<configuration.horizon + 1
    return latentReward(expert: configuration.reward(expert.states.sliced(later)), learner: configuration.reward(dream.states.sliced(later)))
  }
}
