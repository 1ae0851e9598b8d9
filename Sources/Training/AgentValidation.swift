import Imitation
import Settings
import Spaces
import Torch
import WorldModel

/// How a policy does on expert episodes that it was not trained on, without any environment.
struct AgentValidation {
  let windows: WindowSampler
  let imagination: Imagination
  let compared: ComparedState
  let scoredBy: Score
  let seed: Seed

  /// What checkpoints are compared by: the reward of dreams, or the log-likelihood of the expert's actions.
  enum Score { case reward, likelihood }

  /// What the policy's dreams from held-out starts earn by eq 8, beside what the expert's own, uniformly random and
  /// constant actions earn there: where those earn the same, the model ignores actions, and nothing can be learned in
  /// it. And how often the policy most of all wants what the expert did.
  func metrics(of policy: @escaping (Tensor) -> ActionDistribution) -> Metrics {
    noGrad {
      let expert = windows.windows(step: 0)
      let (start, shape, space) = (expert.states[0], Array(expert.actions.shape.prefix(2)), imagination.actions)
      let random = RandomSource(seed, on: imagination.device)
      let reward = { (dream: Rollout) in
        latentReward(expert: compared.reached(expert.states), learner: compared.reached(dream.states)).mean()
      }
      let following = { (actions: Tensor) in reward(imagination.rollout(from: start, following: actions, using: random))
      }
      let anything = space.uniform(shape, using: random)
      let constant = space.constants(shape, on: imagination.device).map { following($0.actions) }
      let wanted = policy(expert.states.features.dropLast())
      let nats = -wanted.logProbability(ofOthers: expert.actions).mean()
      let own = reward(imagination.rollout(from: start, steps: shape[0], using: random, policy: policy))
      let certain = reward(
        imagination.rollout(from: start, steps: shape[0], choosing: .best, using: random, policy: policy))
      return [
        "validation/reward": own, "validation/nll": nats, "validation/score": scoredBy == .reward ? own : -nats,
        "validation/best_action_reward": certain,
        "validation/expert_reward": following(expert.actions), "validation/random_reward": following(anything),
        "validation/best_constant_reward": stacked(constant).max(over: 0),
        "validation/agreement": space.likeness(wanted.sampled(.mode), expert.actions).mean(),
      ]
    }
  }
}
