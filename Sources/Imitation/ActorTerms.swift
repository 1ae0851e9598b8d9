import Torch

/// A part of the actor's loss beside eq 15.
protocol ActorTerm {
  /// Under which metrics have it, without its weight.
  var name: String { get }
  /// - Parameter progress: the share of the training that is done, from 0 to 1.
  func weight(at progress: Double) -> Double
  /// A scalar, to be minimised.
  /// - Parameters:
  ///   - features: of the dreams' states, `[H + 1, B, F]`.
  ///   - policy: over actions, in all of these but the last.
  func callAsFunction(_ networks: ActorCritic, windows: LatentWindows, features: Tensor, policy: ActionDistribution)
    -> Tensor
}

/// The negative log-likelihood of the expert's actions in its own states, which the paper's conclusion proposes.
struct ExpertActions: ActorTerm {
  private let weight: Double
  let name = "actor/cloning_loss"

  /// Nil for a weight of 0.
  init?(weight: Double) {
    if weight == 0 { return nil }
    self.weight = weight
  }

  func weight(at progress: Double) -> Double { weight }

  func callAsFunction(_ networks: ActorCritic, windows: LatentWindows, features: Tensor, policy: ActionDistribution)
    -> Tensor
  {
    cloningLoss(
      policy: networks.policy(windows.states.features.dropLast()), action: windows.actions, entropyWeight: 0)
  }
}

/// How far the policy is from the clone that it began as: KL(policy ‖ clone) in nats, in the dreams' states.
struct NearnessToClone: ActorTerm {
  let clone: MLP
  private let configuration: WarmStartConfiguration
  let name = "actor/divergence"

  init(_ clone: MLP, _ configuration: WarmStartConfiguration) {
    (self.clone, self.configuration) = (clone, configuration)
    clone.freeze()
  }

  func weight(at progress: Double) -> Double {
    configuration.divergenceWeight * linearDecay(configuration.divergenceDecay, at: progress)
  }

  func callAsFunction(_ networks: ActorCritic, windows: LatentWindows, features: Tensor, policy: ActionDistribution)
    -> Tensor
  {
    let began = noGrad { networks.actions.policy(clone(features.dropLast())) }
    return policy.divergence(from: began).mean()
  }
}
