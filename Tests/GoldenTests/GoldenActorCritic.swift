import Testing
import Torch

@testable import Imitation

/// `authors_actor_critic`: the policy update, the latent reward and the λ-return against the authors' PyTorch code.
@Suite struct GoldenActorCritic {
  @Test func agreesWithTheAuthorsCode() throws {
    let golden = try Golden("authors_actor_critic")
    let authors = try AuthorsActorCritic(golden)
    let (latents, actions, rewards) = (try golden["in.latents"], try golden["in.actions"], try golden["in.rewards"])

    let update = authors.update(latents, actions, rewards)
    try golden.compare("logits", authors.networks.actor(latents))
    try golden.compare("action_probs", update.policy.classes[0].distribution.probabilities.flattened(last: 2))
    try golden.compare("entropy_each", update.policy.entropy)
    try golden.compare("advantage_raw", update.rawAdvantage)
    try golden.compare("policy_loss_raw", update.rawPolicyLoss)
    try authors.compare("", update)
    try golden.compare(
      "grad_policy_loss.", gradientsOf: authors.update(latents, actions, rewards).policyLoss, authors.actor)
    try golden.compare(
      "grad_value_loss.", gradientsOf: authors.update(latents, actions, rewards).valueLoss, authors.critic)

    try golden.compare("bc.logits", authors.networks.actor(golden["bc.in.latents"]))
    try authors.compareCloning(of: golden["bc.in.latents"], golden["bc.in.actions"].argmax(over: -1))

    // The authors' own step keeps PyTorch's default epsilon, and is one for both networks.
    let trained = authors.actor + authors.critic
    let rate = try golden.setting("hp.lr")
    Adam(trained, OptimizerConfiguration { ($0.learningRate, $0.epsilon) = (rate, 1e-8) })
      .step(along: try trained.map { try golden["grad." + $0.name] })
    try golden.compare("after_adam.", moved: trained)

    for name in ["max_cos", "max_cos_edge"] {
      try golden.compare(name + ".out", latentReward(expert: golden[name + ".in.b"], learner: golden[name + ".in.a"]))
    }
    try golden.compareReturns("lambda_return.case")
    try compareDiscriminator(golden)

    // The authors' logarithms of probabilities are clamped, ours are exact.
    golden.finish(leavingOut: ["clamp_edge."])
  }

  private func compareDiscriminator(_ golden: Golden) throws {
    let (learner, expert) = (try golden["disc.in.agent"], try golden["disc.in.expert"])
    let (discriminator, parameters) = try golden.discriminator(deterministic: learner.shape.last! / 2)
    let logits = { (pairs: Tensor) in discriminator.network(pairs).reshaped(Array(pairs.shape.dropLast())) }
    try golden.compare("disc.agent_logits", logits(learner))
    try golden.compare("disc.expert_logits", logits(expert))
    try golden.compare("disc.reward", AdversarialReward.probability(logits(learner)))
    let loss = discriminatorLoss(expert: logits(expert), learner: logits(learner))
    try golden.compare("disc.loss", loss)
    try golden.compare("disc.grad.", gradientsOf: loss, parameters)
  }
}
