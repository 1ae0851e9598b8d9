import Spaces
import Torch
import WorldModel

/// Learns a policy, a function of the model state, from expert latents. In files the actor is `networks.actor.*`.
public protocol LatentLearner: Learner {
  /// Features to what `ActionSpace.policy` takes.
  var actor: MLP { get }
  var actions: ActionSpace { get }

  /// Gradient step `step`, counted from 0: a function of the learner's state, its seed and the step.
  /// - Parameter progress: the share of the training that is done, from 0 to 1.
  func update(step: Int, progress: Double) -> Metrics
}

extension LatentLearner {
  public var policy: (Tensor) -> ActionDistribution { { [actor, actions] in actions.policy(actor($0)) } }
}

/// How the agent is learned. Source: DITTO, section 4.1.
public enum Method: String, Codable, CaseIterable, Sendable {
  /// Latent matching by on-policy reinforcement learning in the world model.
  case ditto
  /// The same actor and critic, rewarded by a discriminator.
  case dgail
  /// Maximum likelihood on expert latents.
  case dbc
  /// Maximum likelihood on the expert's frames, without a world model.
  case bc

  /// Whether it learns a policy by reinforcement in the world model.
  public var dreams: Bool { self == .ditto || self == .dgail }
}
