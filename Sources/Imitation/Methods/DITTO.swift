import Settings
import Spaces
import Torch
import WorldModel

/// Learns inside the frozen world model, by on-policy reinforcement learning, what a reward says about the expert.
///
/// Source: DITTO, Algorithm 1, lines 8–16: with equation 8 as the reward it is DITTO, with a discriminator's D-GAIL.
public final class DITTO: LatentLearner {
  public let configuration: ImitationConfiguration
  public let networks: ActorCritic
  public let actorOptimizer: Adam
  public let criticOptimizer: Adam
  public let reward: WeightedReward
  public let imagination: Imagination
  private let windows: WindowSampler
  private let starts: DreamStarts
  private let nearness: NearnessToClone?
  /// What the actor's loss has beside eq 15.
  private let terms: [any ActorTerm]
  private let precision: Precision
  private let seed: Seed

  /// - Parameters:
  ///   - expert: the expert's episodes, which rewards are made of.
  ///   - windows: what windows are drawn from, such as pieces of the same episodes besides; nil for the episodes alone.
  ///   - mixed: recordings of any quality, in whose states `configuration.mixedShare` of the dreams begin; nil for
  ///     none. These are compared with no window, so that it takes rewards that look at all of the expert.
  /// - Throws: `ImitationError.episodesTooShort` where no episode is as long as a window; `.tooFewWindows` or
  ///   `.tooFewParts` where a reward cannot be learned from so little; what `fitting` throws.
  public init(
    _ worldModel: WorldModel, _ configuration: ImitationConfiguration, expert: ExpertLatents,
    windows: ExpertLatents? = nil, mixed: ExpertLatents? = nil,
    _ precision: Precision = .f32, seed: Seed, fitting: @escaping ProgressHandler = { _, _, _ in }
  ) throws {
    self.windows = try WindowSampler(
      windows ?? expert, horizon: configuration.horizon, batch: configuration.batch,
      copies: configuration.dreamsPerWindow, seed: seed.stream("windows"),
      startShare: configuration.startShare)
    starts = DreamStarts(mixed, share: configuration.mixedShare, copies: configuration.dreamsPerWindow)
    self.seed = seed
    self.configuration = configuration
    self.precision = precision
    imagination = Imagination(worldModel, precision)
    reward = try configuration.reward.reward(
      RewardContext(
        expert: expert, sizes: worldModel.sizes, actions: worldModel.actions, policy: configuration.policy,
        seed: seed.stream("reward"), fitting: fitting))
    let weights = configuration.reward.weights
    // What is encoded several times is no more to learn from.
    let places = expert.windowStarts(of: configuration.horizon + 1).map(\.count).reduce(0, +)
    if weights.used.contains(where: \.kind.isAdversarial), places < Discriminator.leastWindows {
      throw ImitationError.tooFewWindows(
        required: Discriminator.leastWindows, found: places, horizon: configuration.horizon)
    }
    networks = ActorCritic(
      features: worldModel.sizes.features, actions: worldModel.actions, configuration.policy,
      using: RandomSource(seed.stream("policy"), on: worldModel.device))
    nearness =
      configuration.warmStart.cloningSteps == 0
      ? nil
      : NearnessToClone(
        MLP(
          worldModel.sizes.features, worldModel.actions.policyOutputs, width: configuration.policy.width,
          hiddenLayers: configuration.policy.hiddenLayers,
          using: RandomSource(seed.stream("policy"), on: worldModel.device)),
        configuration.warmStart)
    let parts: [(any ActorTerm)?] = [ExpertActions(weight: configuration.cloningWeight), nearness]
    terms = parts.compactMap { $0 }
    actorOptimizer = Adam(networks.actor.namedParameters, configuration.actor)
    criticOptimizer = Adam(networks.critic.namedParameters, configuration.critic)
  }

  public var actor: MLP { networks.actor }
  public var actions: ActionSpace { networks.actions }

  /// Goes on from a clone of the expert, which it is also kept near to.
  public func begin(as cloned: MLP) {
    networks.actor.copyParameters(from: cloned)
    nearness?.clone.copyParameters(from: cloned)
  }

