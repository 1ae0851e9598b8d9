import Settings
import Spaces
import Torch
import WorldModel

/// Clones the expert's actions from its latents. Source: DITTO, section 4.1, D-BC, and equation 16.
public final class DBC: LatentLearner {
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

  public var weights: NamedTensors { actor.state.under("networks.actor.") }
  public var memory: NamedTensors { optimizer.state.under("optimizer.actor.") }
}
