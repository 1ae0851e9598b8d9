import Settings
import Testing
import Torch
import WorldModel

@testable import Imitation

/// Networks and constants of a file, and the authors' policy update made of this package's pieces.
///
/// Their rows are states before an action: the last one's action and reward are never used, its return is its value.
struct AuthorsActorCritic {
  let golden: Golden
  let networks: ActorCritic
  /// The actor's, the critic's, and the target critic's under the authors' names.
  let actor, critic, target: Golden.NamedParameters
  private let (discount, lambda): (Double, Double)
  private let (entropyWeight, valueWeight): (Double, Double)

  init(_ golden: Golden) throws {
    self.golden = golden
    var sizes = PolicySizes()
    let first = try golden["param.actor.model.0.weight"].shape
    let layers = try golden.parts(after: "param.actor.model.")
    sizes.width = first[0]
    sizes.hiddenLayers = layers.count - 1
    let last = layers.map { Int($0)! }.max()!
    networks = ActorCritic(
      features: first[1], actions: .discrete(try golden["param.actor.model.\(last).bias"].count), sizes,
      using: RandomSource(Seed(0)))
    let parameters = try golden.load(networks, naming: AuthorsNames.actorCritic)
    let part = { (name: String) in parameters.filter { $0.name.hasPrefix(name + ".") } }
    (actor, critic, target) = (part("actor"), part("critic"), part("critic_target"))
    (discount, lambda) = (try golden.setting("hp.gamma"), try golden.setting("hp.lambda"))
    (entropyWeight, valueWeight) = (try golden.setting("hp.entropy_weight"), try golden.setting("hp.value_weight"))
  }

  struct Update {
    let policy: ActionDistribution
    /// All `[T, B]`.
    let logProbability, value, targetValue, returns, rawAdvantage, advantage: Tensor
    let entropy, policyLoss, rawPolicyLoss, valueLoss, loss: Tensor
  }

  /// - Parameters: `features` `[T, B, F]`; `actions`, integers, and `rewards` `[T, B]`.
  func update(_ features: Tensor, _ actions: Tensor, _ rewards: Tensor) -> Update {
    let actions = actions.to(.float32).reshaped(actions.shape + [1])
    let (policy, value, targetValue) = (
      networks.policy(features), networks.value(features), networks.targetValue(features)
    )
    var own = ImitationConfiguration()
    (own.discount, own.lambda, own.baseline, own.normalizeAdvantages, own.entropyWeight) = (
      discount, lambda, .target, false, 0
    )
    (own.policyGradient, own.dreamsPerWindow) = (.reinforce, 1)
    let losses = PolicyLosses(
      networks, features: features, actions: actions.dropLast(), reward: rewards.dropLast(), own)
    // Theirs is normalised over one state more than the learner's, whose advantage is 0.
    let returns = concatenated([losses.returns, targetValue.sliced(rewards.shape[0] - 1..<rewards.shape[0])], axis: 0)
    let advantage = normalised(returns - targetValue)
    let policyLoss = actorLoss(
      policy: losses.policy, action: actions.dropLast(), advantage: advantage.dropLast(), entropyWeight: 0)
    let entropy = policy.entropy.mean()
    return Update(
      policy: policy, logProbability: policy.logProbability(of: actions), value: value, targetValue: targetValue,
      returns: returns,
      rawAdvantage: returns - targetValue, advantage: advantage, entropy: entropy, policyLoss: policyLoss,
      rawPolicyLoss: losses.actor,
      valueLoss: losses.critic, loss: policyLoss + valueWeight * losses.critic - entropyWeight * entropy)
  }

  /// What both files with an update have.
  func compare(_ prefix: String, _ update: Update) throws {
    for (name, value) in [
      ("log_prob", update.logProbability), ("values", update.value), ("target_values", update.targetValue),
      ("returns", update.returns), ("advantage", update.advantage), ("entropy", update.entropy),
      ("policy_loss", update.policyLoss), ("value_loss", update.valueLoss), ("loss", update.loss),
    ] { try golden.compare(prefix + name, value) }
    try golden.compare(prefix + "grad.", gradientsOf: update.loss, actor + critic)
  }
}

extension AuthorsActorCritic {
  /// Equation 16 as both files have it.
  func compareCloning(of latents: Tensor, _ actions: Tensor) throws {
    let (policy, actions) = (networks.policy(latents), actions.to(.float32).reshaped(actions.shape + [1]))
    try golden.compare("bc.nll", cloningLoss(policy: policy, action: actions, entropyWeight: 0))
    try golden.compare("bc.entropy", policy.entropy.mean())
    let loss = cloningLoss(policy: policy, action: actions, entropyWeight: try golden.setting("hp.bc_entropy_weight"))
    try golden.compare("bc.loss", loss)
    try golden.compare("bc.grad.", gradientsOf: loss, actor)
  }
}

extension Golden {
  /// The file's discriminator of successive `h`.
  func discriminator(deterministic size: Int) throws -> (Discriminator, NamedParameters) {
    var (c, sizes) = (DiscriminatorConfiguration(), LatentSizes())
    sizes.deterministic = size
    let layers = try parts(after: "disc.param.discrim.model.")
    (c.width, c.hiddenLayers) = (try self["disc.param.discrim.model.0.weight"].shape[0], layers.count - 1)
    let empty = ExpertLatents(
      deterministic: .zeros([1, size]), classes: .zeros([1, 1]), actions: .zeros([1]), lengths: [1], classCount: 2)
    let discriminator = Discriminator(
      c, .probability, RewardContext(expert: empty, sizes: sizes, actions: 1, seed: Seed(0)))
    let parameters = try load(discriminator.network, from: "disc.param.") { path in
      let parts = path.split(separator: ".")
      return "discrim.model.\(2 * Int(parts[1])!).\(parts[2])"
    }
    return (discriminator, parameters)
  }

  /// The cases `prefix0`, `prefix1`, … of eq 13; their last row is the last value itself.
  func compareReturns(_ prefix: String) throws {
    for number in try parts(after: prefix) {
      let name = prefix + number
      let (rewards, values) = (try self[name + ".in.rewards"], try self[name + ".in.values"])
      let returns = lambdaReturns(
        reward: rewards.dropLast(), value: values, discount: try setting(name + ".hp.gamma"),
        lambda: try setting(name + ".hp.lambda"))
      try compare(
        name + ".returns", concatenated([returns, values.sliced(returns.shape[0]..<values.shape[0])], axis: 0))
    }
  }
}
