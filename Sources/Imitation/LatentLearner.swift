import Settings
import Spaces
import Torch
import WorldModel

/// Learns a policy, a function of the model state, from expert latents.
public protocol LatentLearner: AnyObject {
  /// Features to what `ActionSpace.policy` takes.
  var actor: MLP { get }
  var actions: ActionSpace { get }

  /// Gradient step `step`, counted from 0: a function of the learner's state, its seed and the step.
  /// - Parameter progress: the share of the training that is done, from 0 to 1.
  func update(step: Int, progress: Double) -> Metrics

  /// What a resumed run needs; the actor is `networks.actor.*`.
  var state: [(name: String, tensor: Tensor)] { get }
  func restore(from file: Safetensors) throws
}

extension LatentLearner {
  public var policy: (Tensor) -> ActionDistribution { { [actor, actions] in actions.policy(actor($0)) } }
}

/// How the agent is learned. Source: DITTO, section 4.1.
public enum Method: String, Codable, CaseIterable, Sendable {
  /// Latent matching by on-policy reinforcement learning in the world model.
  case ditto
  /// The same actor and critic, rewarded by a discriminator.
  case dgail
  /// Maximum likelihood on expert latents.
  case dbc
  /// Maximum likelihood on the expert's frames, without a world model.
  case bc
}

/// Maximum likelihood of the expert's actions.
public struct CloningConfiguration: Configuration {
  /// States per gradient step.
  public var batch = 512
  /// `η_BC` of eq 16, per nat.
  public var entropyWeight = 0.1
  /// The share of hidden units that are left out at each gradient step.
  public var dropout = 0.2
  /// `dbc`: noise on `h`, in deviations of each of its numbers over the expert's states.
  public var noise = 0.1
  /// `bc`: frames that the policy sees, the newest and those before it.
  public var frames = 2
  public var optimizer = OptimizerConfiguration { $0.weightDecay = 0.1 }

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(batch, in: 1...1_000_000, "batch")
    problems.require(entropyWeight >= 0, "entropyWeight", "is \(entropyWeight), must not be negative")
    problems.require(dropout >= 0 && dropout < 1, "dropout", "is \(dropout), must be at least 0 and below 1")
    problems.require(noise >= 0, "noise", "is \(noise), must not be negative")
    problems.require(frames, in: 1...16, "frames")
    problems.check(optimizer, "optimizer")
  }
}

/// Clones the expert's actions from its latents. Source: DITTO, section 4.1, D-BC, and equation 16.
public final class LatentCloner: LatentLearner {
  public let actor: MLP
  public let actions: ActionSpace
  private let optimizer: Adam
  private let configuration: CloningConfiguration
  private let states: WindowSampler
  private let seed: Seed
  /// The noise's deviation of each number of `h`, `[D]`.
  private let deviation: Tensor?

  /// - Throws: `ImitationError.episodesTooShort` where no episode has a step.
  public init(
    _ worldModel: WorldModel, _ c: CloningConfiguration, _ sizes: PolicySizes, expert: ExpertLatents, seed: Seed
  ) throws {
    configuration = c
    actions = worldModel.actions
    actor = MLP(
      worldModel.sizes.features, actions.policyOutputs, width: sizes.width, hiddenLayers: sizes.hiddenLayers,
      using: RandomSource(seed.stream("policy"), on: worldModel.device))
    optimizer = Adam(actor.namedParameters, c.optimizer)
    states = try WindowSampler(expert, horizon: 1, batch: c.batch, seed: seed.stream("windows"))
    self.seed = seed
    deviation = c.noise == 0 ? nil : c.noise * expert.deviation
  }

  public func update(step: Int, progress: Double) -> Metrics {
    let (policy, action, loss) = loss(step: step)
    let norm = optimizer.step(minimizing: loss, progress: progress)
    return [
      "actor/loss": loss, "actor/entropy": policy.entropy.mean(), "actor/gradient_norm": norm,
      "actor/agreement": actions.likeness(policy.sampled(.mode), action).mean(),
    ]
  }

  /// A gradient step on states that somebody labelled, beside the expert's own.
  /// - Parameters:
  ///   - features: `[N, F]`, of states; their best actions, `[N]`, and how much each matters, `[N]`, 1 on average.
  ///   - expertWeight: weight of eq 16 on the expert's states.
  func update(on features: Tensor, _ best: Tensor, weights: Tensor, expertWeight: Double, step: Int) {
    let taught = -(policy(features).logProbability(of: best) * weights).mean()
    optimizer.step(minimizing: taught + expertWeight * loss(step: step).loss)
  }

  /// Eq 16 on states of gradient step `step`, and the policy and the expert's actions there.
  private func loss(step: Int) -> (policy: ActionDistribution, action: Tensor, loss: Tensor) {
    let windows = states.windows(step: step)
    let random = RandomSource(seed.stream("noise").step(step), on: windows.actions.device)
    let (h, z) = (windows.states[0].deterministic, windows.states[0].stochastic)
    let seen = deviation.map { h + $0 * .normal(h.shape, using: random) } ?? h
    let outputs = actor(concatenated([seen, z], axis: -1), dropout: configuration.dropout, using: random)
    let (policy, action) = (actions.policy(outputs), windows.actions[0])
    return (policy, action, cloningLoss(policy: policy, action: action, entropyWeight: configuration.entropyWeight))
  }

  public var state: [(name: String, tensor: Tensor)] {
    actor.namedParameters.map { ("networks.actor." + $0.name, $0.parameter) }
      + optimizer.state.map { ("optimizer.actor." + $0.name, $0.tensor) }
  }

  public func restore(from file: Safetensors) throws {
    try actor.load(from: file, prefix: "networks.actor.")
    try optimizer.restore(from: file, prefix: "optimizer.actor.")
  }
}
