import Foundation
import Spaces
import Testing
import Torch

@testable import Imitation
@testable import WorldModel

/// `paper_equations`: the printed equations in float64, with their analytic gradients.
@Suite struct GoldenPaperEquations {
  let golden: Golden

  init() throws { golden = try Golden("paper_equations") }

  @Test func agreesWithThePaper() throws {
    try compareDisagreement()
    try compareDiscriminatorLoss()
    try compareSparseReward()
    try compareNearest()
    let (expert, agent) = (try golden["eq8.in.expert"], try golden["eq8.in.agent"])
    try golden.compare("eq8.reward", latentReward(expert: expert, learner: agent))
    try golden.compare("eq8.reward_l2", 1 - Distance.l2(agent, expert))
    try golden.compare("eq8.reward_cosine", cosineReward(expert: expert, learner: agent))
    try compareObjective()
    try compareBalances()
    try golden.compareReturns("eq13.case")
    try compareCriticLoss()
    try compareActorLoss()
    try compareCloningLoss()
    golden.finish()
  }

  /// Equation 1.
  private func compareDisagreement() throws {
    let probabilities = try golden["eq1.in.probs"]  // [E, B, A]
    let (members, batch, actions) = (probabilities.shape[0], probabilities.shape[1], probabilities.shape[2])
    let disagreementOn = { (taken: Tensor) in
      disagreement(
        probability: probabilities.gathering(taken.reshaped(1, batch, 1).expanded([members, batch, 1]), axis: -1)
          .reshaped(members, batch))
    }
    try golden.compare("eq1.variance_at_actions", disagreementOn(golden["eq1.in.actions"].to(.int64)))
    let each = (0..<actions).map { disagreementOn(.full([batch], Double($0), .int64)) }
    try golden.compare("eq1.variance", stacked(each, axis: 1))
  }

