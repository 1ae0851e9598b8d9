import Torch

/// REINFORCE with an entropy bonus: `−log π(a | ŝ) · sg(advantage) − η H(π(ŝ))`, the mean over steps and batch.
///
/// Source: DITTO, equation 15; the paper's sum over steps differs by a constant factor.
/// - Parameters:
///   - policy: over actions, of states `[H, B]`.
///   - action: `int64` `[H, B]`, the ones taken.
///   - advantage: `[H, B]`, `V − v`; no gradient flows through it.
///   - entropyWeight: `η`, per nat.
public func actorLoss(policy: Categorical, action: Tensor, advantage: Tensor, entropyWeight: Double) -> Tensor {
  -(policy.logProbability(of: action) * advantage.detached()).mean() - entropyWeight * policy.entropy.mean()
}

/// Half the squared error to the λ-returns, the mean over steps and batch. Source: DITTO, equation 14.
/// - Parameters: both `[H, B]`; no gradient flows through `returns`.
public func criticLoss(value: Tensor, returns: Tensor) -> Tensor {
  0.5 * (value - returns.detached()).squared().mean()
}
