import Settings
import Testing
import Torch

@testable import Imitation

@Suite struct ActorCriticTests {
  private func networks(_ seed: UInt64) -> ActorCritic {
    var sizes = PolicySizes()
    (sizes.width, sizes.hiddenLayers) = (4, 1)
    return ActorCritic(features: 6, actions: 3, sizes, using: RandomSource(Seed(seed)))
  }

  /// Saved agents name their tensors so: a rename must not go unnoticed.
  @Test func namesItsParametersAsSavedAgentsDo() {
    let names = networks(0).namedParameters.map { "\($0.name) \($0.parameter.shape)" }
    #expect(
      names
        == [("actor", 3), ("critic", 1), ("targetCritic", 1)].flatMap { network, outputs in
          [
            "layers.0.weight [4, 6]", "layers.0.bias [4]", "layers.1.weight [\(outputs), 4]",
            "layers.1.bias [\(outputs)]",
          ].map { "\(network).\($0)" }
        })
  }

  @Test func startsWithATargetEqualToTheCriticAndNeverTrainsIt() {
    let networks = networks(1)
    let features = Tensor.normal([5, 6], using: RandomSource(Seed(2)))
    let (value, target): ([Float], [Float]) = (
      networks.value(features).values(), networks.targetValue(features).values()
    )
    #expect(value == target)
    #expect(networks.targetCritic.parameters.allSatisfy { !$0.isTrained })
    #expect(networks.critic.parameters.allSatisfy { $0.isTrained })
  }
}