  public func update(step: Int, progress: Double) -> Metrics {
    update(
      on: windows.windows(step: step),
      step: step,
      progress: progress,
      using: RandomSource(seed.stream("dreams").step(step), on: device))
  }

  /// One policy update. Lines 10–15.
  /// - Parameters:
  ///   - windows: of `configuration.horizon` steps.
  ///   - step: gradient steps made before this one.
  ///   - progress: the share of the training that is done, from 0 to 1.
  public func update(on windows: LatentWindows, step: Int, progress: Double = 0, using random: RandomSource) -> Metrics
  {
    let c = configuration
    let noise = {
      c.sharedNoise
        ? SharedNoise(random.seed.stream("noise"), dreamsPerWindow: c.dreamsPerWindow, on: self.device) : nil
    }
    // Where the learner goes under its own actions, and what it is compared with.
    let dream = imagination.rollout(
      from: starts(windows, using: random), steps: c.horizon, using: random, noise: noise(), policy: networks.policy)
    let expert =
      switch c.reference {
      case .recorded: windows
      case .rollout:
        LatentWindows(
          states: imagination.rollout(
            from: windows.states[0], following: windows.actions, using: random, noise: noise()
          )
          .states,
          actions: windows.actions)
      }
    let (rewards, parts) = reward.parts(expert, dream)  // [H, B]
    var metrics = parts.merging(reward.update(expert, dream, progress: progress)) { $1 }
    var losses: PolicyLosses?
    var norms: (actor: Tensor?, critic: Tensor?)
    // Rounded once, as each of the networks would.
    let features = precision == .bf16 ? dream.states.features.to(.bfloat16) : dream.states.features
    for _ in 0..<c.gradientSteps {
      losses = computing(in: precision, on: device) {
        PolicyLosses(
          networks, features: features, actions: dream.actions,
          reward: c.centerRewards ? rewards - rewards.mean() : rewards, c, progress: progress, before: losses)
      }
      var actorLoss = losses!.actor
      for term in terms {
        let loss = computing(in: precision, on: device) {
          term(networks, windows: windows, features: features, policy: losses!.policy)
        }
        actorLoss = actorLoss + term.weight(at: progress) * loss
        metrics[term.name] = loss
      }
      norms.critic = criticOptimizer.step(minimizing: losses!.critic, progress: progress)
      if step >= (nearness == nil ? 0 : c.warmStart.criticSteps) {
        norms.actor = actorOptimizer.step(minimizing: actorLoss, progress: progress)
      }
    }
    if (step + 1) % c.targetInterval == 0 { networks.targetCritic.copyParameters(from: networks.critic) }

    if c.policyGradient == .ppo { metrics["actor/clipped_share"] = losses!.clippedShare(beyond: c.clip) }
    metrics.merge([
      "reward/mean": rewards.mean(), "reward/last": rewards[c.horizon - 1].mean(),
      "actor/loss": losses!.actor, "actor/entropy": losses!.policy.entropy.mean(),
      "actor/agreement": actions.likeness(
        starts.besideExpert(dream.actions), starts.besideExpert(expert.actions)
      ).mean(),
      "critic/loss": losses!.critic, "critic/value": losses!.value.mean(), "critic/gradient_norm": norms.critic!,
    ]) { $1 }
    metrics["actor/gradient_norm"] = norms.actor
    return metrics
  }

  public var weights: NamedTensors {
    networks.state.under("networks.") + (nearness?.clone.state ?? []).under("networks.clone.")
  }
  public var memory: NamedTensors {
    actorOptimizer.state.under("optimizer.actor.") + criticOptimizer.state.under("optimizer.critic.")
      + reward.state.under("reward.")
  }

  /// A clone has no critic to give. What the actor is kept near to, where it is, is what it begins with.
  public func adopt(_ file: Safetensors) throws {
    let hasCritic = file.names.contains { $0.hasPrefix("networks.critic.") }
    try file.restore(hasCritic ? networks.state.under("networks.") : actor.state.under("networks.actor."))
    begin(as: actor)
  }

  private var device: Device { imagination.device }
}
