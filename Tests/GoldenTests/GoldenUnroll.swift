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
    let given = try golden["in.sampled"].to(.int64)
    let steps = given.shape[0]

    let dream = Dream(
      from: expert[0], steps: steps,
      policy: { _, step in given[step] },
      dynamics: { state, action in
        let (h, z) = (state.deterministic, state.stochastic)
        let rolled = concatenated([h.sliced(size - 1..<size, axis: -1), h.sliced(0..<size - 1, axis: -1)], axis: -1)
        let next = tanh(0.9 * h + 0.5 * rolled + action.oneHot(actionCount).matmul(weights))
        return LatentState(deterministic: next, stochastic: tanh(0.8 * z + 0.3 * next))
      })
    try golden.compare("ditto.states_h", dream.states.deterministic.dropFirst())

    // A reward belongs to the state after the action; the step after the expert's last row has none.
    let rewards = concatenated(
      [
        latentReward(expert: ComparedState.h(expert.sliced(1..<steps)), learner: ComparedState.h(dream.states.sliced(1..<steps))),
        .zeros([1, given.shape[1]]),
      ], axis: 0)
    try golden.compare("ditto.rewards", rewards)
    try authors.compare("ditto.", authors.update(dream.states.features.dropLast(), dream.actions, rewards))

    golden.finish(notBuilt: ["gail.", "bc.", "disc."])
  }
}
