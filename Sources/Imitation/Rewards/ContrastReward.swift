import Torch
import WorldModel

/// Equation 8 of DITTO, minus its mean over K random expert states. Any two plausible latents are much alike; what is
/// left is how much more like this expert state than like any.
final class ContrastReward: Reward {
  private let compared: ComparedState
  /// `[K, D]`, drawn once for a run.
  private let others: Tensor

  init(_ compared: ComparedState, samples: Int, _ context: RewardContext) {
    self.compared = compared
    let sampled =
      Tensor.uniform([samples], using: RandomSource(context.seed.stream("contrast"), on: context.device))
      * Double(context.expert.count)
    others = compared(context.expert.states(at: sampled.to(.int64)))
  }

  func callAsFunction(_ expert: LatentWindows, _ dream: Rollout) -> Tensor {
    let reached = compared.reached(dream.states)
    return latentReward(expert: compared.reached(expert.states), learner: reached) - toOthers(reached)
  }

  /// The mean of equation 8 between each of `[H, B, D]` and all others: `[H, B]`.
  private func toOthers(_ reached: Tensor) -> Tensor {
    let x = reached.flattened(first: 2).to(.float32)
    let larger = maximum(x.norm(over: -1, keepingAxes: true), others.norm(over: -1).reshaped(1, -1))
    return (x.matmul(others.permuted(1, 0)) / larger.squared()).mean(over: 1).unflattened(
      Array(reached.shape.prefix(2)))
  }
}

extension RewardKind {
  public static let contrast = RewardKind("contrast", comparesSteps: true) {
    ContrastReward($0.compared, samples: $0.contrastSamples, $1)
  }
}
