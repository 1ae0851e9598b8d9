import Torch

/// REINFORCE with an entropy bonus: `−log π(a | ŝ) · sg(advantage) − η H(π(ŝ))`, the mean over steps and batch.
///
/// Source: DITTO, equation 15; the paper's sum over steps differs by a constant factor.
/// - Parameters:
///   - policy: over actions, of states `[H, B]`.
///   - action: `[H, B, W]`, the ones taken.
///   - advantage: `[H, B]`, `V − v`; no gradient flows through it.
///   - entropyWeight: `η`, per nat.
public func actorLoss(policy: some Distribution, action: Tensor, advantage: Tensor, entropyWeight: Double) -> Tensor {
  -(policy.logProbability(of: action) * advantage.detached()).mean() - entropyWeight * policy.entropy.mean()
}

/// Half the squared error to the λ-returns, the mean over steps and batch. Source: DITTO, equation 14.
/// - Parameters: both `[H, B]`; no gradient flows through `returns`.
public func criticLoss(value: Tensor, returns: Tensor) -> Tensor {
  0.5 * (value - returns.detached()).squared().mean()
}

/// Proximal policy optimisation: `−min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) − η H(π(ŝ))`, the mean over steps and batch, with
/// `ρ = π(a | ŝ) / π_drawn(a | ŝ)`. Source: Schulman et al. 2017, equation 7.
/// - Parameters:
///   - drawnWith: log-probabilities that the actions were drawn with, `[H, B]`.
///   - clip: `ε`.
public func clippedActorLoss(
  policy: some Distribution, action: Tensor, sampledWith: Tensor, advantage: Tensor, clip: Double, entropyWeight: Double
) -> Tensor {
  let (ratio, a) = (exp(policy.logProbability(of: action) - sampledWith.detached()), advantage.detached())
  return -minimum(ratio * a, ratio.clamped(1 - clip, 1 + clip) * a).mean() - entropyWeight * policy.entropy.mean()
}

/// Maximum likelihood of the expert's actions with an entropy bonus: `−log π(a | ŝ) − η H(π(ŝ))`, the mean over all
/// states.
///
/// Source: DITTO, equation 16.
public func cloningLoss(policy: some Distribution, action: Tensor, entropyWeight: Double) -> Tensor {
  -policy.logProbability(ofOthers: action).mean() - entropyWeight * policy.entropy.mean()
}
