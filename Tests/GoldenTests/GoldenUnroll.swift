import Testing
import Torch
import WorldModel

@testable import Imitation

/// `authors_unroll`: a whole update against the authors' own unroll, with a toy in the world model's place.
@Suite struct GoldenUnroll {
  @Test func agreesWithTheAuthorsCode() throws {
    let golden = try Golden("authors_unroll")
    let authors = try AuthorsActorCritic(golden)
    let weights = try golden["in.dynamics_weight"]  // [A, D]
    let (actionCount, size) = (weights.shape[0], weights.shape[1])
    let latents = try golden["in.latents"]  // [T, B, 2 D]
    let expert = LatentState(
      deterministic: latents.sliced(0..<size, axis: -1), stochastic: latents.sliced(size..<2 * size, axis: -1))
    let dream = { (name: String) -> Rollout in
      let given = try golden[name].to(.int64)
      return Rollout(
        from: expert[0], steps: given.shape[0],
        policy: { _, step in given[step] },
        dynamics: { state, action in
          let (h, z) = (state.deterministic, state.stochastic)
          let rolled = concatenated([h.sliced(size - 1..<size, axis: -1), h.sliced(0..<size - 1, axis: -1)], axis: -1)
          let next = tanh(0.9 * h + 0.5 * rolled + action.oneHot(actionCount).matmul(weights))
          return LatentState(deterministic: next, stochastic: tanh(0.8 * z + 0.3 * next))
        })
    }
    let preActions = try golden["in.pre_actions"].argmax(over: -1).to(.float32)  // [T, B]: that led to each row
    let window = LatentWindows(
      states: expert, actions: preActions.dropFirst().reshaped([preActions.shape[0] - 1, -1, 1]))

    // A reward belongs to the state after the action; the step after the expert's last row has none.
    func compare(_ name: String, _ dream: Rollout, _ reward: any Reward) throws {
      try golden.compare(name + "states_h", dream.states.deterministic.dropFirst())
      let (steps, last) = (dream.actions.shape[0], Tensor.zeros([1, dream.actions.shape[1]]))
      let seen = Rollout(states: dream.states.sliced(0..<steps), actions: dream.actions.dropLast())
      let rewards = concatenated([reward(window, seen), last], axis: 0)
      try golden.compare(name + "rewards", rewards)
      try authors.compare(name, authors.update(dream.states.features.dropLast(), dream.actions, rewards))
    }
    try compare("ditto.", dream("in.sampled"), LatentMatching(.h, latentReward))
    let (discriminator, parameters) = try golden.discriminator(deterministic: size)
    let learner = try dream("in.sampled_gail")
    try compare("gail.", learner, discriminator)
    let steps = preActions.shape[0]
    let (real, imagined) = (
      discriminator.logits(expert, window.actions),
      discriminator.logits(learner.states.sliced(0..<steps), learner.actions.dropLast())
    )
    try golden.compare("gail.expert_logits", real)
    try golden.compare("gail.agent_logits", imagined)
    let loss = discriminatorLoss(expert: real, learner: imagined)
    try golden.compare("gail.disc_loss", loss)
    try golden.compare("gail.disc_grad.", gradientsOf: loss, parameters)
    try authors.compareCloning(of: latents.dropLast(), window.actions.at(0, axis: 2))
    golden.finish()
  }
}
