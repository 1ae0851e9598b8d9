import Configuration
import Demonstrations
import Foundation
import Imitation
import Torch
import WorldModel

/// Drives DITTO's updates with windows of expert latents.
final class AgentRunTrainer: Trainer {
  private let learner: Ditto
  private let windows: WindowSampler
  private let validation: AgentValidation?
  private let seed: Seed

  static let (networkPrefix, actorOptimizerPrefix, criticOptimizerPrefix) = ("networks.", "optimizer.actor.", "optimizer.critic.")

  init(_ learner: Ditto, _ windows: WindowSampler, _ validation: AgentValidation?, seed: Seed) {
    (self.learner, self.windows, self.validation, self.seed) = (learner, windows, validation, seed)
  }

  func update(step: Int) throws -> Metrics {
    learner.update(on: windows.windows(step: step), step: step, using: RandomSource(seed.stream("dreams").step(step), on: learner.device))
  }

  func validate(step: Int) throws -> Metrics { validation?.metrics(of: learner) ?? [:] }

  var state: [(name: String, tensor: Tensor)] {
    learner.networks.namedParameters.map { (Self.networkPrefix + $0.name, $0.parameter) }
      + learner.actorOptimizer.state.map { (Self.actorOptimizerPrefix + $0.name, $0.tensor) }
      + learner.criticOptimizer.state.map { (Self.criticOptimizerPrefix + $0.name, $0.tensor) }
  }

  func restore(from file: Safetensors) throws {
    try learner.networks.load(from: file, prefix: Self.networkPrefix)
    try learner.actorOptimizer.restore(from: file, prefix: Self.actorOptimizerPrefix)
    try learner.criticOptimizer.restore(from: file, prefix: Self.criticOptimizerPrefix)
  }
}

/// How the policy does on expert episodes that it was not trained on, without any environment.
struct AgentValidation {
  let windows: WindowSampler
  let seed: Seed

  /// The latent reward of dreams from held-out starts, beside what the expert's own actions earn there, and how often the policy
  /// most of all wants the expert's action.
  func metrics(of learner: Ditto) -> Metrics {
    let expert = windows.windows(step: 0)
    let random = RandomSource(seed, on: learner.device)
    let follows = learner.dream(from: expert, following: expert.actions, using: random)
    let dreams = learner.dream(from: expert, using: random)
    let agreement = noGrad { learner.networks.policy(expert.states.features.dropLast()).drawn(.mode).isEqual(to: expert.actions).to(.float32).mean() }
    return [
      "validation/reward": learner.reward(expert, dreams).mean(), "validation/expert_reward": learner.reward(expert, follows).mean(),
      "validation/agreement": agreement,
    ]
  }
}
