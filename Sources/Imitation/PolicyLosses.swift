import Torch

/// What dreams and their rewards say to actor and critic. Source: DITTO, eq 13–15; Algorithm 1, lines 12–15.
public struct PolicyLosses {
  /// Over actions, of the states that they were taken in, `[H, B]`.
  public let policy: ActionDistribution
  /// The critic's, `[H, B]`.
  public let value: Tensor
  /// λ-returns, `[H, B]`.
  public let returns: Tensor
  /// As the actor's loss takes it, `[H, B]`.
  public let advantage: Tensor
  /// Of the actions, `[H, B]`: what the policy says of them now, and what it said when it drew them.
  private let logProbability, sampledWith: Tensor
  /// Scalars, to be minimised.
  public let actor, critic: Tensor

  /// - Parameters:
  ///   - before: where an update makes several steps on the same dreams, what the first of them found: returns and
  ///     advantages stay as they were.
  ///   - features: of a dream's states, `[H + 1, B, F]`.
  ///   - actions: `[H, B, W]`, taken in all states but the last.
  ///   - reward: `[H, B]`, of each action.
  ///   - progress: the share of the training that is done, from 0 to 1.
  public init(
    _ networks: ActorCritic, features: Tensor, actions: Tensor, reward: Tensor, _ c: ImitationConfiguration,
    progress: Double = 0,
    before: PolicyLosses? = nil
  ) {
    value = networks.value(features.dropLast())
    policy = networks.policy(features.dropLast())
    logProbability = policy.logProbability(of: actions)
    if let before {
      (returns, advantage, sampledWith) = (before.returns, before.advantage, before.sampledWith)
    } else {
      let bootstrap = networks.targetValue(features)  // [H + 1, B]
      returns = lambdaReturns(reward: reward, value: bootstrap, discount: c.discount, lambda: c.lambda)
      let baseline = c.baseline == .critic ? value.detached() : bootstrap.dropLast()
      let advantages = leaveOneOut(returns - baseline, dreamsPerWindow: c.dreamsPerWindow)
      advantage = c.normalizeAdvantages ? normalised(advantages) : advantages
      sampledWith = logProbability.detached()
    }
    let entropyWeight = c.entropyWeight * linearDecay(c.entropyDecay, at: progress)
    actor =
      switch c.policyGradient {
      case .reinforce: actorLoss(policy: policy, action: actions, advantage: advantage, entropyWeight: entropyWeight)
      case .ppo:
        clippedActorLoss(
          policy: policy, action: actions, sampledWith: sampledWith, advantage: advantage, clip: c.clip,
          entropyWeight: entropyWeight)
      }
    critic = c.criticWeight * criticLoss(value: value, returns: returns)
  }

  /// The share of actions whose probability is by more than `clip` times another than when they were drawn, a scalar.
  func clippedShare(beyond clip: Double) -> Tensor {
    noGrad { (exp(logProbability - sampledWith) - 1).abs().isAtLeast(clip).to(.float32).mean() }
  }
}
