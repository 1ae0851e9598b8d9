import Torch
import WorldModel

/// How closely the learner follows the expert: `(e · l) / max(‖e‖, ‖l‖)²`, one only where they are equal.
///
/// Source: DITTO, equation 8.
/// - Parameters:
///   - expert: `[…, D]`; where both it and the learner are zero, the reward is not a number.
///   - learner: `[…, D]`.
/// - Returns: `[…]`, dimensionless, in −1…1.
public func latentReward(expert e: Tensor, learner l: Tensor) -> Tensor {
  (e * l).sum(over: -1) / maximum(e.norm(over: -1), l.norm(over: -1)).squared()
}

/// `1 − ‖e − l‖ / (‖e‖ + ‖l‖)`: in 0…1 whatever the scale, one only where they are equal, zero where they are opposite.
/// Named, not defined, beside equation 8 of DITTO; `1 − ‖e − l‖` has no lower bound, and would be ruled by how large
/// latents are.
public func l2Reward(expert e: Tensor, learner l: Tensor) -> Tensor {
  1 - (e - l).norm(over: -1) / (e.norm(over: -1) + l.norm(over: -1))
}

/// Cosine similarity `(e · l) / (‖e‖ ‖l‖)`, in −1…1, the same for any positive multiple of either. Named beside
/// equation 8 of DITTO.
public func cosineReward(expert e: Tensor, learner l: Tensor) -> Tensor {
  (e * l).sum(over: -1) / (e.norm(over: -1) * l.norm(over: -1))
}

/// Compares the state after each imagined step with the expert's at the same time.
final class LatentMatching: Reward {
  private let compared: ComparedState
  private let similarity: (Tensor, Tensor) -> Tensor

  /// - Parameter similarity: of an expert's and a learner's `[…, D]`, `[…]`.
  init(_ compared: ComparedState, _ similarity: @escaping (_ expert: Tensor, _ learner: Tensor) -> Tensor) {
    (self.compared, self.similarity) = (compared, similarity)
  }

  func callAsFunction(_ expert: LatentWindows, _ dream: Rollout) -> Tensor {
    similarity(compared.reached(expert.states), compared.reached(dream.states))
  }
}

/// The part of the model state that is compared.
public enum ComparedState: String, Codable, CaseIterable, Sendable {
  case both, h, z

  public func callAsFunction(_ states: LatentState) -> Tensor {
    switch self {
    case .both: states.features
    case .h: states.deterministic
    case .z: states.stochastic
    }
  }

  /// Of all states but the first: what was reached by each action, `[H, B, …]`.
  public func reached(_ states: LatentState) -> Tensor { self(states.sliced(1..<states.deterministic.shape[0])) }
}

extension RewardKind {
  public static let dot = RewardKind("dot", comparesSteps: true) { c, _ in LatentMatching(c.compared, latentReward) }
  public static let l2 = RewardKind("l2", comparesSteps: true) { c, _ in LatentMatching(c.compared, l2Reward) }
  public static let cosine = RewardKind("cosine", comparesSteps: true) { c, _ in
    LatentMatching(c.compared, cosineReward)
  }
}
