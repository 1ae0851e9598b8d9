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
}
