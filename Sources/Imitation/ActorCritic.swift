import Spaces
import Torch

/// The policy and its values, all functions of the model state alone. Source: DITTO, eq 12.
public final class ActorCritic: Module {
  /// Features to what `ActionSpace.policy` takes.
  public let actor: MLP
  /// Features to the expected discounted sum of rewards.
  public let critic: MLP
  /// A copy of the critic that follows it at intervals and gives the bootstrap values (Mnih et al. 2015).
  public let targetCritic: MLP
  public let actions: ActionSpace

  public init(features: Int, actions: ActionSpace, _ sizes: PolicySizes, using random: RandomSource) {
    let network = { MLP(features, $0, width: sizes.width, hiddenLayers: sizes.hiddenLayers, using: random) }
    self.actions = actions
    actor = network(actions.policyOutputs)
    critic = network(1)
    targetCritic = network(1)
    targetCritic.freeze()
    targetCritic.copyParameters(from: critic)
  }

  /// Over actions, of features `[…, F]`.
  public func policy(_ features: Tensor) -> ActionDistribution { actions.policy(actor(features)) }
  /// `[…, F]` to `[…]`.
  public func value(_ features: Tensor) -> Tensor { scalars(critic(features)) }
  public func targetValue(_ features: Tensor) -> Tensor { noGrad { scalars(targetCritic(features)) } }

  /// `[…, 1]` to `[…]`, bf16 widened.
  private func scalars(_ x: Tensor) -> Tensor {
    let values = x.reshaped(Array(x.shape.dropLast()))
    return values.type == .bfloat16 ? values.to(.float32) : values
  }
}