  /// Equation 3, printed as a sum of two means where ours is the mean of both.
  private func compareDiscriminatorLoss() throws {
    let (expert, agent) = (
      try golden["eq3.in.expert_logits"].requiringGradient(), try golden["eq3.in.agent_logits"].requiringGradient()
    )
    try golden.compare("eq3.expert_terms", softplus(-expert))
    try golden.compare("eq3.agent_terms", AdversarialReward.logarithm(agent))
    let loss = 2 * discriminatorLoss(expert: expert, learner: agent)
    try golden.compare("eq3.loss", loss)
    let found = gradients(of: loss, withRespectTo: [expert, agent])
    try golden.compare("eq3.grad_expert_logits", #require(found[0]))
    try golden.compare("eq3.grad_agent_logits", #require(found[1]))
  }

  /// Equation 4: states of numbers, all of which must be equal.
  private func compareSparseReward() throws {
    let (states, expert) = (try golden["eq4.in.states"], try golden["eq4.in.expert_states"])
    let size = states.shape[1]
    let same = states.reshaped(-1, 1, size).isEqual(to: expert.reshaped(1, -1, size)).to(.float64).mean(over: -1)
    let (actions, expertActions) = (try golden["eq4.in.actions"], try golden["eq4.in.expert_actions"])
    try golden.compare(
      "eq4.reward",
      sparseReward(
        same: same, share: 1,
        sameAction: ActionSpace.discrete(1).same(actions.reshaped(-1, 1), expertActions.reshaped(-1, 1))))
  }

  /// Equation 7, whatever the pieces that the search goes by.
  private func compareNearest() throws {
    let (agent, expert) = (try golden["eq7.in.agent"], try golden["eq7.in.expert"])
    for (name, distance) in [("eq8", Distance.dot), ("l2", .l2), ("cosine", .cosine)] {
      for pairs in [1, 40, 1000] {
        let rows = nearest(agent, among: expert.shape[0], by: distance, atOnce: pairs) { expert.sliced($0) }
        try golden.compare("eq7.nearest_" + name, rows)
        try golden.compare("eq7.reward_" + name, 1 - distance(agent, expert.taking(rows)))
      }
    }
  }

  /// Equation 16.
  private func compareCloningLoss() throws {
    let logits = try golden["eq16.in.logits"].requiringGradient()
    let (policy, actions) = (Categorical(logits: logits), try golden["eq16.in.actions"].to(.int64))
    try golden.compare("eq16.nll", -policy.logProbability(of: actions))
    try golden.compare("eq16.entropy", policy.entropy)
    let loss = cloningLoss(policy: policy, action: actions, entropyWeight: try golden.setting("eq16.hp.eta_bc"))
    try golden.compare("eq16.loss", loss)
    try golden.compare("eq16.grad_logits", #require(gradients(of: loss, withRespectTo: [logits])[0]))
  }

  /// Equation 10.
  private func compareObjective() throws {
    let frames = try golden["eq10.in.image"]
    var weights = LossConfiguration()
    weights.klWeight = try golden.setting("eq10.hp.beta")
    weights.imageWeight = 1
    let space = ObservationSpace(channels: frames.shape[2], height: frames.shape[3], width: frames.shape[4])
    let losses = WorldModelLoss(
      decoded: Observation(space, [try golden["eq10.in.decoded"]]), observed: Observation(space, [frames]),
      posterior: Categorical(logits: try golden["eq11.in.post_logits"]),
      prior: Categorical(logits: try golden["eq11.in.prior_logits"]), weights)
    // What the loss leaves out: the logarithm of the normal distribution's constant, for each pixel.
    let constant = 0.5 * Foundation.log(2 * Double.pi) * Double(frames.shape.suffix(3).reduce(1, *))
    try golden.compare("eq10.nll", losses.image!)
    try golden.compare("eq10.nll_full", losses.image! + constant)
    try golden.compare("eq10.loss", losses.total.sum(over: 0).mean())
    try golden.compare("eq10.loss_full", (losses.total + constant).sum(over: 0).mean())
    try golden.compare("eq10.loss_mean", losses.total.mean())
  }

  /// Equation 11, with its weights as printed and as in its prose.
  private func compareBalances() throws {
    let posterior = try golden["eq11.in.post_logits"].requiringGradient()
    let prior = try golden["eq11.in.prior_logits"].requiringGradient()
    let (q, p) = (Categorical(logits: posterior), Categorical(logits: prior))
    try golden.compare("eq11.kl", q.divergence(from: p).sum(over: -1))
    try golden.compare("eq11.entropy_post", q.entropy.sum(over: -1))
    try golden.compare("eq11.entropy_prior", p.entropy.sum(over: -1))

    let delta = try golden.setting("eq11.hp.delta")
    for (name, balance) in [("as_printed", 1 - delta), ("as_dreamerv2", delta)] {
      let divergence = balancedDivergence(
        posterior: Categorical(logits: posterior), prior: Categorical(logits: prior), balance: balance)
      try golden.compare("eq11.value_" + name, divergence)
      let found = gradients(of: divergence.sum(), withRespectTo: [posterior, prior])
      try golden.compare("eq11.grad_post_" + name, #require(found[0]))
      try golden.compare("eq11.grad_prior_" + name, #require(found[1]))
    }
  }

  /// Equation 14, printed as a sum over steps where ours is the mean.
  private func compareCriticLoss() throws {
    let value = try golden["eq14.in.values"].requiringGradient()
    let returns = try golden["eq14.in.returns"].dropLast()
    let steps = Double(returns.shape[0])
    try golden.compare(
      "eq14.per_step", each(returns.shape) { criticLoss(value: value[$0].at($1), returns: returns[$0].at($1)) })
    let loss = criticLoss(value: value.dropLast(), returns: returns)
    try golden.compare("eq14.loss_mean", loss)
    try golden.compare("eq14.loss", loss * steps)
    try golden.compare("eq14.grad_values", #require(gradients(of: loss * steps, withRespectTo: [value])[0]))
  }

  /// Equation 15, of the values and returns of equation 14.
  private func compareActorLoss() throws {
    let logits = try golden["eq15.in.logits"].requiringGradient()
    let action = try golden["eq15.in.actions"].to(.int64).dropLast()
    let advantage = try (golden["eq14.in.returns"] - golden["eq14.in.values"]).dropLast()
    let entropyWeight = try golden.setting("eq15.hp.eta")
    let steps = Double(action.shape[0])

    let terms = each(action.shape) { t, b in
      actorLoss(
        policy: Categorical(logits: logits[t].sliced(b..<b + 1)), action: action[t].sliced(b..<b + 1),
        advantage: advantage[t].sliced(b..<b + 1), entropyWeight: 0)
    }
    try golden.compare("eq15.reinforce_terms", terms)
    let policy = Categorical(logits: logits.dropLast())
    try golden.compare("eq15.entropy", policy.entropy)
    let loss = actorLoss(policy: policy, action: action, advantage: advantage, entropyWeight: entropyWeight)
    try golden.compare("eq15.loss_mean", loss)
    try golden.compare("eq15.loss", loss * steps)
    try golden.compare("eq15.grad_logits", #require(gradients(of: loss * steps, withRespectTo: [logits])[0]))
  }

  /// A scalar of each step and row by itself, `[H, B]`.
  private func each(_ shape: [Int], _ scalar: (_ step: Int, _ row: Int) -> Tensor) -> Tensor {
    stacked((0..<shape[0]).map { step in stacked((0..<shape[1]).map { scalar(step, $0) }) })
  }
}
