import Torch

/// What dreams and their rewards say to actor and critic. Source: DITTO, eq 13–15; Algorithm 1, lines 12–15.
public struct PolicyLosses {
  /// Over actions, of the states that they were taken in, `[H, B]`.
  public let policy: Categorical
  /// The critic's, `[H, B]`.
  public let value: Tensor
  /// λ-returns, `[H, B]`.
  public let returns: Tensor
  /// As the actor's loss takes it, `[H, B]`.
  public let advantage: Tensor
  /// Scalars, to be minimised.
  public let actor, critic: Tensor

  /// - Parameters:
  ///   - features: of a dream's states, `[H + 1, B, F]`.
  ///   - actions: `int64` `[H, B]`, taken in all states but the last.
  ///   - reward: `[H, B]`, of each action.
  ///   - progress: the share of the training that is done, from 0 to 1.
  public init(
    _ networks: ActorCritic, features: Tensor, actions: Tensor, reward: Tensor, _ c: ImitationConfiguration, progress: Double = 0
  ) {
    let bootstrap = networks.targetValue(features)  // [H + 1, B]
    value = networks.value(features.dropLast())
    policy = networks.policy(features.dropLast())
    returns = lambdaReturns(reward: reward, value: bootstrap, discount: c.discount, lambda: c.lambda)
    let baseline = c.baseline == .critic ? value.detached() : bootstrap.dropLast()
    let surprise = beyondOthers(returns - baseline, dreamsPerWindow: c.dreamsPerWindow)
    advantage = c.normalizeAdvantages ? normalised(surprise) : surprise
    actor = actorLoss(
      policy: policy, action: actions, advantage: advantage, entropyWeight: c.entropyWeight * coolingFactor(c.entropyCoolDown, at: progress))
    critic = c.criticWeight * criticLoss(value: value, returns: returns)
  }
}
